\set i random(1, 300000)
SET search_path = tenant_2;
SELECT note FROM contacts WHERE branch = :i % 50 AND mail = md5(:i::text) || '@example.org';
\sleep 200 ms
