SET client_min_messages = warning; SET synchronous_commit = off;
CREATE TABLE shipments_archive (id bigint PRIMARY KEY, body text);
INSERT INTO shipments_archive SELECT i, repeat(md5(i::text), 6) FROM generate_series(1, 150000) i;
CREATE TABLE outbox (id bigserial PRIMARY KEY, topic text NOT NULL, payload text);
INSERT INTO outbox (topic, payload) SELECT 'orders', repeat('x', 60) FROM generate_series(1, 400) i;
CREATE ROLE relay LOGIN;
GRANT SELECT, INSERT, UPDATE, DELETE ON outbox TO relay; GRANT USAGE ON SEQUENCE outbox_id_seq TO relay;
VACUUM ANALYZE; CHECKPOINT;
