SELECT day, (SELECT count(*) FROM letters WHERE sender = 'S-4711' AND sent = day::date) AS letters
FROM generate_series('2026-01-01'::timestamp, '2027-12-31', '1 day') day;
\sleep 1800 s
