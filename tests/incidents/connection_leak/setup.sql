SET client_min_messages = warning;
CREATE TABLE carts (id int PRIMARY KEY, items int);
INSERT INTO carts SELECT i, i % 7 FROM generate_series(1, 10000) i;
GRANT SELECT ON carts TO app, cron;
ANALYZE;
