#!/bin/bash
# A proxy that cancels whatever takes longer than three seconds: no setting of the server says so. It ends by itself.
(PGAPPNAME=proxy timeout 60 psql -X -q >/dev/null 2>&1 <<'SQL' &)
SELECT pg_cancel_backend(pid) FROM pg_stat_activity
 WHERE usename = 'app' AND state = 'active' AND clock_timestamp() - query_start > interval '3 s'
\watch 0.1
SQL
