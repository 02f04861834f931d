#!/usr/bin/python3
"""What pgvigil costs at rest: default configuration, a scratch server with 1,000 tables and nobody else on it.

  bench/rest_cost.py [--seconds N] [--tables N]

The figures are the server's and the kernel's own, not pgvigil's: CPU of its backends (those that ended are read from
the postmaster's reaped children), connections by pg_stat_activity, statements' execution time by pg_stat_statements,
temporary files, WAL. An empty server of the same kind is measured first, and what it does by itself is taken off.
"""

import argparse
import os
import re
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import agent, children, pg  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
LIMITS = {"connections, most": 2, "temporary bytes": 0, "rows written": 0, "DB time, % of one core": 0.5,
          "backend CPU, % of one core": 0.5, "agent RSS, MB": 40}


def stat(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        return file.read().rsplit(")", 1)[1].split()


def cpu_seconds(pid, reaped):
    """user + system seconds; with those of its children that have ended."""
    words = stat(pid)
    return sum(int(words[i]) for i in ((11, 12, 13, 14) if reaped else (11, 12))) / TICK


def server_cpu(postmaster):
    """The postmaster with its reaped children, and every process of the server that runs now."""
    total = cpu_seconds(postmaster, reaped=True)
    with open(f"/proc/{postmaster}/task/{postmaster}/children", encoding="ascii") as file:
        for child in file.read().split():
            try:
                total += cpu_seconds(child, reaped=False)
            except OSError:
                pass  # ended in between: it is in the postmaster's next reading
    return total


def counters(server):
    """Temporary bytes, rows written, WAL bytes, and the milliseconds of statements of the role pgvigil."""
    row = server.sql("SELECT sum(temp_bytes)::bigint, sum(tup_inserted + tup_updated + tup_deleted)::bigint, "
                     "pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint, "
                     "(SELECT coalesce(sum(total_exec_time + total_plan_time), 0) FROM pg_stat_statements s "
                     " JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = 'pgvigil'), "
                     "(SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s "
                     " JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = 'pgvigil') FROM pg_stat_database")
    return [float(word or 0) for word in row.strip().split("|")]


def rss_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) / 1024


def window(server, seconds, agent_pid=None):
    """What happened on the server in that time; connections and RSS are looked at twice a second."""
    before, cpu = counters(server), server_cpu(server.process.pid)
    connections, rss, began = 0, 0.0, time.monotonic()
    while time.monotonic() - began < seconds:
        if agent_pid:
            # counted on the sockets, so that looking costs the server nothing
            connections = max(connections, sockets_to(server.port, agent_pid))
            rss = max(rss, rss_mb(agent_pid))
        time.sleep(0.5)
    took = time.monotonic() - began
    cpu = server_cpu(server.process.pid) - cpu
    delta = [after - old for after, old in zip(counters(server), before)]
    return {"temp": delta[0], "rows": delta[1], "wal": delta[2], "ms": delta[3], "calls": delta[4], "cpu": cpu,
            "took": took, "connections": connections, "rss": rss}


def sockets_to(port, pid):
    """Established TCP connections of the process to this port."""
    inodes = set()
    for entry in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{entry}")
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    wanted = f":{port:04X}"
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        return sum(1 for line in list(table)[1:]
                   if (words := line.split())[2].endswith(wanted) and words[3] == "01" and words[9] in inodes)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=120.0, help="of measuring (120)")
    parser.add_argument("--tables", type=int, default=1000)
    given = parser.parse_args()
    children.exit_on_signals()
    with pg.Server(pg.DEBIAN, {"autovacuum": "off", "pg_stat_statements.track_planning": "on"}) as server, \
            tempfile.TemporaryDirectory(prefix="pgvigil.bench.") as directory:
        server.sql("CREATE DATABASE app")
        server.sql("CREATE EXTENSION pg_stat_statements; CREATE TABLE filler AS SELECT 1 AS one")
        server.sql("DO $$ BEGIN FOR i IN 1.." + str(given.tables) + " LOOP EXECUTE format("
                   "'CREATE TABLE t%s (id int PRIMARY KEY, name text); INSERT INTO t%s SELECT g, md5(g::text) "
                   "FROM generate_series(1, 100) g', i, i); END LOOP; END $$; ANALYZE; CHECKPOINT", "app")
        server.sql(agent.grants_script(pg.DEBIAN), "app")
        alone = window(server, min(30.0, given.seconds))
        with agent.Agent(directory, {"targets": [{"conninfo": server.dsn("app", "pgvigil")}]}) as watcher:
            watcher.wait_ready()
            time.sleep(15)  # the first look at everything is not rest
            with_agent = window(server, given.seconds, watcher.process.pid)
    took = with_agent["took"]
    own_cpu = max(0.0, with_agent["cpu"] - alone["cpu"] / alone["took"] * took)
    figures = {"connections, most": with_agent["connections"], "temporary bytes": with_agent["temp"],
               "rows written": with_agent["rows"], "DB time, % of one core": with_agent["ms"] / 10 / took,
               "backend CPU, % of one core": 100 * own_cpu / took, "agent RSS, MB": with_agent["rss"],
               "statements a second": with_agent["calls"] / took,
               "WAL bytes a minute": 60 * (with_agent["wal"] / took - alone["wal"] / alone["took"])}
    print(f"{given.tables} tables, {took:.0f} s at rest, load average {os.getloadavg()[0]:.1f}")
    failed = False
    for name, value in figures.items():
        limit = LIMITS.get(name)
        over = limit is not None and value > limit
        failed |= over
        print(f"{name:<28}{value:>12.2f}" + ("" if limit is None else f"   at most {limit}{'   OVER' if over else ''}"))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
