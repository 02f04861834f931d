set -eu
standby="$HOME/standby"
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"$PG_BIN/pg_basebackup" -D "$standby" -X stream -c fast -R
cat >> "$standby/postgresql.auto.conf" <<CONF
primary_conninfo = 'host=$PGHOST port=$PGPORT user=$PGUSER application_name=berlin'
port = $port
CONF
"$PG_BIN/pg_ctl" -D "$standby" -w -l "$HOME/standby.log" -o "-c unix_socket_directories='' -c listen_addresses=127.0.0.1" start
psql -X -q -c "ALTER SYSTEM SET synchronous_standby_names = 'berlin'" -c "SELECT pg_reload_conf()" > /dev/null
for i in $(seq 100); do
  [ "$(psql -X -A -t -c "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'")" = 1 ] && break
  sleep 0.1
done
"$PG_BIN/pg_ctl" -D "$standby" -w -m immediate stop
