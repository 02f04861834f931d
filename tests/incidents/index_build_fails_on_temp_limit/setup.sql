SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE ROLE index_owner LOGIN;
GRANT CREATE ON SCHEMA public TO index_owner;
SET ROLE index_owner;
CREATE TABLE documents (dump_id int NOT NULL, path text NOT NULL, data text);
INSERT INTO documents SELECT i % 3000, 'src/component/' || md5(i::text) || '/index.ts', repeat(md5(i::text), 8)
FROM generate_series(1, 500000 * :scale) i;
GRANT SELECT ON documents TO app;
RESET ROLE;
ANALYZE;
CHECKPOINT;
