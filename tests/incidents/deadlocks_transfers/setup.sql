CREATE TABLE ledger (id int PRIMARY KEY, cents bigint NOT NULL);
INSERT INTO ledger SELECT i, 1000 FROM generate_series(1, 6) i;
GRANT SELECT, UPDATE ON ledger TO app;
ANALYZE;
