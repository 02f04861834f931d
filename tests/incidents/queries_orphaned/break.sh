# Nine clients ask, wait for two seconds and are gone; what they asked goes on for most of a minute.
for i in $(seq 9); do
  PGAPPNAME=gallery PGUSER=app timeout -s KILL 2 \
    psql -X -q -c "SELECT id, thumbnail(body) FROM pages ORDER BY 2" > /dev/null 2>&1 &
done
sleep 3
