ask() { while true; do echo 'SELECT g.name, b.note FROM bookings b JOIN guests g ON g.id = b.guest ORDER BY g.name, b.note;'; sleep 0.3; done; }
for _ in 1 2 3; do
  (timeout 60 bash -c "$(declare -f ask); ask | psql -X -qAt -U bi" &) >/dev/null 2>&1 </dev/null
done
