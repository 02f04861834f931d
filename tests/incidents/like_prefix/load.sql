\set i random(1, 500000)
SELECT id, title FROM catalogue WHERE title LIKE left(md5(:i::text), 8) || '%' LIMIT 20;
\sleep 200 ms
