CREATE TABLE invoices (id int PRIMARY KEY, state text NOT NULL, total int NOT NULL);
INSERT INTO invoices SELECT i, 'open', i FROM generate_series(1, 100000) i;
GRANT SELECT, UPDATE ON invoices TO batch, app;
VACUUM ANALYZE;
