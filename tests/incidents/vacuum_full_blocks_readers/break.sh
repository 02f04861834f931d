#!/bin/bash
(PGAPPNAME=nightly psql -qAtc "VACUUM FULL pages" >/dev/null 2>&1 &)
