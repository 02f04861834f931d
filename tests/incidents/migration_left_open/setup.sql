CREATE TABLE articles (id int PRIMARY KEY, price int NOT NULL);
INSERT INTO articles SELECT i, i FROM generate_series(1, 2000) i;
CREATE ROLE app LOGIN;
GRANT SELECT ON articles TO app;
ANALYZE;
