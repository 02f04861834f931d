-- title: an enum and a date
-- verdict: harmful
-- object: shipments
-- cure: shipments (carrier, due) | shipments (due, carrier) | shipments (due)
-- setup:
CREATE TYPE carrier AS ENUM ('air', 'sea', 'road');
CREATE TABLE shipments (id serial, carrier carrier, due date, pad text);
INSERT INTO shipments (carrier, due, pad) SELECT (ARRAY['air', 'sea', 'road'])[i % 3 + 1]::carrier, date '2024-01-01' + i % 700, repeat('z', 100) FROM generate_series(1, 180000) i;
ANALYZE shipments;
-- query:
SELECT * FROM shipments WHERE carrier = $1 AND due = $2;
-- truth:
SELECT * FROM shipments WHERE carrier = 'air' AND due = '2025-03-05';
