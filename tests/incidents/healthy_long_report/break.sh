#!/bin/bash
(PGAPPNAME=report psql -qAtc "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY" \
  -c "SELECT account, sum(cents) FROM payments GROUP BY 1" -c "SELECT pg_sleep(100)" -c COMMIT >/dev/null 2>&1 &)
