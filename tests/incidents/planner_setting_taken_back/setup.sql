SET client_min_messages = warning; SET synchronous_commit = off;
CREATE TABLE baskets (id int PRIMARY KEY, user_id int NOT NULL, body text);
INSERT INTO baskets SELECT i, i % 100000, repeat('c', 300) FROM generate_series(1, 500000) i;
CREATE INDEX baskets_user ON baskets (user_id);
GRANT SELECT ON baskets TO app;
ALTER ROLE app SET enable_indexscan = off;
ALTER ROLE app SET enable_bitmapscan = off;
ANALYZE; CHECKPOINT;
