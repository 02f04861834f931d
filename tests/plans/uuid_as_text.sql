-- title: a uuid compared as text
-- verdict: harmful
-- object: carts
-- cure: none: cast | carts ((id::text))
-- setup:
CREATE TABLE carts (id uuid PRIMARY KEY, owner integer, body text);
INSERT INTO carts SELECT md5(i::text)::uuid, i, repeat('c', 110) FROM generate_series(1, 120000) i;
ANALYZE carts;
-- query:
SELECT owner FROM carts WHERE id::text = $1;
-- truth:
SELECT owner FROM carts WHERE id::text = 'c4ca4238-a0b9-2382-0dcc-509a6f75849b';
