# Six sessions that are left open, and a job that ends what has been idle for a second.
forgetful() { while true; do (echo 'SELECT 1;'; sleep 3; echo 'SELECT 1;') | psql -X -qAt -U tool >/dev/null 2>&1; done; }
for _ in 1 2 3 4 5 6; do (timeout 60 bash -c "$(declare -f forgetful); forgetful" &) >/dev/null 2>&1 </dev/null; done
(PGAPPNAME=reaper timeout 60 bash -c 'while true; do echo "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
  WHERE usename = $$tool$$ AND state = $$idle$$ AND state_change < now() - interval $$1 s$$;"; sleep 0.5; done | psql -X -qAt' &) \
  >/dev/null 2>&1 </dev/null
