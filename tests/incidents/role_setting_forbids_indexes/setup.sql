CREATE TABLE carts (id int PRIMARY KEY, user_id int NOT NULL, body text);
INSERT INTO carts SELECT i, i % 100000, repeat('c', 300) FROM generate_series(1, 500000) i;
CREATE INDEX carts_user ON carts (user_id);
GRANT SELECT ON carts TO app;
ALTER ROLE app SET enable_indexscan = off;
ALTER ROLE app SET enable_bitmapscan = off;
ALTER ROLE app SET enable_indexonlyscan = off;
ANALYZE; CHECKPOINT;
