\set k random(1, 8)
BEGIN;
\if :k = 1
UPDATE merchants SET balance = balance + 5 WHERE id = 1;
\elif :k = 2
UPDATE merchants SET orders = orders + 1 WHERE id = 1;
\elif :k = 3
UPDATE merchants SET refunds = refunds + 1 WHERE id = 1;
\elif :k = 4
UPDATE merchants SET visits = visits + 1 WHERE id = 1;
\elif :k = 5
UPDATE merchants SET rating = rating + 1 WHERE id = 1;
\elif :k = 6
UPDATE merchants SET messages = messages + 1 WHERE id = 1;
\elif :k = 7
UPDATE merchants SET payouts = payouts + 1, balance = balance - 5 WHERE id = 1;
\else
UPDATE merchants SET coupons = coupons + 1, orders = orders + 1 WHERE id = 1;
\endif
SELECT pg_sleep(0.05);
COMMIT;
