-- title: own documents, or those shared with one
-- verdict: harmful
-- object: docs
-- cure: none: rewrite
-- setup:
CREATE TABLE docs (id bigint PRIMARY KEY, owner_id bigint, title text);
INSERT INTO docs SELECT i, i % 9000, repeat('t', 110) FROM generate_series(1, 120000) i;
CREATE INDEX ON docs (owner_id);
CREATE TABLE shares (doc_id bigint, user_id bigint, PRIMARY KEY (user_id, doc_id));
INSERT INTO shares SELECT i, i % 7000 FROM generate_series(1, 50000) i;
ANALYZE;
-- query:
SELECT id, title FROM docs WHERE owner_id = $1 OR id IN (SELECT doc_id FROM shares WHERE user_id = $1);
-- truth:
SELECT id, title FROM docs WHERE owner_id = 7 OR id IN (SELECT doc_id FROM shares WHERE user_id = 7);
