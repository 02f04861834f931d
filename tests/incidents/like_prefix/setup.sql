SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE ROLE shop_owner LOGIN;
GRANT CREATE ON SCHEMA public TO shop_owner;
SET ROLE shop_owner;
CREATE TABLE catalogue (id bigint GENERATED ALWAYS AS IDENTITY, title text COLLATE "en-x-icu" NOT NULL, body text);
INSERT INTO catalogue (title, body)
SELECT md5(i::text), repeat(md5((i + 1)::text), 10) FROM generate_series(1, 500000 * :scale) i;
CREATE INDEX catalogue_title ON catalogue (title);
GRANT SELECT ON catalogue TO app;
RESET ROLE;
VACUUM ANALYZE catalogue;
CHECKPOINT;
