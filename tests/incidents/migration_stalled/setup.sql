CREATE TABLE papers (id bigint PRIMARY KEY, body text);
INSERT INTO papers SELECT i, repeat(md5(i::text), 4) FROM generate_series(1, 200000) i;
CREATE TABLE documents (id bigint PRIMARY KEY, body text);
CREATE TABLE worker (runs boolean NOT NULL);
INSERT INTO worker VALUES (true);
GRANT SELECT ON papers, worker TO app;
GRANT SELECT, INSERT ON documents TO app;
ANALYZE;
CHECKPOINT;
