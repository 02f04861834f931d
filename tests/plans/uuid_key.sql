-- title: look-up by uuid
-- verdict: harmful
-- object: sessions
-- cure: sessions (token)
-- setup:
CREATE TABLE sessions (token uuid, user_id integer, blob text);
INSERT INTO sessions SELECT md5(i::text)::uuid, i, repeat('s', 80) FROM generate_series(1, 150000) i;
ANALYZE sessions;
-- query:
SELECT user_id FROM sessions WHERE token = $1;
-- truth:
SELECT user_id FROM sessions WHERE token = md5('5')::uuid;
