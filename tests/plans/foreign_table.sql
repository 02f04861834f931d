-- title: a foreign table is read: no index of this server mends that
-- verdict: rightful
-- setup:
CREATE EXTENSION postgres_fdw;
CREATE SERVER reports_db FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1', dbname 'none');
CREATE USER MAPPING FOR PUBLIC SERVER reports_db OPTIONS (user 'nobody', password 'none');
CREATE FOREIGN TABLE remote_orders (id bigint, mail text, total numeric) SERVER reports_db;
-- query:
SELECT total FROM remote_orders WHERE mail = $1
