# A dashboard that asks again as soon as it has its error.
ask() { while true; do echo 'SELECT guest, note FROM bookings ORDER BY note, guest;'; sleep 0.2; done; }
for _ in 1 2 3 4; do
  (timeout 60 bash -c "$(declare -f ask); ask | psql -X -qAt -U reports" &) >/dev/null 2>&1 </dev/null
done
