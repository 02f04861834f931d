#!/bin/bash
# When autovacuum is at the table, the migration comes.
for _ in $(seq 1 150); do
  psql -qAtXc "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker' AND query ~ 'readings.*wraparound'" | grep -q 1 && break
  sleep 0.2
done
(PGAPPNAME=migration psql -qXc "ALTER TABLE readings ADD COLUMN unit text" >/dev/null 2>&1 &)
