-- title: a queue taken by the place of its rows
-- verdict: harmful
-- object: outbox
-- cure: outbox (topic, id) WHERE sent_at IS NULL | outbox (sent_at, topic, id) | outbox (topic, sent_at, id) | outbox (topic, sent_at) | outbox (sent_at, topic) | outbox (sent_at) | outbox (topic, id)
-- setup:
CREATE TABLE outbox (id bigint PRIMARY KEY, sent_at timestamptz, topic text, body text);
INSERT INTO outbox SELECT i, CASE WHEN i % 3000 <> 0 THEN now() END, 't' || i % 5, repeat('b', 110) FROM generate_series(1, 150000) i;
ANALYZE;
-- query:
DELETE FROM outbox WHERE ctid IN (SELECT ctid FROM outbox WHERE sent_at IS NULL AND topic = $1 ORDER BY id LIMIT 50 FOR UPDATE SKIP LOCKED);
-- truth:
SELECT ctid FROM outbox WHERE sent_at IS NULL AND topic = 't0' ORDER BY id LIMIT 50;
