-- title: open documents, or those in one of many folders
-- verdict: rightful
-- setup:
CREATE TABLE docs (id bigint PRIMARY KEY, folder_id integer, state text, title text);
INSERT INTO docs SELECT i, i % 40, CASE WHEN i % 100 = 0 THEN 'open' ELSE 'closed' END, repeat('t', 110) FROM generate_series(1, 120000) i;
CREATE TABLE folders (id integer PRIMARY KEY, public boolean);
INSERT INTO folders SELECT i, i % 2 = 0 FROM generate_series(0, 39) i;
ANALYZE;
-- query:
SELECT count(*) FROM docs WHERE state = 'open' OR folder_id IN (SELECT id FROM folders WHERE public);
