-- title: one of a few years
-- verdict: rightful
-- setup:
CREATE TABLE invoices (id bigint PRIMARY KEY, issued date, total numeric, note text);
INSERT INTO invoices SELECT i, date '2021-01-01' + i % 1800, i % 99, repeat('n', 100) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT sum(total) FROM invoices WHERE EXTRACT(year FROM issued) = 2023;
