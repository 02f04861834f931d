CREATE TABLE sales (id int PRIMARY KEY, region int NOT NULL, cents bigint NOT NULL, note text NOT NULL);
INSERT INTO sales SELECT i, i % 12, i, repeat('x', 60) FROM generate_series(1, 350000) i;
CREATE ROLE dashboards LOGIN;
CREATE ROLE app LOGIN;
GRANT SELECT ON sales TO dashboards, app;
VACUUM ANALYZE;
