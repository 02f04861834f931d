-- title: a CASE in the condition
-- verdict: harmful
-- object: transfers
-- cure: none: rewrite | transfers ((CASE WHEN direction = 'in' THEN payer_id ELSE payee_id END))
-- setup:
CREATE TABLE transfers (id bigint PRIMARY KEY, direction text NOT NULL, payer_id integer, payee_id integer, memo text);
INSERT INTO transfers SELECT i, CASE WHEN i % 2 = 0 THEN 'in' ELSE 'out' END, i * 7919 % 20000, i::bigint * 104729 % 20000, repeat('m', 100) FROM generate_series(1, 100000) i;
ANALYZE;
-- query:
SELECT * FROM transfers WHERE CASE WHEN direction = 'in' THEN payer_id ELSE payee_id END = $1;
-- truth:
SELECT * FROM transfers WHERE CASE WHEN direction = 'in' THEN payer_id ELSE payee_id END = 77;
