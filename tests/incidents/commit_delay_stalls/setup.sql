CREATE TABLE carts (id int PRIMARY KEY, items int NOT NULL) WITH (fillfactor = 70);
INSERT INTO carts SELECT i, 0 FROM generate_series(1, 20000) i;
CREATE ROLE app LOGIN;
GRANT SELECT, UPDATE ON carts TO app;
VACUUM ANALYZE;
