#!/bin/bash
# A report that takes a minute, then a change of the same table: both end with the server.
(PGAPPNAME=report psql -qAtc "SELECT count(*), pg_sleep(60) FROM parcels" >/dev/null 2>&1 &)
sleep 1
(PGAPPNAME=migration psql -qAtc "ALTER TABLE parcels ADD COLUMN weight int" >/dev/null 2>&1 &)
