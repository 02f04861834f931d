\set i random(1, 300000)
SELECT body FROM intake.forms WHERE id = :i;
\sleep 50 ms
