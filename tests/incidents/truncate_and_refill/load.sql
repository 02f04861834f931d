\set place random(1, 200)
SELECT article FROM best_sellers WHERE place = :place;
\sleep 5 ms
