-- title: an upsert that gives a referenced key anew
-- verdict: harmful
-- object: lines
-- cure: lines (order_code)
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY, code text UNIQUE, state text);
INSERT INTO orders SELECT i, 'o' || i, 'open' FROM generate_series(1, 60000) i;
CREATE TABLE lines (id bigint PRIMARY KEY, order_code text REFERENCES orders (code) ON UPDATE CASCADE, note text);
INSERT INTO lines SELECT i, 'o' || i % 60000 + 1, repeat(md5(i::text), 4) FROM generate_series(1, 150000) i;
ANALYZE;
-- query:
INSERT INTO orders (id, code, state) VALUES ($1, $2, $3) ON CONFLICT (id) DO UPDATE SET code = excluded.code;
-- truth:
SELECT 1 FROM ONLY lines x WHERE order_code = 'o4711' FOR KEY SHARE OF x;
