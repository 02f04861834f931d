# One session of the application ends as it does when the kernel needs its memory.
set -eu
pid=$(psql -X -A -t -c "SELECT pid FROM pg_stat_activity WHERE usename = 'app' LIMIT 1")
kill -9 "$pid"
