\set i random(1, 400000)
SELECT note FROM invoices WHERE id = :i;
