\set meter random(1, 19999)
SELECT at, value FROM readings WHERE meter = :meter AND at >= '2026-03-01' AND at < '2026-03-31' ORDER BY at;
\sleep 200 ms
