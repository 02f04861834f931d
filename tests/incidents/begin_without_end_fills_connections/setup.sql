CREATE TABLE products (id int PRIMARY KEY, name text NOT NULL, price int NOT NULL);
INSERT INTO products SELECT i, 'product ' || i, i % 500 FROM generate_series(1, 5000) i;
CREATE ROLE shop LOGIN;
CREATE ROLE cron LOGIN;
ALTER ROLE shop SET application_name = '';
GRANT SELECT, UPDATE ON products TO shop, cron;
ANALYZE;
