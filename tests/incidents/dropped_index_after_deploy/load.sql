\set i random(1, 400000)
SELECT total, lines FROM invoices WHERE customer = :i % 300 AND number = 'I-' || md5(:i::text);
\sleep 300 ms
