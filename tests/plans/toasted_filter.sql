-- title: a condition on a large value of a small heap
-- verdict: harmful
-- object: attachments
-- cure: attachments USING gin (body jsonb_path_ops) | attachments USING gin (body) | attachments ((body ->> 'owner'))
-- setup:
CREATE TABLE attachments (id integer, body jsonb);
ALTER TABLE attachments ALTER body SET STORAGE EXTERNAL;
INSERT INTO attachments SELECT i, jsonb_build_object('owner', 'o' || i, 'data', repeat(md5(i::text), 100)) FROM generate_series(1, 12000) i;
ANALYZE attachments;
-- query:
SELECT id FROM attachments WHERE body @> $1;
-- truth:
SELECT id FROM attachments WHERE body @> '{"owner": "o77"}';
