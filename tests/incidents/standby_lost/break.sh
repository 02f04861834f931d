# A standby is made from a base backup.
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
primary_conninfo = 'host=$PGHOST port=$PGPORT user=$PGUSER application_name=leipzig'
CONF
"$PG_BIN/pg_ctl" -D "$standby" -w -l "$HOME/standby.log" \
  -o "-c port=$port -c unix_socket_directories='' -c listen_addresses=127.0.0.1" start
sleep 25
"$PG_BIN/pg_ctl" -D "$standby" -w -m immediate stop
