-- What the catalogue says after 1.9 bn transactions; to run so many would take days.
UPDATE pg_class SET relfrozenxid = ((txid_current() + 4294967296 - 1900000000) % 4294967296)::text::xid
WHERE oid = 'accounts'::regclass;
UPDATE pg_database SET datfrozenxid = (SELECT relfrozenxid FROM pg_class WHERE oid = 'accounts'::regclass)
WHERE datname = current_database();
