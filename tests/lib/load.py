"""Load by pgbench. A client whose statement was cancelled reconnects at once, as an application's pool would.

As a program (one for the whole load of a case):
  load.py DSN_PREFIX DATABASE SCRIPT CLIENTS RATE ROLE MODE CONNECT [...the same six again]...
It runs until it is told to stop and takes its pgbench processes with it.
"""

import os
import select
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.dont_write_bytecode = True

from tests.lib import children, pg  # noqa: E402


class Client:
    """One connection. pgbench gives up at its first error, so it is started again.

    rate: transactions a second of this client, 0 for as fast as it goes. Late transactions are skipped:
    an application does not make up for the requests of an hour ago. connect: a new session for each transaction.
    """

    def __init__(self, server, database, script, rate, role, mode, connect):
        self.command = [pg.PGBENCH, "-n", "-c", "1", "-T", "86400", "-M", mode, "-f", script]
        if connect:
            self.command.append("-C")
        if rate > 0:
            self.command += ["-R", f"{rate:.4f}", "-L", "1000"]
        self.command.append(f"{server} user={pg.conninfo_value(role)} dbname={pg.conninfo_value(database)}")
        self.role = role
        self.process = None
        self.errors = 0

    def keep_running(self):
        if self.process is not None:
            if self.process.poll() is None:
                return
            self.errors += 1
        self.process = subprocess.Popen(children.bound(self.command, signal_name="KILL"), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        env={**pg.SAFE_ENV, "PGAPPNAME": self.role})


def main(arguments):
    children.exit_on_signals()
    server, database, *entries = arguments
    clients = []
    try:
        for start in range(0, len(entries), 6):
            script, count, rate, role, mode, connect = entries[start:start + 6]
            for _ in range(int(count)):
                clients.append(Client(server, database, script, float(rate) / int(count), role, mode,
                                      connect == "true"))
        while True:
            for client in clients:
                client.keep_running()
            # stdin is a pipe of the script that started us: readable means that it is gone
            if select.select([sys.stdin], [], [], 0.2)[0]:
                return
    finally:
        for client in clients:
            if client.process is not None and client.process.poll() is None:
                client.process.kill()
        print(sum(client.errors for client in clients), flush=True)


class Load:
    """The load of a case, in a process of its own. stop() returns how often a client had to reconnect."""

    def __init__(self, server, database, entries):
        """entries: mappings with script (path), clients, rate (a second, of all its clients), role, mode,
        connect (a new session for each transaction)."""
        line = [sys.executable, os.path.abspath(__file__), f"host=127.0.0.1 port={server.port}", database]
        for entry in entries:
            line += [entry["script"], entry.get("clients", 1), entry.get("rate", 0), entry.get("role", "postgres"),
                     entry.get("mode", "simple"), str(bool(entry.get("connect"))).lower()]
        self.process = subprocess.Popen(children.bound(line), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.started = time.monotonic()

    def stop(self):
        children.stop(self.process)
        answer = self.process.stdout.read().strip() if self.process.stdout else ""
        return int(answer) if answer.isdigit() else 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        pass
