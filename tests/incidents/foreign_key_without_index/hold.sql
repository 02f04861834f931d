-- role: reporter
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT pg_catalog.count(*) FROM orders WHERE id < 100;
