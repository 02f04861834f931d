SET client_min_messages = warning; SET synchronous_commit = off;
CREATE TABLE order_heads (id int PRIMARY KEY, customer int NOT NULL, total int);
CREATE TABLE order_lines (id int PRIMARY KEY, order_id int NOT NULL, price int);
INSERT INTO order_heads SELECT i, i % 500, i FROM generate_series(1, 30000) i;
INSERT INTO order_lines SELECT i, i / 3, i FROM generate_series(1, 300000) i;
CREATE INDEX ON order_heads (customer); CREATE INDEX ON order_lines (order_id);
GRANT SELECT ON order_heads, order_lines TO app;
ANALYZE; CHECKPOINT;
