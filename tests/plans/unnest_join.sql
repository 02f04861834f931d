-- title: a join with the values of an array
-- verdict: harmful
-- object: devices
-- cure: devices (uid) | devices USING hash (uid)
-- setup:
CREATE TABLE devices (id bigint PRIMARY KEY, uid uuid NOT NULL, about text);
INSERT INTO devices SELECT i, md5(i::text)::uuid, repeat('d', 100) FROM generate_series(1, 100000) i;
ANALYZE;
-- query:
SELECT d.id, d.uid FROM devices d JOIN unnest($1::uuid[]) AS u(uid) ON d.uid = u.uid;
-- truth:
SELECT d.id, d.uid FROM devices d JOIN unnest(ARRAY[md5('7')::uuid, md5('8')::uuid]) AS u(uid) ON d.uid = u.uid;
