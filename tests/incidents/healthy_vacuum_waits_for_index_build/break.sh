#!/bin/bash
(PGAPPNAME=dba psql -qAtc "CREATE INDEX CONCURRENTLY readings_district ON readings (district( meter ))" >/dev/null 2>&1 &)
sleep 2
(PGAPPNAME=vacuumdb psql -qAtc "VACUUM readings" >/dev/null 2>&1 &)
