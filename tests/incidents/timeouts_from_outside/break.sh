#!/bin/bash
# Forty clients, each with a patience of three seconds: then it cancels, as a driver does. They end by themselves.
export PGAPPNAME=tracking PGUSER=app
for client in $(seq 40); do
  (for i in $(seq 25); do
     timeout -s INT 3 psql -X -q -c "SELECT content FROM shipments WHERE depot = $((client % 50)) AND label = md5('$client.$i')" \
       >/dev/null 2>&1
   done) &
done
disown -a
