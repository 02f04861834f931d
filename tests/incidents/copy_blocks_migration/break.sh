#!/bin/bash
# The file comes slowly, as over a line; it ends by itself.
(for i in $(seq 10001 10070); do printf '%d\t1\n' "$i"; sleep 1; done | PGAPPNAME=import psql -qXc "COPY prices FROM STDIN" >/dev/null 2>&1 &)
sleep 1
(PGAPPNAME=migration psql -qXc "ALTER TABLE prices ADD COLUMN currency text" >/dev/null 2>&1 &)
