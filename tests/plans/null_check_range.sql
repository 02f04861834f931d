-- title: open-ended validity: until NULL or later
-- verdict: harmful
-- object: contracts
-- cure: contracts (customer) | contracts (customer, valid_from) | contracts (customer, valid_until)
-- setup:
CREATE TABLE contracts (id bigserial PRIMARY KEY, customer integer NOT NULL, valid_from date NOT NULL, valid_until date, terms text);
INSERT INTO contracts (customer, valid_from, valid_until, terms) SELECT i % 9000, date '2010-01-01' + i % 5000, CASE WHEN i % 500 <> 0 THEN date '2010-06-01' + i % 5000 END, repeat('t', 110) FROM generate_series(1, 120000) i;
ANALYZE contracts;
-- query:
SELECT id FROM contracts WHERE customer = $1 AND valid_from <= CURRENT_DATE AND (valid_until IS NULL OR valid_until >= CURRENT_DATE);
-- truth:
SELECT id FROM contracts WHERE customer = 77 AND valid_from <= CURRENT_DATE AND (valid_until IS NULL OR valid_until >= CURRENT_DATE);
