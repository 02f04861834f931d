CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL);
INSERT INTO accounts SELECT i, 100 FROM generate_series(1, 10000) i;
GRANT SELECT, UPDATE ON accounts TO app;
ANALYZE;
