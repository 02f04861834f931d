SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE ROLE shop_owner LOGIN;
CREATE ROLE reporter LOGIN;
ALTER ROLE reporter SET idle_in_transaction_session_timeout = '30s';
GRANT CREATE ON SCHEMA public TO shop_owner;
SET ROLE shop_owner;
CREATE TABLE orders (id bigint PRIMARY KEY, state text NOT NULL);
INSERT INTO orders SELECT i, 'closed' FROM generate_series(1, 400000) i;
CREATE TABLE lines (id bigint PRIMARY KEY, order_id bigint NOT NULL, note text,
                    CONSTRAINT of_order FOREIGN KEY (order_id) REFERENCES orders ON DELETE CASCADE);
INSERT INTO lines SELECT i, i % 400000 + 1, repeat(md5(i::text), 10) FROM generate_series(1, 800000 * :scale) i;
GRANT SELECT, DELETE ON orders TO app;
GRANT SELECT ON orders TO reporter;
RESET ROLE;
ANALYZE;
CHECKPOINT;
