# A tool that opens a session, asks once, and forgets it: the server ends it two seconds later.
forgetful() {
  while true; do
    (echo 'SELECT title FROM pages WHERE id = 7;'; sleep 2.6; echo 'SELECT 1;') |
      psql -X -qAt -U cron >/dev/null 2>&1
  done
}
for _ in 1 2 3 4 5 6; do (timeout 100 bash -c "$(declare -f forgetful); forgetful" &) >/dev/null 2>&1 </dev/null; done
