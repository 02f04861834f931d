#!/bin/bash
(PGUSER=snapshotter PGAPPNAME=san-snapshot timeout 100 psql -Xq >/dev/null 2>&1 <<'SQL' &)
CHECKPOINT
\watch 0.3
SQL
