-- title: addresses of a network
-- verdict: harmful
-- object: hits
-- cure: hits USING gist (ip inet_ops)
-- setup:
CREATE TABLE hits (ip inet, at integer, pad text);
INSERT INTO hits SELECT '10.0.0.0'::inet + i % 65000, i, repeat('h', 90) FROM generate_series(1, 150000) i;
ANALYZE hits;
-- query:
SELECT at FROM hits WHERE ip << $1::inet;
-- truth:
SELECT at FROM hits WHERE ip << '10.0.7.0/24';
