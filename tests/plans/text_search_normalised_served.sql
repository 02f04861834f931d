-- title: full text has its index, the configuration is a parameter in the statistics view
-- verdict: rightful
-- setup:
CREATE TABLE posts (id bigserial PRIMARY KEY, title text NOT NULL, body text NOT NULL, html text);
INSERT INTO posts (title, body, html) SELECT 'Post ' || i, 'alpha word' || i % 3000 || ' omega', repeat('x', 150) FROM generate_series(1, 80000) i;
CREATE INDEX ON posts USING gin (to_tsvector('english', body));
ANALYZE posts;
-- query:
SELECT id, title FROM posts WHERE to_tsvector($1, body) @@ plainto_tsquery($2, $3);
-- truth:
SELECT id, title FROM posts WHERE to_tsvector('english', body) @@ plainto_tsquery('english', 'word77');
