SELECT account, date_trunc('month', booked) AS month, sum(amount), stddev(amount), avg(amount), percentile_cont(0.5) WITHIN GROUP (ORDER BY amount) FROM bookings GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 10;
\sleep 1 s
