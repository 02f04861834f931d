psql -X -qAt -c "SELECT pg_create_logical_replication_slot('search_index', 'test_decoding')" >/dev/null
(timeout 90 pg_recvlogical -d "$PGDATABASE" -S search_index --start -f /dev/null >/dev/null 2>&1 </dev/null &)
