#!/bin/bash
(PGAPPNAME=migration psql -qAtc "CREATE INDEX tickets_block ON tickets (block_of(seat))" >/dev/null 2>&1 &)
