# A standby whose replay the primary waits for; somebody pauses it.
set -eu
standby="$HOME/standby"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
if [ "$(psql -X -A -t -c 'SHOW server_version_num')" -ge 150000 ]; then
  begin="pg_backup_start('copy', true)" end="pg_backup_stop()"
else
  begin="pg_start_backup('copy', true, false)" end="pg_stop_backup(false)"
fi
psql -X -q -A -t <<SQL
SELECT $begin \g /dev/null
\! cp -a "$PGDATA" "$standby" 2> /dev/null; rm -f "$standby/postmaster.pid"
SELECT labelfile FROM $end \g $standby/backup_label
SQL
touch "$standby/standby.signal"
cat >> "$standby/postgresql.auto.conf" <<CONF
primary_conninfo = 'host=$PGHOST port=$PGPORT user=$PGUSER application_name=berlin'
CONF
"$PG_BIN/pg_ctl" -D "$standby" -w -l "$HOME/standby.log" \
  -o "-c port=$port -c unix_socket_directories='' -c listen_addresses=127.0.0.1" start
psql -X -q -c "ALTER SYSTEM SET synchronous_commit = remote_apply" > /dev/null
psql -X -q -c "ALTER SYSTEM SET synchronous_standby_names = 'berlin'" -c "SELECT pg_reload_conf()" > /dev/null
for i in $(seq 100); do
  [ "$(psql -X -A -t -c "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")" = 1 ] && break
  sleep 0.1
done
psql -X -q -p "$port" -c "SELECT pg_wal_replay_pause()" > /dev/null
