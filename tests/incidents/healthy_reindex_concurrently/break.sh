#!/bin/bash
(PGAPPNAME=cron timeout 90 psql -X -q -c 'REINDEX INDEX CONCURRENTLY history_body' -c 'REINDEX INDEX CONCURRENTLY history_body' -c 'REINDEX INDEX CONCURRENTLY history_body' -c 'REINDEX INDEX CONCURRENTLY history_body' >/dev/null 2>&1 &)
