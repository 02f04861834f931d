CREATE TABLE invoices (id int PRIMARY KEY, state text NOT NULL);
INSERT INTO invoices SELECT i, 'open' FROM generate_series(1, 5000) i;
CREATE ROLE worker LOGIN;
GRANT SELECT, UPDATE ON invoices TO worker;
ANALYZE;
