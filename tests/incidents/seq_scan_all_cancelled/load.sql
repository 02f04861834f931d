\set i random(1, 400000)
\set tenant :i % 200
SELECT opened, body FROM tickets WHERE tenant = :tenant AND reference = 'T-' || md5(:i::text);
\sleep 300 ms
