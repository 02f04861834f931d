-- title: codes of one length
-- verdict: rightful
-- setup:
CREATE TABLE vouchers (id bigint PRIMARY KEY, code text, note text);
INSERT INTO vouchers SELECT i, substr(md5(i::text), 1, 8 + i % 3), repeat('n', 100) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT id, code FROM vouchers WHERE length(code) = $1;
-- truth:
SELECT id, code FROM vouchers WHERE length(code) = 9;
