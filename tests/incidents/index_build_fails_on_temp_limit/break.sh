# The build that fails, as somebody tried it in the night: without another maintenance_work_mem.
psql -qX -U index_owner -c 'CREATE INDEX CONCURRENTLY documents_dump_id_path ON documents (dump_id, path)' 2>&1 |
  grep -q temp_file_limit
