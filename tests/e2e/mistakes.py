#!/usr/bin/python3
"""What people get wrong: each one clear line with a hint, the right exit code, and no secret in it."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import agent, children, pg  # noqa: E402

SECRET = "s3cret-Pa55word"
LINES = 6  # what, why and hint; not a page


def ask(*words, stdin=subprocess.DEVNULL, **environment):
    try:
        return subprocess.run([agent.binary(), *words], stdin=stdin, capture_output=True, text=True, errors="replace",
                              env=agent.clean_environment(**environment), timeout=30, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(words, 124, "", "no answer within 30 s")


class Mistakes:
    """Tries them and collects what is wrong with the answers."""

    def __init__(self):
        self.failures = []

    def expect(self, what, done, codes, *mentions):
        said = done.stdout + done.stderr
        problems = []
        if done.returncode not in codes:
            problems.append(f"exit {done.returncode}, expected {' or '.join(map(str, codes))}")
        if SECRET in said or SECRET.replace("-", "%2D") in said:
            problems.append("the secret is shown")
        if not done.stderr.strip() or len(done.stderr.strip().splitlines()) > LINES:
            problems.append("not a short message")
        if "hint:" not in done.stderr and not re.search(r":\d+:\d+: ", done.stderr):  # a place in a file is one too
            problems.append("no hint")
        problems += [f"{word!r} is not mentioned" for word in mentions if word not in said]
        print(f"{'ok' if not problems else 'WRONG':<6}{what}: {done.stderr.strip()!r}", flush=True)
        self.failures += [f"{what}: {problem}" for problem in problems]


def passwords_needed(server):
    """From now on the role locked needs its password."""
    server.sql(f"CREATE ROLE locked LOGIN PASSWORD '{SECRET}-right'; GRANT pg_monitor TO locked")
    path = os.path.join(server.data, "pg_hba.conf")
    with open(path, "r+", encoding="utf-8") as file:
        rest = file.read()
        file.seek(0)
        file.write("host all locked 127.0.0.1/32 scram-sha-256\n" + rest)
    server.sql("SELECT pg_reload_conf(); SELECT pg_sleep(0.5)")


def connections(tried, server):
    port = server.port
    tried.expect("wrong password", ask("diagnose", f"postgresql://locked:{SECRET}@127.0.0.1:{port}/postgres"), (3,),
                 "password")
    tried.expect("no password", ask("diagnose", f"host=127.0.0.1 port={port} user=locked dbname=postgres"), (3,), "password")
    tried.expect("wrong database", ask("diagnose", f"postgresql://locked:{SECRET}-right@127.0.0.1:{port}/nosuch"), (3,),
                 "nosuch")
    tried.expect("wrong port", ask("diagnose", f"postgresql://locked:{SECRET}@127.0.0.1:{pg.free_port()}/postgres"), (3,))
    tried.expect("wrong host", ask("diagnose", f"postgresql://locked:{SECRET}@no-such-host.invalid/postgres"), (3,),
                 "no-such-host.invalid")
    tried.expect("no connection string", ask("diagnose", f"postgresql://locked:{SECRET}@127.0.0.1:{port}/a?nosuch=1"),
                 (1, 3))
    app = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
    tried.expect("explain without a query", ask("explain"), (3,), "which query")
    tried.expect("explain of nothing", ask("explain", app, " ; "), (3,), "empty")
    tried.expect("explain of an id that nobody knows", ask("explain", app, "-77777777"), (3,), "-77777777", "pg_stat_statements")
    tried.expect("explain of too many words", ask("explain", app, "SELECT 1", "SELECT 2"), (3,))
    tried.expect("explain, wrong password", ask("explain", f"postgresql://locked:{SECRET}@127.0.0.1:{port}/postgres", "SELECT 1"),
                 (3,), "password")
    server.stop()
    tried.expect("server down", ask("diagnose", f"host=127.0.0.1 port={port} user=locked password={SECRET}"), (3,))


def configurations(tried, directory):
    good = f"targets:\n  - conninfo: host=127.0.0.1 port=1 user=locked\n    password: ${{MISTAKE}}\n"
    cases = {"misspelt key": (good + "htpp:\n  port: 1\n", "http"),
             "misspelt setting": (good + "schedule:\n  sampel: 1 s\n", "sample"),
             "value that is no duration": (good + "schedule:\n  cycle: soon\n", "cycle"),
             "broken YAML": (good + "http: {port: 1\n", ":"),
             "unknown check": (good + "checks:\n  seq_scan_hot_qery: {}\n", "seq_scan_hot_query")}
    for what, (text, mention) in cases.items():
        path = os.path.join(directory, "mistake.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)
        for command in (("config", "check", path), ("run", "-c", path)):
            tried.expect(f"{what}, {command[0]}", ask(*command, MISTAKE=SECRET), (1, 3), "mistake.yaml:", mention)
    tried.expect("no such file", ask("run", "-c", os.path.join(directory, "nosuch.yaml")), (1, 3), "nosuch.yaml")
    tried.expect("unknown option", ask("diagnose", "--formatt", "json"), (1, 2, 3))


def other_databases(tried, server):
    """An id says nothing of the database: the query is explained where it runs, or a person is asked where."""
    dsn = f"host=127.0.0.1 port={server.port} user=postgres dbname="
    for name in ("shelf", "desk", "third"):
        server.sql(f"CREATE DATABASE {name}")
        server.sql("CREATE TABLE letters (id int, code int, body text); "
                   "INSERT INTO letters SELECT i, i, repeat('x', 200) FROM generate_series(1, 100000) i; ANALYZE letters",
                   name)
    server.sql("CREATE INDEX ON letters (code)", "shelf")
    server.sql("CREATE EXTENSION pg_stat_statements", "shelf")
    server.sql("SELECT body FROM letters WHERE code = 7", "desk")
    known = server.sql("SELECT queryid FROM pg_stat_statements WHERE query LIKE 'SELECT body FROM letters%'", "shelf").strip()
    done = ask("explain", dsn + "shelf", known)
    if "CREATE INDEX" not in done.stdout or "desk" not in done.stdout:
        tried.failures.append(f"explained where the query does not run: {done.stdout}{done.stderr}")
    server.sql("SELECT 1 AS everywhere", "desk")
    server.sql("SELECT 1 AS everywhere", "third")
    common = server.sql("SELECT DISTINCT queryid FROM pg_stat_statements WHERE query LIKE '%AS everywhere'", "shelf").strip()
    tried.expect("a query of several databases", ask("explain", dsn + "shelf", common), (3,), "desk", "third", "dbname=")


def superuser(tried, server, directory):
    """The agent refuses one, says so, and then waits without a busy core."""
    conninfo = f"host=127.0.0.1 port={server.port} user=postgres dbname=postgres"
    with agent.Agent(directory, {"targets": [{"name": "main", "conninfo": conninfo}]}) as watcher:
        watcher.wait_ready()
        before = used(watcher.process.pid)
        time.sleep(3)
        spent = used(watcher.process.pid) - before
        said = json.dumps(watcher.report())
    if spent > 0.5:
        tried.failures.append(f"refusing a superuser took {spent:.1f} s of CPU in 3 s")
    if "superuser" not in said:
        tried.failures.append(f"the page does not say why: {said[:500]}")
    print(f"{'ok' if spent <= 0.5 else 'WRONG':<6}a superuser is refused: {spent:.2f} s of CPU in 3 s", flush=True)


def used(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def pasts(tried, directory):
    empty = os.path.join(directory, "empty")
    os.mkdir(empty)
    damaged = os.path.join(directory, "damaged")
    os.mkdir(damaged)
    with open(os.path.join(damaged, "history.db"), "wb") as file:
        file.write(b"no database at all, but long enough to look like one " * 100)
    conninfo = f"postgresql://locked:{SECRET}@127.0.0.1:1/postgres"
    tried.expect("no such directory", ask("diagnose", "--from-state", os.path.join(directory, "nosuch")), (3,), "nosuch",
                 "no such directory")
    tried.expect("a directory without a state", ask("diagnose", "--from-state", empty), (3,), empty, "no agent")
    tried.expect("a damaged state", ask("diagnose", "--from-state", damaged), (3,), damaged)
    tried.expect("a time that is none", ask("diagnose", "--from-state", empty, "--at", "half past eight"), (3,),
                 "half past eight", "10 min ago")
    tried.expect("a duration that is none", ask("diagnose", "--since", "a while", conninfo), (3,), "a while")
    tried.expect("two pasts at once", ask("diagnose", "--from-state", empty, "--from", "file"), (3,), "--from")
    tried.expect("the past, again and again", ask("diagnose", "--watch", "--from-state", empty), (3,), "--watch")
    tried.expect("watch a server that is not there", ask("diagnose", "--watch", conninfo), (3,), "127.0.0.1")
    tried.expect("a pause of no time", ask("diagnose", "--watch=0s", conninfo), (3,), "0s")


def silences_and_receivers(tried, directory):
    state = os.path.join(directory, "alerts")
    os.mkdir(state)
    there = ("--state", state)
    tried.expect("a silence without a matcher", ask("silence", "add", "--for", "1h", *there), (2,), "--target")
    tried.expect("a silence without an end", ask("silence", "add", "--all", *there), (2,), "--for")
    tried.expect("a silence with two ends", ask("silence", "add", "--all", "--for", "1h", "--until", "23:59", *there), (2,))
    tried.expect("a silence that has ended", ask("silence", "add", "--all", "--until", "2020-01-01 08:00", *there), (2,),
                 "passed")
    tried.expect("a silence for ever", ask("silence", "add", "--all", "--until", "2099-01-01 08:00", *there), (2,), "90 days")
    tried.expect("a silence of no check", ask("silence", "add", "--check", "unindexd_table", "--for", "1h", *there), (2,),
                 "unindexd_table")
    tried.expect("a silence until no time", ask("silence", "add", "--all", "--until", "supper", *there), (2,), "supper")
    tried.expect("no such silence", ask("silence", "expire", "12345678", *there), (1,), "12345678", "list")
    tried.expect("no state directory", ask("silence", "list", "--state", os.path.join(directory, "none")), (2,), "--state")
    taken = os.path.join(directory, "taken")
    with open(taken, "w", encoding="ascii") as file:
        file.write("x")
    tried.expect("a state directory that is a file", ask("silence", "list", "--state", taken), (2,), taken)

    config = os.path.join(directory, "receivers.yaml")
    with open(config, "w", encoding="ascii") as file:
        file.write("receivers: [{name: dead, kind: slack, url: 'http://127.0.0.1:9/%s'}]" % SECRET)
    os.chmod(config, 0o600)
    tried.expect("a dead receiver", ask("notify", "test", "-c", config), (1,), "dead", "refused")
    tried.expect("no such receiver", ask("notify", "test", "deaf", "-c", config), (2,), "deaf", "dead")
    tried.expect("a preview of no file", ask("notify", "preview", os.path.join(directory, "none")), (2,), "none")
    tried.expect("a preview of another file", ask("notify", "preview", config), (2,), "receivers.yaml")
    tried.expect("a preview for nobody", ask("notify", "preview", config, "--kind", "pigeon"), (2,), "pigeon")
    for text, mention in (("{kind: pagerduty}", "routing_key"), ("{kind: alertmanager}", "urls"),
                          ("{kind: alertmanager, urls: ['ftp://%s']}" % SECRET, "http"),
                          ("{kind: slack, url: 'https://h/x', act_by: tomorrow}", "this_week"),
                          ("{kind: teams, url: 'http://10.0.0.1/%s'}" % SECRET, "https")):
        with open(config, "w", encoding="ascii") as file:
            file.write(f"receivers: [{text}]")
        tried.expect(f"receiver {text[:30]}", ask("config", "check", config), (1,), "receivers.yaml:1:", mention)


def main():
    children.exit_on_signals()
    tried = Mistakes()
    with tempfile.TemporaryDirectory(prefix="pgvigil.e2e.") as directory, pg.Server() as server:
        configurations(tried, directory)
        pasts(tried, directory)
        silences_and_receivers(tried, directory)
        other_databases(tried, server)
        superuser(tried, server, directory)
        passwords_needed(server)
        connections(tried, server)
    print("\n".join(tried.failures) or "every mistake is told in a line")
    return 1 if tried.failures else 0


if __name__ == "__main__":
    sys.exit(main())
