-- title: prices in force now, as a range
-- verdict: harmful
-- object: tariffs
-- cure: tariffs USING gist (valid) | tariffs USING spgist (valid)
-- setup:
CREATE TABLE tariffs (id bigserial PRIMARY KEY, valid tstzrange NOT NULL, price numeric, note text);
INSERT INTO tariffs (valid, price, note) SELECT tstzrange(now() - (120000 - i) * interval '10 minutes', now() - (120000 - i) * interval '10 minutes' + interval '1 day'), i % 99, repeat('t', 110) FROM generate_series(1, 120000) i;
ANALYZE tariffs;
-- query:
SELECT id, price FROM tariffs WHERE valid @> now();
