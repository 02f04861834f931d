#!/bin/bash
# The load of the other database; it ends with the server.
psql -qX -d shop <<'SQL'
CREATE TABLE counters (name text PRIMARY KEY, n bigint NOT NULL);
INSERT INTO counters SELECT 'c' || i, 0 FROM generate_series(1, 100) i;
GRANT SELECT, UPDATE ON counters TO app;
CREATE FUNCTION count_one() RETURNS void LANGUAGE sql AS $$ UPDATE counters SET n = n + 1 WHERE name = 'c1' $$;
ANALYZE;
SQL
printf "BEGIN;\nSELECT count_one();\nSELECT pg_sleep(0.05);\nCOMMIT;\n" > "$PGDATA/hits.sql"
(timeout 100 pgbench -n -c 9 -T 90 -U app -f "$PGDATA/hits.sql" shop >/dev/null 2>&1 &)
