#!/bin/bash
# 36 connections of the pool that sit idle, besides the two that work.
for _ in $(seq 36); do
  (PGUSER=pool PGAPPNAME=pool bash -c 'sleep 90 | psql -qAt' >/dev/null 2>&1 &)
done
sleep 2
