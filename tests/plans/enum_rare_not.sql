-- title: an enum that is not the usual value
-- verdict: harmful
-- object: payments
-- cure: payments (state) WHERE state <> 'settled' | payments (id) WHERE state <> 'settled'
-- setup:
CREATE TYPE payment_state AS ENUM ('settled', 'pending', 'disputed');
CREATE TABLE payments (id bigserial PRIMARY KEY, state payment_state NOT NULL, amount numeric, note text);
INSERT INTO payments (state, amount, note) SELECT CASE WHEN i % 3000 = 0 THEN 'disputed' WHEN i % 3000 = 1 THEN 'pending' ELSE 'settled' END::payment_state, i % 99, repeat('p', 100) FROM generate_series(1, 180000) i;
ANALYZE payments;
-- query:
SELECT id, amount FROM payments WHERE state != 'settled' ORDER BY id;
