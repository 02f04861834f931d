#!/bin/bash
(PGAPPNAME=migration psql -qAtc "ALTER TABLE parcels ADD COLUMN weight int" >/dev/null 2>&1 &)
