CREATE TABLE branches (bid int PRIMARY KEY, balance int NOT NULL) WITH (fillfactor = 50);
CREATE TABLE accounts (aid int PRIMARY KEY, bid int NOT NULL, balance int NOT NULL) WITH (fillfactor = 80);
CREATE TABLE history (bid int, aid int, delta int, mtime timestamptz);
INSERT INTO branches SELECT b, 0 FROM generate_series(1, 50) b;
INSERT INTO accounts SELECT a, a % 50 + 1, 0 FROM generate_series(1, 100000) a;
CREATE ROLE bank LOGIN;
GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO bank;
VACUUM ANALYZE;
