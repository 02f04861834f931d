\set i random(1, 380000)
SELECT state FROM uploads WHERE token = md5(:i::text);
