CREATE ROLE bank LOGIN;
CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL);
INSERT INTO accounts SELECT i, 100 FROM generate_series(1, 1000) i;
GRANT SELECT, UPDATE ON accounts TO bank;
ANALYZE;
