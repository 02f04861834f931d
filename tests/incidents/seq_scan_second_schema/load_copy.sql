\set i random(1, 300000)
SELECT weight, label FROM shop_copy.parcels WHERE carrier = :i % 50 AND barcode = 'parcel-' || md5(:i::text);
\sleep 300 ms
