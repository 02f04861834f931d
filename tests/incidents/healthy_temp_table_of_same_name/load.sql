CREATE TEMP TABLE IF NOT EXISTS invoices AS SELECT * FROM public.invoices WHERE id <= 60000;
\set i random(1, 400)
SELECT id, note FROM invoices WHERE customer = :i;
