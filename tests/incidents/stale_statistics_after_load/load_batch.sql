SELECT count(*), sum(l.price) FROM orders o JOIN lines l ON l.ref = o.ref WHERE o.batch = 77 AND l.batch = 77;
\sleep 200 ms
