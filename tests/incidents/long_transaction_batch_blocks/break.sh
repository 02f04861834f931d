#!/bin/bash
(PGAPPNAME=nightly psql -qAtc "BEGIN" -c "UPDATE prices SET cents = cents + 5" -c "SELECT pg_sleep(90)" -c "COMMIT" >/dev/null 2>&1 &)
sleep 1
