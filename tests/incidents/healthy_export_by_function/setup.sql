SET client_min_messages = warning; SET synchronous_commit = off;
CREATE TABLE members (id bigint PRIMARY KEY, email text NOT NULL, state text NOT NULL, profile text);
INSERT INTO members SELECT i, 'member' || i || '@example.org', CASE WHEN i % 3 = 0 THEN 'Left' ELSE 'Active' END, repeat(md5(i::text), 5) FROM generate_series(1, 120000) i;
GRANT SELECT ON members TO newsletter, web;
VACUUM ANALYZE;
CHECKPOINT;
