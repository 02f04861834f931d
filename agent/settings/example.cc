// The example files' hand-written part. A test reads them back: every key is here and every value is the default.
#include "agent/settings/settings.h"

namespace pgvigil {

std::string_view settings_example() {
  return R"yaml(# pgvigil: every key, with its default. Nothing here is needed to start: "pgvigil run postgresql://..." works without
# a file. Durations: ms, s, min, h, d. Sizes: kB, MB, GB, TB as in postgresql.conf, or KiB, MiB, GiB, TiB. Shares: 80 % or
# 0.8. A value that is wholly ${NAME} comes from the environment. "pgvigil config check FILE" tells what is wrong, and where.

# The servers to watch. None: the one that PG* variables name.
targets:
  - name: ""                # shown in alerts and metrics, unique; default: host:port
    conninfo: ""            # URI or key=value as libpq takes it; PG* variables, .pgpass and services fill the rest
    # password: ${PGVIGIL_PASSWORD}
    # password_file: /run/secrets/pgvigil   # its first line; instead of password
    # vcpus: 4              # of the server, when it is another machine
    databases: []           # default: all that accept connections
    allow_superuser: false  # run as superuser all the same; "pgvigil grants" prints a role that is enough
    hot_queries: []         # queries to explain in every sweep, beside those seen running:
    #  - name: look up a document
    #    database: app
    #    sql: SELECT data FROM documents WHERE dump_id = $1 AND path = $2
    #    parameters: [7, a/b/c.ts]   # typical values of $1, $2 (texts, numbers, null): the plan is then made with them
    #    user: app            # who runs it: the search_path of this role is used; default: PostgreSQL's
    #    search_path: app, public    # instead
    #    max_rows_read: 1000  # what an acceptable plan may read, by the planner's estimate: more is reported,
    #    max_cost: 5000       # running or not; the same in the planner's units of cost
    migrations: []          # long work whose progress is shown, with what is left; and told when it stands still:
    #  - name: lsif to scip
    #    database: app        # default: the conninfo's
    #    done: SELECT count(*) FROM documents_new    # one number, in at most a second, asked once in a sweep, read only;
    #    total: SELECT reltuples FROM pg_class WHERE oid = 'documents'::regclass     # likewise, or the number itself
    #    search_path: public

# The page, /metrics, /healthz and /readyz.
http:
  enabled: true
  address: 127.0.0.1        # an IP address; any but loopback needs a token
  port: 9717
  # token: ${PGVIGIL_TOKEN} # what scrapers send as "Authorization: Bearer ..."
  # token_file: /run/secrets/pgvigil-token
  insecure: false           # true: serve any address without a token

# When a symptom becomes a message. A proven cause is sent at once, or, where it can wait until today, after two more cycles.
alerting:
  for_warning: 60 s         # how long it must last
  for_critical: 30 s
  keep_firing: 30 s         # how long it must be gone before it is resolved
  repeat: 0 s               # what still goes on is told again after so long; 0 s: never
  external_url: ""          # where the readers of a message reach the page
  diagnose_command: pgvigil diagnose   # printed as the next thing to type; "kubectl exec ..." where that is the way in
  runbook_url: ""

# Where messages go. What has to be done now pages; what has to be done today goes to the channel; what can wait is told
# once, at most one digest a day.
receivers: []
#  - name: on-call
#    kind: slack            # slack, mattermost, teams (a Workflows webhook), discord, pagerduty, webhook (the JSON that
#                           # Alertmanager sends), alertmanager
#    url_file: /run/secrets/slack-url   # or url: ${SLACK_URL}; https, or plain http to this machine
#    act_by: later          # at least so urgent: now, today, this_week, later. Default: now for pagerduty, today for
#                           # alertmanager, later (everything) for the others
#    severity: warning      # at least: warning, critical
#    targets: []            # only these; * and ? as in a shell
#    checks: []             # only what these lead
#    send_resolved: true
#    allow_private: false   # true: the host may have a private address
#    ca_file: ""            # default: the system's certificates
#  - name: pager
#    kind: pagerduty
#    routing_key_file: /run/secrets/pagerduty-key   # of an Events API v2 integration
#  - name: cluster
#    kind: alertmanager
#    urls: [http://127.0.0.1:9093]      # every member; each is told, they agree among themselves

# A dead man's switch: POSTed to while the agent makes progress; who does not hear from it raises the alarm.
heartbeat:
  url: ""                   # or url_file
  interval: 60 s
  allow_private: false
  ca_file: ""

# How often the server is asked.
schedule:
  sample: 1 s               # who is active, and what it waits for
  cycle: 10 s               # server-wide counters
  sweep: 60 s               # tables, indexes and plans of each database
  slow: 10 min              # what hardly changes

# What "pgvigil diagnose --from-state" tells the past from, when server, Prometheus and Grafana are down. Query literals are
# not in it. A full or read-only disk is no harm: the agent goes on in memory, and says so.
state:
  enabled: true
  directory: ""             # default: $STATE_DIRECTORY as systemd sets it, else /var/lib/pgvigil where it is writable,
                            # else $XDG_STATE_HOME/pgvigil or ~/.local/state/pgvigil
  max_size: 256 MiB         # on the disk; the oldest observations go first
  keep: 7 d                 # observations in full; the load and verdict of each minute twelve times as long

# What the page marks on its charts, beside what pgvigil sees by itself.
events:
  deploys_file: ""          # a pipeline appends a line for each deploy: the time (RFC 3339 or Unix seconds), a text

log:
  level: info               # debug, info, warning, error
  format: text              # text, json
)yaml";
}

std::string_view minimal_settings_example() {
  return R"yaml(# The least that is useful: one server, one place to send alerts. config/pgvigil.yaml explains every key.
targets:
  - conninfo: host=db-1 dbname=app user=pgvigil
    password_file: /run/secrets/pgvigil
receivers:
  - kind: slack
    url_file: /run/secrets/slack-url
)yaml";
}

}  // namespace pgvigil
