"""A scratch pgbouncer in front of a scratch server: transaction pooling, 127.0.0.1 only, nothing left behind."""

import os
import subprocess
import time

from . import children, pg

BINARY = "/usr/sbin/pgbouncer"


class Pooler:
    """`with Pooler(server, size) as pooler:`; size: server connections for each user and database."""

    def __init__(self, server, size=2):
        if not os.access(BINARY, os.X_OK):
            raise pg.ServerError("pgbouncer is not installed\nhint: apt-get install pgbouncer")
        self.port = pg.free_port()
        self.log = os.path.join(server.directory, "pooler.log")
        path = os.path.join(server.directory, "pooler.ini")
        users = os.path.join(server.directory, "pooler.users")
        with open(users, "w", encoding="utf-8") as file:
            file.write('"postgres" ""\n"pgvigil" ""\n"app" ""\n')
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"[databases]\n* = host=127.0.0.1 port={server.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
                       f"listen_port = {self.port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {users}\n"
                       f"pool_mode = transaction\ndefault_pool_size = {size}\nmax_client_conn = 100\n")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(children.bound([BINARY, path], server.user), env=pg.SAFE_ENV, cwd="/",
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def dsn(self, database="postgres", user="postgres"):
        return f"host=127.0.0.1 port={self.port} user={pg.conninfo_value(user)} dbname={pg.conninfo_value(database)}"

    def ask(self, sql, database, user):
        return subprocess.run([pg.PSQL, "-X", "-q", "-At", "-c", sql, self.dsn(database, user)], capture_output=True,
                              text=True, env=pg.SAFE_ENV, stdin=subprocess.DEVNULL, timeout=20, check=False)

    def wait_ready(self, timeout=10.0):
        deadline = time.monotonic() + timeout
        while self.ask("SELECT 1", "postgres", "postgres").returncode != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    raise pg.ServerError(f"pgbouncer did not start\n{log.read()[-800:]}")
            time.sleep(0.1)

    def close(self):
        children.stop(self.process)

    def __enter__(self):
        self.wait_ready()
        return self

    def __exit__(self, *_):
        self.close()
