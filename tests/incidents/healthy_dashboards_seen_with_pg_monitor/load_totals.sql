SELECT region, sum(cents) FROM sales GROUP BY region;
