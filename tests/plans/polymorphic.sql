-- title: Rails: a polymorphic association without an index
-- verdict: harmful
-- object: comments
-- cure: comments (commentable_id, commentable_type) | comments (commentable_type, commentable_id) | comments (commentable_id) | comments (commentable_type, commentable_id, created_at) | comments (commentable_id, commentable_type, created_at)
-- setup:
CREATE TABLE comments (id bigserial PRIMARY KEY, commentable_type varchar NOT NULL, commentable_id bigint NOT NULL, created_at timestamp NOT NULL, body text);
INSERT INTO comments (commentable_type, commentable_id, created_at, body) SELECT CASE i % 3 WHEN 0 THEN 'Post' WHEN 1 THEN 'Photo' ELSE 'Video' END, i % 9000, timestamp '2024-01-01' + i * interval '1 minute', repeat('m', 100) FROM generate_series(1, 150000) i;
ANALYZE comments;
-- query:
SELECT "comments".* FROM "comments" WHERE "comments"."commentable_id" = $1 AND "comments"."commentable_type" = $2 ORDER BY "comments"."created_at" ASC;
-- truth:
SELECT "comments".* FROM "comments" WHERE "comments"."commentable_id" = 77 AND "comments"."commentable_type" = 'Post' ORDER BY "comments"."created_at" ASC;
