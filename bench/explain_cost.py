#!/usr/bin/python3
"""What 50 hot queries a minute cost the server that explains them.

  bench/explain_cost.py [--rounds N] [--pg MAJOR]

The agent watches a scratch server. In each round it looks on for half a minute, then is given 50 queries that it has not
seen (joins of two and three tables, half of them without values) and looks on for as long: what the server's processes
for pgvigil spend more is the price of explaining them, of looking up the tables, columns and indexes that the plans name
and of one more sweep. CPU time is the kernel's (/proc/PID/schedstat of these backends), DB time is pg_stat_statements'.
"""

import argparse
import os
import re
import signal
import statistics
import sys
import tempfile
import time

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import agent, children, pg  # noqa: E402

QUERIES, LOOK, LIMIT = 50, 31.0, 0.2  # a minute; seconds; % of one core


def backend_seconds(server):
    """CPU of pgvigil's server processes by pid."""
    pids = server.sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'pgvigil'").split()
    spent = {}
    for pid in pids:
        try:
            with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
                spent[pid] = int(file.read().split()[0]) / 1e9
        except OSError:
            pass  # ended in between
    return spent


def statement_seconds(server):
    return float(server.sql("SELECT coalesce(sum(total_exec_time + total_plan_time), 0) / 1000 FROM pg_stat_statements s "
                            "JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = 'pgvigil'").strip())


def explains(watcher):
    return sum(float(n) for n in re.findall(r"^pgvigil_explains_total\{[^}]*\} (\S+)$", watcher.get("/metrics")[2], re.M))


def look(server, watcher):
    """CPU seconds, statement seconds and EXPLAINs of half a minute."""
    cpu, db, made = backend_seconds(server), statement_seconds(server), explains(watcher)
    time.sleep(LOOK)
    after = backend_seconds(server)
    return (sum(spent - cpu.get(pid, 0) for pid, spent in after.items()), statement_seconds(server) - db,
            explains(watcher) - made)


def queries(number):
    """50 texts that differ from those of other rounds."""
    texts = []
    for k in range(QUERIES):
        a, b, c = f"t{k % 20}", f"t{(k + 7) % 20}", f"t{(k + 11) % 20}"
        value = "$1" if k % 2 else str(1000 * number + k)
        text = f"SELECT a.name, b.id FROM {a} a JOIN {b} b ON b.ref = a.id WHERE a.kind = {value} AND b.id > {number}"
        if k % 3 == 0:
            text = (f"SELECT count(*), max(c.name) FROM {a} a JOIN {b} b ON b.ref = a.id LEFT JOIN {c} c ON c.ref = b.id "
                    f"WHERE a.name = {value if value == '$1' else repr(value)} AND c.kind < {number + 1} GROUP BY b.kind")
        texts.append({"name": f"r{number}q{k}", "database": "app", "sql": text})
    return texts


def give(watcher, hot):
    with open(watcher.config, encoding="utf-8") as file:
        config = yaml.safe_load(file)
    config["targets"][0]["hot_queries"] = hot
    with open(watcher.config, "w", encoding="utf-8") as file:
        yaml.safe_dump(config, file, sort_keys=False)
    watcher.process.send_signal(signal.SIGHUP)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pg", type=int, default=pg.DEBIAN, choices=pg.MAJORS)
    given = parser.parse_args()
    children.exit_on_signals()
    settings = {"autovacuum": "off", "pg_stat_statements.track_planning": "on", "pg_stat_statements.track": "all"}
    with pg.Server(given.pg, settings) as server, tempfile.TemporaryDirectory(prefix="pgvigil.bench.") as directory:
        server.sql("CREATE DATABASE app")
        server.sql("CREATE EXTENSION pg_stat_statements")
        server.sql("DO $$ BEGIN FOR i IN 0..19 LOOP EXECUTE format('CREATE TABLE t%s (id int PRIMARY KEY, ref int, kind int, "
                   "name text); INSERT INTO t%s SELECT g, g / 3, g %% 17, md5(g::text) FROM generate_series(1, 5000) g; "
                   "CREATE INDEX ON t%s (ref); CREATE INDEX ON t%s (kind)', i, i, i, i); END LOOP; END $$; ANALYZE; CHECKPOINT",
                   "app")
        server.sql(agent.grants_script(given.pg), "app")
        if given.pg == 13:
            server.sql("GRANT SELECT ON ALL TABLES IN SCHEMA public TO pgvigil", "app")
        results = []
        with agent.Agent(directory, {"targets": [{"conninfo": server.dsn("app", "pgvigil")}]}) as watcher:
            watcher.wait_ready()
            time.sleep(15)  # the first look at everything is not rest
            for number in range(1, given.rounds + 1):
                give(watcher, [])
                rest = look(server, watcher)
                give(watcher, queries(number))
                busy = look(server, watcher)
                made = busy[2] - rest[2]
                results.append([100 * (b - a) / 60 * QUERIES / max(1, made) for a, b in zip(rest[:2], busy[:2])])
                print(f"round {number}: {made:.0f} EXPLAINs; CPU {1000 * busy[0]:.0f} ms after {1000 * rest[0]:.0f} ms at rest, "
                      f"DB time {1000 * busy[1]:.0f} ms after {1000 * rest[1]:.0f} ms")
                if made < 0.8 * QUERIES:
                    print("    too few: the figure would say little", file=sys.stderr)
                    return 1
        cpu, db = (statistics.median(r[k] for r in results) for k in (0, 1))
        print(f"PostgreSQL {given.pg}, {QUERIES} hot queries a minute, median of {len(results)} rounds: {cpu:.3f} % of one core by the "
              f"kernel, {db:.3f} % by pg_stat_statements, at most {LIMIT} %; load average {os.getloadavg()[0]:.1f}")
    return 1 if max(cpu, db) > LIMIT else 0


if __name__ == "__main__":
    sys.exit(main())
