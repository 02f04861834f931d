-- title: an empty table
-- verdict: rightful
-- setup:
CREATE TABLE nothing (id integer, t text);
-- query:
SELECT * FROM nothing WHERE id = $1;
-- truth:
SELECT * FROM nothing WHERE id = 3;
