"""pgvigil itself, started on a scratch configuration: the daemon and the one-shot."""

import os
import subprocess
import time
import urllib.error
import urllib.request

import yaml

from . import children, pg, report

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def binary():
    """$PGVIGIL, or what was built here, the release first."""
    given = os.environ.get("PGVIGIL")
    for path in [given] if given else [f"{ROOT}/build/{preset}/pgvigil" for preset in ("release", "debug", "dev")]:
        if os.access(path, os.X_OK):
            return os.path.abspath(path)
    raise SystemExit("pgvigil is not built\nhint: cmake --preset release && cmake --build --preset release")


def clean_environment(**more):
    """Ours without PG* variables: they would reach libpq."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PG") or k.startswith("PGVIGIL")}
    return {**kept, "PGPASSFILE": "/nonexistent", **more}


def merged(base, extra):
    """`extra` laid over `base`: mappings key by key, lists of mappings entry by entry, all else replaced."""
    if isinstance(base, dict) and isinstance(extra, dict):
        return {**base, **{k: merged(base[k], v) if k in base else v for k, v in extra.items()}}
    if isinstance(base, list) and isinstance(extra, list) and all(isinstance(e, dict) for e in base + extra):
        return [merged(b, e) for b, e in zip(base, extra)] + base[len(extra):] + extra[len(base):]
    return extra


def grants_script(major, role="pgvigil"):
    """What `pgvigil grants` prints for this version."""
    done = subprocess.run([binary(), "grants", "--role", role, "--pg", str(major)], capture_output=True, text=True,
                          env=clean_environment(), stdin=subprocess.DEVNULL, timeout=30, check=False)
    if done.returncode != 0 or not done.stdout.strip():
        raise RuntimeError(f"pgvigil grants failed with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


class Diagnosis:
    """One `pgvigil diagnose` of the conninfo, or of the first target of a configuration file.

    report: None when there was none. text: the same observation as a person reads it, when there is a directory
    to save it in. exit_code, seconds, errors (what it said on stderr).
    """

    def __init__(self, conninfo, config=None, directory=None, timeout=60.0):
        saved = os.path.join(directory, "observation.json") if directory else None
        line = [binary(), "diagnose", "--format", "json"]
        line += ["-c", config] if config else [conninfo]  # a connection string would replace the file's targets
        line += ["--save", saved] if saved else []
        began = time.monotonic()
        done = run(line, timeout)
        self.seconds = time.monotonic() - began
        self.exit_code, self.errors = done.returncode, done.stderr
        self.report = report.parse(done.stdout)
        self.text = ""
        if saved and os.path.exists(saved):  # the same observation once more, as a person reads it
            line = [binary(), "diagnose", "--from", saved] + (["-c", config] if config else [])
            self.text = run(line, timeout).stdout


def run(line, timeout):
    try:
        return subprocess.run(line, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
                              env=clean_environment(), timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(line, 124, "", f"no answer within {timeout:g} s")


class Agent:
    """`pgvigil run` with a configuration file in `directory`. Its log stays there."""

    def __init__(self, directory, config, preload=None):
        self.port = pg.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.config = os.path.join(directory, "pgvigil.yaml")
        self.log = os.path.join(directory, "pgvigil.log")
        self.state = os.path.join(directory, "state")
        base = {"http": {"port": self.port}, "alerting": {"external_url": self.url}, "state": {"directory": self.state}}
        with open(self.config, "w", encoding="utf-8") as file:
            yaml.safe_dump(merged(base, config), file, sort_keys=False, allow_unicode=True)
        os.chmod(self.config, 0o600)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(children.bound([binary(), "run", "-c", self.config]),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env=clean_environment(**(preload or {})), cwd=directory)

    def get(self, path, timeout=5.0):
        """(status, content type, body); status 0 when nobody answers."""
        try:
            with urllib.request.urlopen(self.url + path, timeout=timeout) as answer:
                return answer.status, answer.headers.get("Content-Type", ""), answer.read().decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            return error.code, error.headers.get("Content-Type", ""), error.read().decode("utf-8", "replace")
        except OSError:
            return 0, "", ""

    def report(self):
        """The current report, or None while there is none."""
        status, _, body = self.get("/api/v1/report")
        return report.parse(body) if status == 200 else None

    def check_alive(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"pgvigil run ended with {self.process.returncode}\n{self.log_tail()}")

    def wait_ready(self, timeout=15.0):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            self.check_alive()
            if self.get("/readyz")[0] == 200:
                return
            time.sleep(0.1)
        raise RuntimeError(f"pgvigil was not ready within {timeout:g} s\n{self.log_tail()}")

    def log_tail(self, size=1500):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return log.read()[-size:]
        except OSError:
            return ""

    def stop(self):
        """SIGTERM; the seconds it took."""
        began = time.monotonic()
        children.stop(self.process, patience=10.0)
        return time.monotonic() - began

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def receivers(receiver):
    """The configuration's receivers: one chat, one generic, both of them `receiver`."""
    return [{"name": "chat", "kind": "slack", "url": receiver.url("/slack"), "allow_private": True},
            {"name": "generic", "kind": "webhook", "url": receiver.url("/webhook"), "allow_private": True}]
