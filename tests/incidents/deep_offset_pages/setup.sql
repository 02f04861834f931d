SET client_min_messages = warning; SET synchronous_commit = off;
CREATE TABLE articles (id bigint PRIMARY KEY, title text NOT NULL, body text);
INSERT INTO articles SELECT i, 'title ' || i, repeat('x', 200) FROM generate_series(1, 600000) i;
GRANT SELECT ON articles TO app;
ANALYZE; CHECKPOINT;
