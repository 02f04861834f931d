\set d random(100001, 999999)
BEGIN;
INSERT INTO lsif_data_metadata VALUES (:d, 50);
INSERT INTO lsif_data_documents SELECT :d, 'cmd/searcher/' || md5(i::text) || '/file_' || i || '.go', decode(repeat(md5(i::text), 40), 'hex') FROM generate_series(1, 100) i;
INSERT INTO lsif_data_references SELECT :d, 'gomod', 'github.com/acme/bulk:' || md5(i::text) || ':Symbol' || i, decode(repeat(md5(i::text), 8), 'hex') FROM generate_series(1, 200) i;
COMMIT;
\sleep 1 s
