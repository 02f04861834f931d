#!/usr/bin/python3
"""What readers of the live events cost: an agent with the default configuration, first alone, then with open streams.

  bench/streams.py [--streams N] [--seconds S]

Prints the agent's CPU as a share of one core, the statements that it sent in the same time, and what each reader got.
Exit 1 when the readers cost 5 % of a core or more, or a statement more.
"""

import argparse
import os
import socket
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import agent, children, pg  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")
LIMIT = 0.05  # of one core


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / TICK


def statements(server):
    """Calls of the agent's role, as pg_stat_statements counts them."""
    return int(server.sql("SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid "
                          "WHERE r.rolname = 'pgvigil'", "app").strip())


class Readers:
    """So many streams, read by one thread of this process; it counts what comes."""

    def __init__(self, port, count):
        self.events, self.running = 0, True
        self.sockets = []
        for _ in range(count):
            s = socket.create_connection(("127.0.0.1", port), timeout=5)
            s.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
            s.setblocking(False)
            self.sockets.append(s)
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    def read(self):
        while self.running:
            for s in self.sockets:
                try:
                    self.events += s.recv(1 << 18).count(b"event: ")
                except BlockingIOError:
                    pass
            time.sleep(0.1)

    def close(self):
        self.running = False
        self.thread.join()
        for s in self.sockets:
            s.close()


def measured(watcher, server, seconds):
    began, cpu, sent = time.monotonic(), cpu_seconds(watcher.process.pid), statements(server)
    time.sleep(seconds)
    passed = time.monotonic() - began
    return (cpu_seconds(watcher.process.pid) - cpu) / passed, (statements(server) - sent) / passed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=60)
    options = parser.parse_args()
    children.exit_on_signals()
    with tempfile.TemporaryDirectory() as directory, \
            pg.Server(15, {"shared_preload_libraries": "pg_stat_statements"}) as server:
        os.chmod(directory, 0o755)
        server.sql("CREATE DATABASE app")
        server.sql("CREATE EXTENSION pg_stat_statements", "app")
        server.sql(agent.grants_script(15), "app")
        with agent.Agent(directory, {"targets": [{"conninfo": server.dsn("app", "pgvigil")}]}) as watcher:
            watcher.wait_ready()
            time.sleep(15)  # the first sweep is over
            alone, asked_alone = measured(watcher, server, options.seconds)
            readers = Readers(watcher.port, options.streams)
            time.sleep(2)
            with_them, asked = measured(watcher, server, options.seconds)
            events = readers.events
            readers.close()
    cost = with_them - alone
    print(f"agent alone:          {100 * alone:6.2f} % of one core, {asked_alone:.2f} statements/s")
    print(f"with {options.streams} streams:     {100 * with_them:6.2f} % of one core, {asked:.2f} statements/s")
    print(f"the streams cost:     {100 * cost:6.2f} % of one core; each got {events / options.streams:.0f} events")
    return 0 if cost < LIMIT and asked <= asked_alone + 1 and events >= options.streams * options.seconds else 1


if __name__ == "__main__":
    sys.exit(main())
