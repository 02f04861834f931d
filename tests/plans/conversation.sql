-- title: the newest messages between two people, by OR
-- verdict: harmful
-- object: messages
-- cure: messages (sender_id, recipient_id) | messages (recipient_id, sender_id) | messages (sender_id, recipient_id, created_at) | messages (recipient_id, sender_id, created_at) | messages (sender_id, recipient_id, created_at DESC) | messages (recipient_id, sender_id, created_at DESC) | messages (sender_id) | messages (recipient_id)
-- setup:
CREATE TABLE messages (id bigserial PRIMARY KEY, sender_id integer NOT NULL, recipient_id integer NOT NULL, created_at timestamptz NOT NULL, body text);
INSERT INTO messages (sender_id, recipient_id, created_at, body)
  SELECT i * 7919 % 4000, i / 50, timestamptz '2024-01-01 00:00+00' + i * interval '1 minute', repeat('x', 100) FROM generate_series(1, 200000) i;
ANALYZE messages;
-- query:
SELECT id, sender_id, body, created_at FROM messages WHERE (sender_id = $1 AND recipient_id = $2) OR (sender_id = $3 AND recipient_id = $4) ORDER BY created_at DESC LIMIT $5;
-- truth:
SELECT id, sender_id, body, created_at FROM messages WHERE (sender_id = 55 AND recipient_id = 246) OR (sender_id = 246 AND recipient_id = 55) ORDER BY created_at DESC LIMIT 50;
