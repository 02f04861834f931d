-- title: JSON whose field is a string
-- verdict: rightful
-- setup:
CREATE TABLE events (id bigint PRIMARY KEY, data jsonb);
INSERT INTO events SELECT i, jsonb_build_object('ref', CASE i % 2 WHEN 0 THEN to_jsonb(i) ELSE to_jsonb(i::text) END, 'pad', repeat('p', 80)) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT id FROM events WHERE jsonb_typeof(data -> 'ref') = 'string';
