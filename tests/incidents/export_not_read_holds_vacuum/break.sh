#!/bin/bash
(PGAPPNAME=nightly-export timeout 170 bash -c 'psql -Xqc "COPY shipments_archive TO STDOUT" | (head -c 1000 >/dev/null; sleep 165)' >/dev/null 2>&1 &)
sleep 1
