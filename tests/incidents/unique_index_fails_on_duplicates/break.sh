# Ends with 23505.
psql -qX -U index_owner -c 'CREATE UNIQUE INDEX CONCURRENTLY metadata_dump_id ON metadata (dump_id)' 2>&1 |
  grep -q 'could not create unique index'
