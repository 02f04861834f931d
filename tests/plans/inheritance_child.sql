-- title: one child of many lacks the index
-- verdict: harmful
-- object: logs_b
-- cure: logs_b (host)
-- setup:
CREATE TABLE logs (id bigint NOT NULL, host integer NOT NULL, line text);
CREATE TABLE logs_a () INHERITS (logs);
CREATE TABLE logs_b () INHERITS (logs);
INSERT INTO logs_a SELECT i, i % 9000, repeat('l', 100) FROM generate_series(1, 120000) i;
INSERT INTO logs_b SELECT i, i % 9000, repeat('l', 100) FROM generate_series(1, 120000) i;
CREATE INDEX ON logs_a (host);
ANALYZE;
-- query:
SELECT id, line FROM logs WHERE host = $1;
-- truth:
SELECT id, line FROM logs WHERE host = 77;
