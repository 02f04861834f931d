-- the nightly import: all of it one batch, the newest
SET synchronous_commit = off;
INSERT INTO orders SELECT i, 77, i, repeat('x', 60) FROM generate_series(100001, 112000) i;
INSERT INTO lines SELECT i, 77, i, i % 97 FROM generate_series(100001, 114000) i;
