CREATE TABLE prices (id int PRIMARY KEY, price int NOT NULL);
INSERT INTO prices SELECT i, i FROM generate_series(1, 2000) i;
CREATE ROLE app LOGIN;
GRANT SELECT ON prices TO app;
ANALYZE;
