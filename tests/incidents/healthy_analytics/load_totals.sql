SELECT shop, sum(amount), count(*) FROM sales GROUP BY shop ORDER BY 2 DESC;
SELECT date_trunc('month', day) AS month, avg(amount) FROM sales WHERE amount > 3 GROUP BY 1 ORDER BY 1;
\sleep 500 ms
