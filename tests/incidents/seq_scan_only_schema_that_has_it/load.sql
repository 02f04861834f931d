\set i random(1, 300000)
SET search_path = ledger, public;
SELECT note FROM bookings WHERE account = :i % 50 AND voucher = 'V-' || md5(:i::text);
\sleep 200 ms
