#!/bin/bash
(PGAPPNAME=connector psql -qXc "SELECT pg_create_logical_replication_slot('cdc', 'test_decoding')" >/dev/null 2>&1 &)
