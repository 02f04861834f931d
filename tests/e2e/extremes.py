#!/usr/bin/python3
"""pgvigil where nothing is easy: no slot left, a pooler in between, a server that hangs, a standby, a locked catalogue, a
role without rights, two seconds of time. What can be said is said in time; what cannot is never called fine."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import agent, children, pg, pooler, report  # noqa: E402

SLACK = 1.5  # seconds beyond what was allowed: starting, judging and printing on a busy machine


class Wrong(Exception):
    """Something did not happen as it must."""


def check(true, *what):
    if not true:
        raise Wrong(" ".join(str(w) for w in what))


class Answer:
    """One diagnose: exit code, seconds, text, what it said on stderr, and the report of another one in JSON."""

    def __init__(self, dsn, *more, form="text"):
        line = [agent.binary(), "diagnose", dsn, "--format", form, *more]
        began = time.monotonic()
        done = agent.run(line, 30)
        self.seconds = time.monotonic() - began
        self.exit_code, self.text, self.errors = done.returncode, done.stdout, done.stderr
        self.report = report.parse(done.stdout) or {}

    def expect(self, code, within, *mentions):
        said = " ".join((self.text + self.errors).split())
        check(self.exit_code == code, f"exit {self.exit_code}, not {code}\n{self.text}{self.errors}")
        check(self.seconds <= within + SLACK, f"took {self.seconds:.1f} s, allowed {within}")
        for word in mentions:
            check(word in said, f"{word!r} is not said\n{self.text}{self.errors}")
        return self

    def never(self, *words):
        said = " ".join((self.text + self.errors).split())
        for word in words:
            check(word not in said, f"{word!r} is said\n{self.text}{self.errors}")
        return self


def diagnose(dsn, *more):
    return Answer(dsn, *more)


def diagnose_json(dsn, *more):
    return Answer(dsn, *more, form="json")


@contextlib.contextmanager
def session(server, sql, database="app", user="postgres"):
    """Runs SQL in a session that stays open until the block is left."""
    held = subprocess.Popen([pg.PSQL, "-X", "-q", "-At", server.dsn(database, user)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=pg.SAFE_ENV)
    try:
        held.stdin.write(sql + ";\n\\echo ready\n")
        held.stdin.flush()
        held.stdout.readline()
        yield held
    finally:
        children.stop(held)


@contextlib.contextmanager
def stopped(pids):
    """Stopped processes keep their sockets open and answer to nothing."""
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def prepared(server):
    server.sql("CREATE DATABASE app")
    server.sql("CREATE EXTENSION pg_stat_statements; CREATE ROLE app LOGIN; CREATE TABLE watched AS SELECT g AS id FROM "
               "generate_series(1, 1000) g; ANALYZE; GRANT SELECT ON watched TO app", "app")
    server.sql(agent.grants_script(server.major), "app")
    return server


def no_slot_left(major):
    """9 slots for everybody, 3 for superusers. From 16 on some may be kept for the watcher."""
    settings = {"max_connections": "12", "superuser_reserved_connections": "3"}
    if major >= 16:
        settings["reserved_connections"] = "2"
    with prepared_server(major, settings) as server, contextlib.ExitStack() as crowd:
        for _ in range(9 if major < 16 else 7):
            crowd.enter_context(session(server, "SELECT 1", user="app"))
        dsn = server.dsn("app", "pgvigil")
        if major >= 16:
            diagnose(dsn).expect(2, 8, "connections are in use", "pg_terminate_backend")
            return
        answer = diagnose(dsn).expect(3, 3, "remaining connection slots are reserved", "FROM pg_stat_activity",
                                      "pg_terminate_backend", "hint:")
        check(answer.text.startswith("CRITICAL"), answer.text)
        found = report.leads(diagnose_json(dsn).expect(3, 3).report)
        check([f["check"] for f in found] == ["server_unreachable"], found)
        for step in found[0]["remedies"][0]["steps"]:
            server.sql(step["sql"], step["database"])
        diagnose(dsn).expect(0, 8)
        server.sql("ALTER ROLE pgvigil CONNECTION LIMIT 0")
        diagnose(dsn).expect(3, 3, "too many connections for role", "CONNECTION LIMIT").never("pg_terminate_backend")


@contextlib.contextmanager
def prepared_server(major=pg.DEBIAN, settings=None):
    with pg.Server(major, settings) as server:
        yield prepared(server)


def wait_for_waiter(server, seconds=10):
    deadline = time.monotonic() + seconds
    while not server.sql("SELECT 1 FROM pg_locks WHERE NOT granted").strip():
        check(time.monotonic() < deadline, f"no session waited for a lock within {seconds} s")
        time.sleep(0.02)


def through_a_pooler(server):
    """One server connection for all of us: whatever a session kept, the next client would meet."""
    left = ("SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), current_setting('search_path'), "
            "current_setting('jit'), current_setting('transaction_read_only'), current_setting('client_encoding'), "
            "(SELECT count(*) FROM pg_prepared_statements), (SELECT count(*) FROM pg_cursors WHERE name <> ''), "
            "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')")
    with pooler.Pooler(server, size=1) as pool, session(server, "BEGIN; LOCK watched", user="postgres"), \
            session(server, "SELECT 1"):
        plain = pool.ask(left, "app", "pgvigil").stdout
        with subprocess.Popen([pg.PSQL, "-X", "-q", "-c", "SELECT count(*) FROM watched WHERE id > 7",
                               server.dsn("app", "app")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as waiter:
            try:
                wait_for_waiter(server)
                with tempfile.TemporaryDirectory(prefix="pgvigil.e2e.") as directory:
                    saved = os.path.join(directory, "saved")
                    answer = diagnose(pool.dsn("app", "pgvigil"), "--seconds", "1", "--save", saved)
                    with open(saved, encoding="utf-8") as file:
                        kept = file.read()
            finally:
                children.stop(waiter)
        check("1.0 waiting for locks" in " ".join(answer.text.split()), f"the waiting session is not seen\n{answer.text}")
        check("pooler" in answer.text, f"the pooler is not mentioned\n{answer.text}")
        check('"tables"' in kept, "the tables were not asked")
        check(plain and pool.ask(left, "app", "pgvigil").stdout == plain,
              "left behind:", pool.ask(left, "app", "pgvigil").stdout, "before:", plain)
        direct = diagnose(server.dsn("app", "pgvigil"), "--seconds", "1")
        check("pooler" not in direct.text, f"there is no pooler\n{direct.text}")


def an_agent_through_a_pooler(server):
    with pooler.Pooler(server, size=1) as pool, tempfile.TemporaryDirectory(prefix="pgvigil.e2e.") as directory:
        settings = {"targets": [{"conninfo": pool.dsn("app", "pgvigil")}], "schedule": {"cycle": "2s", "sweep": "4s"}}
        with agent.Agent(directory, settings) as watcher:
            watcher.wait_ready()
            time.sleep(9)
            seen = watcher.report() or {}
            check(seen.get("reachable", True) and report.verdict(seen) == "ok", seen.get("headline"), watcher.log_tail())
            check(any("pooler" in spot.get("why", "") for spot in seen.get("blind_spots", [])), seen.get("blind_spots"))
            failed = [spot for spot in seen.get("blind_spots", []) if "pooler" not in spot.get("why", "")]
            check(not failed, failed)
            check(watcher.stop() < 5, "it does not end")


def a_postmaster_that_hangs(server):
    with stopped([server.process.pid]):
        diagnose(server.dsn("app", "pgvigil"), "--timeout", "4").expect(3, 4, "no answer in time")


def our_backend_hangs(server):
    """The connection is given up and another one made; the answer comes in time."""
    look = subprocess.Popen([agent.binary(), "diagnose", server.dsn("app", "pgvigil"), "--seconds", "4"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=agent.clean_environment())
    began = time.monotonic()
    ours = ""
    while not ours and time.monotonic() - began < 3:
        ours = server.sql("SELECT min(pid) FROM pg_stat_activity WHERE application_name = 'pgvigil'").strip()
    try:
        with stopped([int(ours)]):
            text, errors = look.communicate(timeout=20)
    finally:
        children.stop(look)
    check(time.monotonic() - began < 8 + SLACK, "not in time")
    check(look.returncode in (0, 3) and "PostgreSQL" in text, look.returncode, text, errors)


def a_server_that_hangs_meanwhile(server):
    look = subprocess.Popen([agent.binary(), "diagnose", server.dsn("app", "pgvigil"), "--seconds", "4", "--timeout", "5"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=agent.clean_environment())
    began = time.monotonic()
    time.sleep(1)
    with open(f"/proc/{server.process.pid}/task/{server.process.pid}/children", encoding="ascii") as file:
        pids = [server.process.pid] + [int(word) for word in file.read().split()]
    try:
        with stopped(pids):
            text, errors = look.communicate(timeout=20)
    finally:
        children.stop(look)
    check(time.monotonic() - began < 5 + SLACK, "not in time")
    check(look.returncode == 3 and "does not answer in time" in " ".join(text.split()), look.returncode, text, errors)


def a_locked_catalogue(server):
    """Log-ins to that database hang; the others still tell what goes on."""
    with session(server, "BEGIN; LOCK pg_class IN ACCESS EXCLUSIVE MODE"):
        here = diagnose(server.dsn("app", "pgvigil")).expect(3, 8, "app", "AccessExclusiveLock").never("no connection")
        check("PARTIAL" in here.text and "PostgreSQL" in here.text, here.text)
        diagnose(server.dsn("postgres", "pgvigil"), "--timeout", "2s").expect(3, 2, "PARTIAL", "app")
        diagnose(server.dsn("postgres", "pgvigil"), "--timeout", "2500 ms").expect(3, 2.5, "PARTIAL")
    waiting = server.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pgvigil'").strip()
    check(int(waiting) == 0, waiting, "sessions are left")


def a_role_without_rights(server):
    server.sql("CREATE ROLE nobody LOGIN")
    with session(server, "SELECT 1", user="app"):
        answer = diagnose(server.dsn("app", "nobody")).expect(3, 8, "PARTIAL", "GRANT pg_monitor TO nobody")
    check(not answer.text.startswith("OK  "), answer.text)


def two_seconds(server):
    for words in (["--timeout", "2"], ["--timeout", "2s", "--seconds", "500ms"]):
        answer = diagnose(server.dsn("app", "pgvigil"), *words)
        check(answer.seconds < 2 + SLACK and "PostgreSQL" in answer.text, answer.seconds, answer.text, answer.errors)
    diagnose(server.dsn("app", "pgvigil"), "--timeout", "soon").expect(3, 1, "soon")
    diagnose(server.dsn("app", "pgvigil"), "--timeout", "2 h").expect(3, 1, "10 min")


def a_standby(server):
    with pg.Standby(server) as standby, tempfile.TemporaryDirectory(prefix="pgvigil.e2e.") as directory:
        before = standby.log_tail(100000)
        settings = {"targets": [{"conninfo": standby.dsn("app", "pgvigil")}], "schedule": {"cycle": "2s", "sweep": "4s"}}
        with agent.Agent(directory, settings) as watcher:
            watcher.wait_ready()
            answer = diagnose(standby.dsn("app", "pgvigil"))
            time.sleep(6)
            seen = watcher.report() or {}
        answer.expect(0, 8, "standby", "tables looked at").never("PARTIAL")
        check(report.verdict(seen) == "ok" and not seen.get("partial"), seen.get("headline"))
        check(not seen.get("blind_spots"), seen.get("blind_spots"))
        errors = [line for line in standby.log_tail(100000)[len(before):].splitlines() if "ERROR" in line]
        check(not errors, errors[:3])
        standby.stop(signal.SIGINT)
        standby.settings["hot_standby"] = "off"
        standby.start()
        diagnose(standby.dsn("app", "pgvigil")).expect(3, 3, "recovery")


EXTREMES = (a_role_without_rights, two_seconds, through_a_pooler, an_agent_through_a_pooler, a_locked_catalogue,
            a_postmaster_that_hangs, our_backend_hangs, a_server_that_hangs_meanwhile, a_standby)


def main():
    children.exit_on_signals()
    wanted = sys.argv[1:]
    failures = 0

    def run(name, test, *arguments):
        nonlocal failures
        if wanted and not any(w in name for w in wanted):
            return
        began = time.monotonic()
        try:
            test(*arguments)
            print(f"ok    {name} ({time.monotonic() - began:.1f} s)", flush=True)
        except (Wrong, RuntimeError, OSError, LookupError, ValueError, subprocess.SubprocessError) as error:
            failures += 1
            print(f"WRONG {name}: {error!r}", flush=True)

    for major in (13, 16):
        run(f"no_slot_left on {major}", no_slot_left, major)
    with prepared_server() as server:
        for extreme in EXTREMES:
            run(extreme.__name__, extreme, server)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
