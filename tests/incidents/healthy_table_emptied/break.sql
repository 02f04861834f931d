TRUNCATE visits;
