-- title: a range of the key of hash partitions, without values
-- verdict: harmful
-- object: wallets
-- cure: wallets (id)
-- setup:
CREATE TABLE wallets (id integer, owner integer, pad text) PARTITION BY HASH (id);
CREATE TABLE wallets_0 PARTITION OF wallets FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE wallets_1 PARTITION OF wallets FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO wallets SELECT i, i % 9000, repeat('w', 100) FROM generate_series(1, 200000) i;
ANALYZE wallets;
-- query:
SELECT * FROM wallets WHERE id BETWEEN $1 AND $2;
-- truth:
SELECT * FROM wallets WHERE id BETWEEN 500 AND 600;
