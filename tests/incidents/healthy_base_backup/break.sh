(timeout 60 pg_basebackup -D - -F tar -X none -c fast -r 5M >/dev/null 2>&1 </dev/null &)
