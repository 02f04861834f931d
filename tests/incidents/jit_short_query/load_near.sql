\set kind random(0, 29)
SELECT id, name, apart(x, y, 0.5, 0.5) AS far FROM places WHERE kind = :kind AND apart(x, y, 0.5, 0.5) < 0.2 ORDER BY far LIMIT 10;
\sleep 100 ms
