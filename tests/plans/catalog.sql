-- title: a look at the catalogue
-- verdict: rightful
-- setup:

-- query:
SELECT relname FROM pg_class WHERE relkind = $1;
-- truth:
SELECT relname FROM pg_class WHERE relkind = 'r';
