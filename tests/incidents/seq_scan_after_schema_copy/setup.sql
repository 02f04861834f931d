-- Five tables that were copied without their indexes, owned by an ordinary role. About 900 MB at scale 1.
SET client_min_messages = warning;
SET synchronous_commit = off;
ALTER ROLE app SET statement_timeout = '10s';
CREATE ROLE codeintel_owner;
GRANT CREATE ON SCHEMA public TO codeintel_owner;
SET ROLE codeintel_owner;
CREATE TABLE lsif_data_metadata      (dump_id int NOT NULL, num_result_chunks int);
CREATE TABLE lsif_data_documents     (dump_id int NOT NULL, path text NOT NULL, data bytea);
CREATE TABLE lsif_data_result_chunks (dump_id int NOT NULL, idx int NOT NULL, data bytea);
CREATE TABLE lsif_data_definitions   (dump_id int NOT NULL, scheme text NOT NULL, identifier text NOT NULL, data bytea);
CREATE TABLE lsif_data_references    (dump_id int NOT NULL, scheme text NOT NULL, identifier text NOT NULL, data bytea);
-- what the payloads say is nobody's business here: do not spend time on compressing them
ALTER TABLE lsif_data_documents     ALTER data SET STORAGE EXTERNAL;
ALTER TABLE lsif_data_result_chunks ALTER data SET STORAGE EXTERNAL;
-- one document in fifty is large and out of line; the others stay in the heap, three to a page
ALTER TABLE lsif_data_documents SET (toast_tuple_target = 4096);
GRANT SELECT ON ALL TABLES IN SCHEMA public TO app;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO bulk;

-- 2,000 dumps of 125 documents, 10 chunks, 100 definitions and 250 references each
INSERT INTO lsif_data_metadata SELECT d, 50 FROM generate_series(1, 2000) d;
-- every 80th dump twice: the parallel bulk loader's bug
INSERT INTO lsif_data_metadata SELECT d, 50 FROM generate_series(80, 2000, 80) d;
INSERT INTO lsif_data_documents
SELECT d, 'cmd/frontend/internal/pkg' || d % 37 || '/' || repeat('nested/' || md5(i::text) || '/', 6) || 'file_' || i || '.go',
       decode(repeat(md5((d * 1000 + i)::text), CASE WHEN i % 50 = 0 THEN 512 ELSE 140 END), 'hex')
FROM generate_series(1, 2000) d, generate_series(1, (125 * :scale)::int) i;
INSERT INTO lsif_data_result_chunks
SELECT d, i, decode(repeat(md5((d * 100 + i)::text), 100), 'hex')
FROM generate_series(1, 2000) d, generate_series(0, (10 * :scale)::int - 1) i;
INSERT INTO lsif_data_definitions
SELECT d, 'gomod', 'github.com/acme/pkg' || i % 97 || ':' || md5((i * 3)::text) || ':Symbol' || i,
       decode(repeat(md5((d + i)::text), 8), 'hex')
FROM generate_series(1, 2000) d, generate_series(1, (100 * :scale)::int) i;
INSERT INTO lsif_data_references
SELECT d, 'gomod', 'github.com/acme/pkg' || i % 97 || ':' || md5((i * 3)::text) || ':Symbol' || i,
       decode(repeat(md5((d + i)::text), 8), 'hex')
FROM generate_series(1, 2000) d, generate_series(1, (250 * :scale)::int) i;
RESET ROLE;
ANALYZE;
CHECKPOINT;
