\set s random(1, 500)
INSERT INTO articles (author, body) SELECT :s, repeat(md5(i::text), 20) FROM generate_series(1, 20) i;
