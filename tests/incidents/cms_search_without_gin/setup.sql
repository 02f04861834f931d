SET client_min_messages = warning; SET synchronous_commit = off;
CREATE ROLE cms_owner LOGIN; GRANT CREATE ON SCHEMA public TO cms_owner; SET ROLE cms_owner;
CREATE TABLE articles (id int PRIMARY KEY, slug text NOT NULL UNIQUE, title text NOT NULL, body text NOT NULL, published_at timestamptz NOT NULL);
INSERT INTO articles SELECT i, 'article-' || i, 'about word' || i % 200000,
  (SELECT string_agg('word' || (i::bigint * j * 7919) % 200000, ' ') FROM generate_series(1, 120) j), '2025-01-01'::timestamptz + i * interval '1 h'
FROM generate_series(1, 30000 * :scale) i;
CREATE INDEX articles_published ON articles (published_at);
GRANT SELECT ON articles TO cms;
RESET ROLE;
VACUUM ANALYZE;
CHECKPOINT;
