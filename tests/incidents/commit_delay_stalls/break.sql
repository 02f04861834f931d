ALTER SYSTEM SET commit_delay = 100000;
ALTER SYSTEM SET commit_siblings = 0;
SELECT pg_reload_conf();
