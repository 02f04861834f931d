// What this server is: version, role, start, our rights, and the settings that matter to judgements.
#pragma once

#include "checks/probe.h"

namespace pgvigil {

struct Server {                  // one row
  std::int64_t version_num = 0;  // 150020
  std::string version = {};      // "15.20"
  bool in_recovery = false;
  double start_time = 0;  // epoch seconds of the postmaster
  double now = 0;         // the server's clock, epoch seconds
  // When its background processes started, epoch seconds: later than the postmaster after a crash that it recovered
  // from.
  std::optional<double> background_start = {};
  double settings_loaded = 0;        // epoch seconds: start, or the last reload
  std::int64_t settings_digest = 0;  // moves when a setting of the server, of a role or of a database does
  std::int64_t timeline = 0;
  std::string system_identifier = {};
  std::string database = {}, role = {};  // of this connection
  bool superuser = false;                // our role is one
  bool can_read_stats = false;           // pg_read_all_stats, through pg_monitor
  bool can_read_settings = false;        // pg_read_all_settings
  bool can_list_temp = false;            // may call pg_ls_tmpdir()
  bool can_read_data = false;            // pg_read_all_data; on 13, SELECT on the tables looked at
  bool has_statements = false;           // pg_stat_statements is installed in this database
  bool preloads_statements = false;  // shared_preload_libraries names it (unknown without pg_read_all_settings: false)
  std::int64_t max_connections = 0, superuser_reserved_connections = 0;
  std::int64_t reserved_connections = 0;                                    // 16+
  std::int64_t temp_file_limit = -1;                                        // bytes per process, -1: none
  std::int64_t work_mem = 0, maintenance_work_mem = 0, shared_buffers = 0;  // bytes
  std::int64_t max_parallel_workers_per_gather = 0, max_parallel_maintenance_workers = 0;
  std::int64_t track_activity_query_size = 1024;  // bytes
  bool jit = false;
  std::string compute_query_id = {};   // 14+: auto, on, off, regress
  std::string disabled_settings = {};  // enable_* that are off, comma-separated
  std::string data_directory = {};     // "" without pg_read_all_settings
  std::string server_address = {};     // inet_server_addr(); "" over a Unix socket
  std::int64_t client_port = 0;        // of this connection as the server sees it: ours, unless a tunnel lies between
  std::int64_t backend_pid = 0;        // of this connection; finds the server's processes on the same host
};

extern const Probe<Server> server;

}  // namespace pgvigil
