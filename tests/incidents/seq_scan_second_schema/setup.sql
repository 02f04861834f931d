SET client_min_messages = warning;
SET synchronous_commit = off;
ALTER ROLE app SET statement_timeout = '10s';
CREATE ROLE shop_owner LOGIN;
CREATE SCHEMA shop AUTHORIZATION shop_owner;
CREATE SCHEMA shop_copy AUTHORIZATION shop_owner;
SET ROLE shop_owner;
CREATE TABLE shop.parcels (carrier int NOT NULL, barcode text NOT NULL, weight int, label text);
INSERT INTO shop.parcels
SELECT i % 50, 'parcel-' || md5(i::text), i % 999, repeat(md5(i::text), 30)
FROM generate_series(1, 300000 * :scale) i;
CREATE TABLE shop_copy.parcels AS TABLE shop.parcels;
CREATE INDEX ON shop.parcels (carrier, barcode);
GRANT USAGE ON SCHEMA shop, shop_copy TO app;
GRANT SELECT ON shop.parcels, shop_copy.parcels TO app;
RESET ROLE;
ANALYZE;
CHECKPOINT;
