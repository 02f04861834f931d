-- title: hash partitions by another key
-- verdict: harmful
-- object: wallets
-- cure: wallets (owner)
-- setup:
CREATE TABLE wallets (id integer, owner integer, pad text) PARTITION BY HASH (id);
CREATE TABLE wallets_0 PARTITION OF wallets FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE wallets_1 PARTITION OF wallets FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE wallets_2 PARTITION OF wallets FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE wallets_3 PARTITION OF wallets FOR VALUES WITH (MODULUS 4, REMAINDER 3);
INSERT INTO wallets SELECT i, i % 9000, repeat('w', 100) FROM generate_series(1, 200000) i;
ANALYZE wallets;
-- query:
SELECT * FROM wallets WHERE owner = $1;
-- truth:
SELECT * FROM wallets WHERE owner = 12;
