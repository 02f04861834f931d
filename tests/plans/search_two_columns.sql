-- title: full text of two columns
-- verdict: harmful
-- object: posts
-- cure: posts USING gin (to_tsvector('english', coalesce(title, '') || ' ' || coalesce(body, ''))) | posts USING gist (to_tsvector('english', coalesce(title, '') || ' ' || coalesce(body, '')))
-- setup:
CREATE TABLE posts (id bigint PRIMARY KEY, title text, body text, author text);
INSERT INTO posts SELECT i, CASE WHEN i % 9 > 0 THEN 'word' || i % 3000 || ' title' END, 'body' || i % 7000 || ' ' || repeat('lorem ', 12), 'a' || i % 50 FROM generate_series(1, 90000) i;
ANALYZE;
-- query:
SELECT id FROM posts WHERE to_tsvector('english', coalesce(title, '') || ' ' || coalesce(body, '')) @@ websearch_to_tsquery('english', $1) LIMIT 20;
-- truth:
SELECT id FROM posts WHERE to_tsvector('english', coalesce(title, '') || ' ' || coalesce(body, '')) @@ websearch_to_tsquery('english', 'word77') LIMIT 20;
