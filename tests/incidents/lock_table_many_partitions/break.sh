#!/bin/bash
(PGAPPNAME=monthly psql -qAtc "BEGIN" -c "SELECT page, count(*) FROM visits GROUP BY 1" -c "SELECT pg_sleep(60)" >/dev/null 2>&1 &)
sleep 1
