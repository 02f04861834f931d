\set i random(1, 500000)
SELECT id, profile FROM members WHERE lower(email) = 'user' || :i || '@example.org';
\sleep 200 ms
