CREATE TABLE invoices (id int PRIMARY KEY, customer int NOT NULL, note text);
INSERT INTO invoices SELECT i, i % 40000, repeat('n', 200) FROM generate_series(1, 400000) i;
GRANT SELECT ON invoices TO app, job;

VACUUM ANALYZE;
