SET client_min_messages = warning;
CREATE TABLE orders (id int PRIMARY KEY, state int NOT NULL);
INSERT INTO orders SELECT i, 0 FROM generate_series(1, 20000) i;
CREATE ROLE app LOGIN;
GRANT SELECT, UPDATE ON orders TO app;
VACUUM ANALYZE;
