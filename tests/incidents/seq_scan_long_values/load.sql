\set i random(1, 12000)
SELECT owner FROM certificates WHERE body = (SELECT string_agg(md5((:i * 1000 + g)::text), '') FROM generate_series(1, 180) g);
