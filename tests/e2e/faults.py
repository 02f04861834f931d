#!/usr/bin/python3
"""The agent outlives the faults around it: killed backends, a server that stops, hangs or is gone, a dead receiver, a
broken configuration on reload, a role that loses its rights. After each it sees again, on at most two connections."""

import os
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import agent, children, pg, receiver  # noqa: E402

NOTICE, RECOVER = 30.0, 45.0  # loose: a cycle is 10 s, and reconnecting backs off


class Fault(Exception):
    """Something did not happen as it must."""


class Bench:
    """A server, an agent that watches it, and the means to look at both."""

    def __init__(self, server, watcher, config):
        self.server, self.watcher, self.config = server, watcher, config

    def metric(self, name):
        """The value of a series without labels or of its first one; None while the page does not answer."""
        _, _, body = self.watcher.get("/metrics")
        for line in body.splitlines():
            if line.startswith((name + " ", name + "{")):
                return float(line.rsplit(" ", 1)[1])
        return None

    def wait(self, what, true, seconds):
        deadline = time.monotonic() + seconds
        while not true():
            self.watcher.check_alive()
            if time.monotonic() > deadline:
                raise Fault(f"{what} within {seconds:g} s: no\n{self.watcher.log_tail()}")
            time.sleep(0.25)

    def sees(self):
        return self.metric("pgvigil_up") == 1

    def blind(self):
        return self.metric("pgvigil_up") == 0

    def backends(self):
        return int(self.server.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'pgvigil'"))

    def healthy_again(self):
        self.wait("the server is seen again", self.sees, RECOVER)
        if self.backends() > 2:
            raise Fault(f"{self.backends()} connections")
        began = time.monotonic()
        if self.watcher.get("/healthz")[0] != 200 or time.monotonic() - began > 1:
            raise Fault("/healthz does not answer at once")


def backends_killed(bench):
    bench.server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'pgvigil'")
    bench.wait("a new connection", lambda: bench.backends() > 0, RECOVER)


def server_restarted(bench):
    bench.server.stop()
    bench.wait("the server is missed", bench.blind, NOTICE)
    bench.server.start()


def postmaster_and_backends_hang(bench):
    """Stopped processes keep their sockets open and answer to nothing."""
    postmaster = bench.server.process.pid
    with open(f"/proc/{postmaster}/task/{postmaster}/children", encoding="ascii") as file:
        pids = [postmaster] + [int(word) for word in file.read().split()]
    stopped = [pid for pid in pids if signalled(pid, signal.SIGSTOP)]
    try:
        bench.wait("the server is missed", bench.blind, NOTICE)
    finally:
        for pid in stopped:
            signalled(pid, signal.SIGCONT)


def signalled(pid, signal_number):
    """A worker may have ended meanwhile."""
    try:
        os.kill(pid, signal_number)
    except ProcessLookupError:
        return False
    return True


def table_locked(bench):
    session = subprocess.Popen([pg.PSQL, "-X", "-q", "-c", "BEGIN; LOCK TABLE watched; SELECT pg_sleep(15)",
                                bench.server.dsn("app")], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 14
        while time.monotonic() < deadline:
            waiting = bench.server.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'pgvigil' "
                                       "AND wait_event_type = 'Lock' AND now() - state_change > interval '1 s'")
            if int(waiting):
                raise Fault("pgvigil queues behind a lock for more than a second")
            if bench.blind():
                raise Fault("a locked table makes the server look down")
            time.sleep(0.5)
    finally:
        children.stop(session)


def rights_revoked(bench):
    bench.server.sql("REVOKE pg_monitor FROM pgvigil")
    time.sleep(12)
    bench.watcher.check_alive()
    bench.server.sql("GRANT pg_monitor TO pgvigil")


def broken_reload(bench):
    with open(bench.config, encoding="utf-8") as file:
        good = file.read()
    try:
        with open(bench.config, "a", encoding="utf-8") as file:
            file.write("\nhtpp: {}\n")
        bench.watcher.process.send_signal(signal.SIGHUP)
        bench.wait("the reload is refused", lambda: bench.metric("pgvigil_config_last_reload_successful") == 0, NOTICE)
    finally:
        with open(bench.config, "w", encoding="utf-8") as file:
            file.write(good)
    bench.watcher.process.send_signal(signal.SIGHUP)
    bench.wait("the good file is taken", lambda: bench.metric("pgvigil_config_last_reload_successful") == 1, NOTICE)


def port_taken(bench):
    """A second agent on the same port ends with a line that names it; the first goes on."""
    done = subprocess.run([agent.binary(), "run", "-c", bench.config], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, env=agent.clean_environment(), timeout=20, check=False)
    if done.returncode != 1 or str(bench.watcher.port) not in done.stderr:
        raise Fault(f"exit {done.returncode}: {done.stderr.strip()}")


FAULTS = (backends_killed, server_restarted, postmaster_and_backends_hang, table_locked, rights_revoked, broken_reload,
          port_taken)


def main():
    children.exit_on_signals()
    failures = 0
    with tempfile.TemporaryDirectory(prefix="pgvigil.e2e.") as directory, pg.Server() as server:
        server.sql("CREATE DATABASE app")
        server.sql("CREATE TABLE watched AS SELECT g AS id FROM generate_series(1, 1000) g", "app")
        server.sql(agent.grants_script(pg.DEBIAN), "app")
        dead = receiver.Receiver()
        dead.close()  # its port refuses from now on
        settings = {"targets": [{"conninfo": server.dsn("app", "pgvigil")}], "receivers": agent.receivers(dead)}
        with agent.Agent(directory, settings) as watcher:
            bench = Bench(server, watcher, watcher.config)
            try:
                watcher.wait_ready()
                bench.healthy_again()
                for fault in FAULTS:
                    began = time.monotonic()
                    fault(bench)
                    bench.healthy_again()
                    print(f"ok    {fault.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
                seconds = watcher.stop()
                if watcher.process.returncode != 0 or seconds > 5:
                    raise Fault(f"SIGTERM: exit {watcher.process.returncode} after {seconds:.1f} s")
                time.sleep(0.5)
                if bench.backends():
                    raise Fault("connections are left after the end")
            except (Fault, RuntimeError, pg.ServerError) as error:
                failures += 1
                print(f"WRONG {error}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
