#!/bin/bash
# Three new sessions a second, each used once and kept; it ends by itself.
(
for i in $(seq 60); do
  (PGAPPNAME= timeout 80 bash -c '{ echo "SELECT state FROM orders WHERE id = 7;"; sleep 80; } | psql -X -qAt -U mailer' >/dev/null 2>&1 &)
  sleep 0.3
done
) >/dev/null 2>&1 &
