"""A case of the incident suite: its folder, and the scene that is built from it."""

import glob
import os
import re
import shutil
import subprocess
import time

import yaml

from . import agent, children, load, pg, rename

CREATES_ROLE = r"\bCREATE\s+(?:ROLE|USER)\s+\"?{}\"?\b"
FIXED_WORDS = ("check", "also", "not_cause", "severity", "confidence_below", "after_remedy", "alerts")  # no names of objects
TEXTS = (".sql", ".sh", ".yaml")


class Case:
    """incident.yaml and the files beside it, with other names when there is a renaming."""

    def __init__(self, folder, seed=None):
        self.folder = os.path.abspath(folder)
        self.name = os.path.basename(self.folder)
        if not os.path.exists(os.path.join(self.folder, "incident.yaml")):
            raise ValueError(f"{folder} has no incident.yaml")
        with open(os.path.join(self.folder, "setup.sql"), encoding="utf-8") as setup:
            self.renamed = rename.Renaming(setup.read(), seed) if seed is not None else lambda text: text
        self.plain = yaml.safe_load(self.read("incident.yaml", plain=True))
        self.title = self.plain.get("title", self.name)
        self.settings = self.plain.get("settings") or {}
        self.preload = self.plain.get("preload", ["pg_stat_statements"])
        self.scale = self.plain.get("scale", 1)
        self.baseline = float(self.plain.get("baseline_seconds", 0))
        self.seconds = float(self.plain.get("seconds", 20))
        self.ask = self.plain.get("ask", "diagnose")
        self.privileges = self.plain.get("privileges", ["pg_monitor", "pg_read_all_data"])
        self.expect = self._expected(self.plain.get("expect") or {})
        names = self.plain.get("databases") or ["incident"]
        self.databases = [n["name"] if isinstance(n, dict) else str(n) for n in names]
        self.min_version = int(self.plain.get("from", 13))

    def read(self, name, plain=False):
        with open(os.path.join(self.folder, name), encoding="utf-8") as file:
            text = file.read()
        return text if plain else self.renamed(text)

    def has(self, name):
        return os.path.exists(os.path.join(self.folder, name))

    def files(self, pattern):
        return sorted(os.path.basename(path) for path in glob.glob(os.path.join(self.folder, pattern)))

    def _expected(self, value):
        """Names of objects and patterns are renamed; ids of checks are not."""
        if isinstance(value, dict):
            return {k: v if k in FIXED_WORDS else self._expected(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self._expected(v) for v in value]
        return self.renamed(value) if isinstance(value, str) else value

    def load_entries(self):
        entries = self.plain.get("load") or []
        return [entries] if isinstance(entries, dict) else entries

    def roles(self):
        """The roles that the load runs as and that setup.sql does not create itself."""
        setup = self.read("setup.sql")
        wanted = {str(e["role"]) for e in self.load_entries() if e.get("role", "postgres") != "postgres"}
        return sorted(r for r in wanted if not re.search(CREATES_ROLE.format(re.escape(r)), setup, re.IGNORECASE))


class Scene:
    """A case on a server of its own. The caller decides when load, sessions and fault begin."""

    def __init__(self, case, major=pg.DEBIAN, grants=None):
        """grants: SQL that makes the role pgvigil; the case's plain privileges when it is not given."""
        self.case, self.grants = case, grants
        settings = dict(case.settings)
        if case.preload is not None and "shared_preload_libraries" not in settings:
            settings["shared_preload_libraries"] = ",".join(case.preload)
        self.server = pg.Server(major, settings, fsync=True)
        self.files = os.path.join(self.server.directory, "case")
        self.load = None
        self.sessions = []
        self.phases = {}
        self.case_env = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.load is not None:
            self.load.stop()
        for session in self.sessions:
            children.stop(session)
        self.server.close()

    @property
    def database(self):
        return self.case.databases[0]

    def conninfo(self, role="pgvigil"):
        return self.server.dsn(self.database, role)

    def phase(self, name, began):
        self.phases[name] = round(time.monotonic() - began, 1)

    def set_up(self):
        began = time.monotonic()
        case, server = self.case, self.server
        shutil.copytree(case.folder, self.files)
        for name in os.listdir(self.files):
            if name.endswith(TEXTS) and name != "incident.yaml":
                with open(os.path.join(self.files, name), "w", encoding="utf-8") as file:
                    file.write(case.read(name))
        subprocess.run(["chmod", "-R", "a+rX", self.files], check=True)
        for role in case.roles():
            server.sql(f"CREATE ROLE {identifier(role)} LOGIN")
        for database in case.databases:
            if database != "postgres":
                server.sql(f"CREATE DATABASE {identifier(database)}")
        self.script("setup.sql", timeout=180)
        if "pg_stat_statements" in self.server.settings["shared_preload_libraries"]:
            server.sql("SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS pg_stat_statements",
                       self.database)
        self.make_monitor()
        self.phase("setup", began)

    def make_monitor(self):
        """The role that pgvigil connects as."""
        if self.grants is not None:
            self.server.sql(self.grants, self.database)
            return
        server, old = self.server, self.server.major < 14
        granted = [p for p in self.case.privileges if not (old and p == "pg_read_all_data")]
        server.sql("CREATE ROLE pgvigil LOGIN")
        for privilege in granted:
            server.sql(f"GRANT {identifier(privilege)} TO pgvigil")
        if old and "pg_read_all_data" in self.case.privileges:
            for database in self.case.databases:
                server.sql("DO $$ DECLARE s name; BEGIN FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' "
                           "LOOP EXECUTE format('GRANT USAGE ON SCHEMA %I TO pgvigil', s); "
                           "EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA %I TO pgvigil', s); END LOOP; END $$",
                           database)

    def script(self, name, timeout=120):
        """A script of the case, as the superuser, in its first database."""
        path = os.path.join(self.files, name)
        done = subprocess.run([pg.PSQL, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-v", f"scale={self.case.scale}",
                               "-f", path, self.server.dsn(self.database)], cwd=self.files, capture_output=True,
                              text=True, env={**pg.SAFE_ENV, "PGAPPNAME": "setup"}, stdin=subprocess.DEVNULL,
                              timeout=timeout, check=False)
        if done.returncode != 0:
            raise pg.ServerError(f"{name}: {done.stderr.strip()[-600:]}")

    def start_load(self):
        entries = [{**e, "script": os.path.join(self.files, e["script"])} for e in self.case.load_entries()]
        if entries:
            self.load = load.Load(self.server, self.database, entries)

    def open_sessions(self):
        """hold*.sql: each file a session that stays open. A first line `-- role: NAME` says whose."""
        for name in self.case.files("hold*.sql"):
            with open(os.path.join(self.files, name), encoding="utf-8") as file:
                text = file.read()
            role = re.match(r"--\s*role:\s*(\w+)", text)
            session = subprocess.Popen(
                children.bound([pg.PSQL, "-X", "-q", self.server.dsn(self.database, role.group(1) if role else "postgres")]),
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=pg.SAFE_ENV, text=True)
            session.stdin.write(text + "\n")
            session.stdin.flush()
            self.sessions.append(session)
        if self.sessions:
            time.sleep(1)

    def break_it(self):
        began = time.monotonic()
        if self.case.has("break.sql"):
            self.script("break.sql")
        if self.case.has("break.sh"):
            self._break_by_shell()
        self.phase("break", began)

    def _break_by_shell(self):
        server = self.server
        env_file = os.path.join(server.directory, "case.env")
        environment = {**pg.SAFE_ENV, "PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGDATA": server.data,
                       "PG_BIN": server.bin, "PGUSER": "postgres", "PGDATABASE": self.database, "CASE_ENV": env_file,
                       "HOME": server.directory, "PATH": f"{pg.DEBIAN_BIN}:{pg.SAFE_ENV['PATH']}"}
        log = os.path.join(server.directory, "break.log")
        with open(log, "w", encoding="utf-8") as out:
            code = subprocess.run(children.bound(["/bin/bash", os.path.join(self.files, "break.sh")], server.user),
                                  env=environment, cwd=server.directory, stdin=subprocess.DEVNULL, stdout=out,
                                  stderr=out, timeout=120, check=False).returncode
        if code != 0:
            with open(log, encoding="utf-8", errors="replace") as out:
                raise pg.ServerError(f"break.sh ended with {code}: {out.read()[-600:]}")
        if os.path.exists(env_file):
            with open(env_file, encoding="utf-8") as lines:
                pairs = (line.strip().removeprefix("export ").split("=", 1) for line in lines if "=" in line)
                self.case_env = {key: value.strip("'\"") for key, value in pairs}

    def configuration(self):
        """The case's pgvigil.yaml over the least that works."""
        base = {"targets": [{"conninfo": self.conninfo()}]}
        if not self.case.has("pgvigil.yaml"):
            return base
        text = self.case.read("pgvigil.yaml")
        known = {"PGHOST": "127.0.0.1", "PGPORT": str(self.server.port), "PGDATA": self.server.data,
                 "PGDATABASE": self.database, "CASE_DIR": self.files, **self.case_env}
        text = re.sub(r"\$\{(\w+)\}", lambda m: known.get(m.group(1), m.group(0)), text)
        return agent.merged(base, yaml.safe_load(text) or {})

    def paste(self, step, timeout=240.0):
        """Runs one printed step as its role; (seconds, error or "")."""
        role = step.get("run_as") or "superuser"
        database = step.get("database") or self.database
        user, sql = "postgres", step["sql"]
        if role != "superuser":
            if self.server.sql(f"SELECT rolcanlogin FROM pg_roles WHERE rolname = {pg.quoted(role)}").strip() == "t":
                user = role
            else:  # an owner that nobody logs in as: somebody who may become it does
                sql = f"SET SESSION AUTHORIZATION {identifier(role)};\n{sql}"
        began = time.monotonic()
        try:
            done = self.server.sql(sql + "\n", database, user, check=False, timeout=timeout)
            error = done.stderr.strip() if done.returncode else ""
        except subprocess.TimeoutExpired:
            error = f"not done within {timeout:g} s"
        return time.monotonic() - began, error


def identifier(name):
    return '"' + str(name).replace('"', '""') + '"'
