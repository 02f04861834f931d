#!/usr/bin/python3
"""The past is told when nothing is up any more: an agent watches a fault and its end, server and agent are stopped, and
`diagnose --from-state --at` names the cause from what the agent kept; `--since` names what had changed. Literals never
reach the disk. `--watch` looks again and again."""

import datetime
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import agent, children, load, pg  # noqa: E402

CANARY, NUMBER = "c4nary-literal", "918273645"
SETUP = """
CREATE TABLE letters (id bigint PRIMARY KEY, reference text NOT NULL, body text NOT NULL);
INSERT INTO letters SELECT g, 'ref-' || g, repeat('x', 300) FROM generate_series(1, 250000) g;
CREATE INDEX letters_reference_idx ON letters (reference);
ANALYZE letters;
"""
LOOK_UP = f"SELECT body FROM letters WHERE reference = 'ref-' || :n OR reference = '{CANARY}-{NUMBER}';\n"
BEFORE, DURING, AFTER = 25.0, 45.0, 45.0  # a mended plan is seen within two sweeps


class Failed(Exception):
    """The past is not told as it must be."""


def expect(true, what):
    if not true:
        raise Failed(what)


def ask(*words, **environment):
    done = subprocess.run([agent.binary(), "diagnose", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", env=agent.clean_environment(**environment), timeout=60, check=False)
    return done


def utc(moment):
    return datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def told(state, moment, *words):
    done = ask("--from-state", state, "--at", utc(moment), "--format", "json", *words)
    expect(done.stdout, f"nothing is told of {utc(moment)}: {done.stderr}")
    return done.returncode, json.loads(done.stdout)


def live(directory, server):
    """The fault and its end under the agent's eyes; when it was whole, broken and whole again."""
    script = os.path.join(directory, "look_up.sql")
    with open(script, "w", encoding="utf-8") as file:
        file.write(f"\\set n random(1, 250000)\n{LOOK_UP}")
    os.chmod(script, 0o644)
    settings = {"targets": [{"name": "main", "conninfo": server.dsn("app", "pgvigil"),
                             "hot_queries": [{"name": "named", "database": "app",
                                              "sql": f"SELECT body FROM letters WHERE reference = '{CANARY}-named'"}]}]}
    with agent.Agent(directory, settings) as watcher:
        watcher.wait_ready()
        entry = {"script": script, "clients": 8, "rate": 40}
        with load.Load(server, "app", [entry]):
            time.sleep(BEFORE)
            whole = time.time()
            server.sql("DROP INDEX letters_reference_idx", "app")
            time.sleep(DURING)
            during = time.time()
            server.sql("CREATE INDEX letters_reference_idx ON letters (reference)", "app")
            time.sleep(AFTER)
            mended = time.time()
        # killed, not stopped: what it had written must be enough
        time.sleep(11)
        watcher.process.send_signal(signal.SIGKILL)
        watcher.process.wait()
    return watcher.state, whole, during, mended


def judged(state, whole, during, mended):
    code, then = told(state, during)
    expect(code in (1, 2), f"exit {code} for the time of the fault")
    causes = [c["check"] + " " + c["object"] for c in then["causes"]]
    expect(any("letters" in c for c in causes), f"the cause is not named: {causes}, {then['headline']}")
    expect(then["past"] and state in then["past"], f"it does not say that it is the past: {then['past']}")
    expect(abs(during - parsed(then["at"])) < 15, f"as of {then['at']}, asked for {utc(during)}")
    sql = json.dumps(then)
    expect("letters" in sql and "(reference)" in sql, "no index is recommended")
    since = then["incidents"][0]["since"]
    expect(since and abs(parsed(since) - whole) < 20, f"it began at {since}, the index was dropped at {utc(whole)}")
    for moment in (whole, mended):
        _, fine = told(state, moment)
        expect(not any("letters" in c["object"] for c in fine["causes"]), f"at {utc(moment)}: {fine['headline']}")
    text = ask("--from-state", state, "--at", utc(during), TZ="Europe/Berlin").stdout
    expect("PAST" in text.splitlines()[0] and utc(during)[:10] in text and "CET" in text or "CEST" in text,
           f"text: {text[:200]}")
    newest = ask("--from-state", state, "--format", "json")
    expect(parsed(json.loads(newest.stdout)["at"]) > mended - 15, f"the newest record is not the default: {newest.stderr}")


def changes(state, whole, during, mended):
    _, then = told(state, during, "--since", f"{int(during - whole) + 3} s")
    said = [c["sentence"] for c in then["changes"]["all"]]
    expect(any(c["kind"] == "gone" and "letters_reference_idx" in c["object"]["name"] for c in then["changes"]["all"]),
           f"the dropped index is not among the changes: {then['changes']}")
    expect(not any("letters_pkey" in s for s in said), f"what is there is told as gone: {said}")
    text = ask("--from-state", state, "--at", utc(during), "--since", "60s").stdout
    expect("WHAT CHANGED" in text and "letters_reference_idx" in text, f"text: {text[-800:]}")
    early = ask("--from-state", state, "--at", utc(whole - 3600))
    expect(early.returncode == 3 and "the first record is of" in early.stderr, f"before the first record: {early.stderr}")


def watching(server):
    """Look after look on the same connections, until Ctrl-C; the exit code is the last verdict's."""
    line = [agent.binary(), "diagnose", "--watch=1s", "--format", "json", server.dsn("app", "pgvigil")]
    process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               env=agent.clean_environment())
    backends, reports = set(), []
    try:
        for _ in range(3):
            reports.append(json.loads(process.stdout.readline()))
            pids = server.sql("SELECT pid FROM pg_stat_activity WHERE usename = 'pgvigil'").split()
            expect(len(pids) <= 2, f"{len(pids)} connections")
            backends |= set(pids)
        process.send_signal(signal.SIGINT)
        process.wait(10)
    finally:
        if process.poll() is None:
            process.kill()
    verdicts = {"ok": 3 if reports[-1]["partial"] else 0, "warning": 1, "critical": 2}
    expect(process.returncode == verdicts[reports[-1]["verdict"]],
           f"exit {process.returncode} after {reports[-1]['verdict']}")
    expect(len({r["at"] for r in reports}) == 3 and len(backends) <= 4, f"connections in three looks: {len(backends)}")


def parsed(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def nothing_secret(directory):
    """Every byte that the agent left, and all that sqlite3 can read of it decompressed by pgvigil itself."""
    for path, _, names in os.walk(directory):
        for name in names:
            if name.endswith((".yaml", ".sql")):
                continue
            with open(os.path.join(path, name), "rb") as file:
                data = file.read()
            for secret in (CANARY, NUMBER):
                expect(secret.encode() not in data, f"{secret} is in {name}")


def nothing_secret_inside(state):
    """Bodies are deflated: look into each of them."""
    import sqlite3
    import zlib
    seen = 0
    with sqlite3.connect(f"file:{os.path.join(state, 'history.db')}?mode=ro", uri=True) as db:
        for table in ("raw", "minute"):
            for (body,) in db.execute(f"SELECT body FROM {table}"):
                text = zlib.decompress(body[4:])
                seen += text.count(b"letters")
                for secret in (CANARY, NUMBER):
                    expect(secret.encode() not in text, f"{secret} is in {table}: "
                                                        f"{text[max(0, text.find(secret.encode()) - 300):][:600]!r}")
        for row in db.execute("SELECT body FROM moment"):
            expect(CANARY not in row[0], f"the literal is in a moment: {row[0]}")
    expect(seen > 10, "the queries are not there at all")


def only_minutes(state, during):
    """As when the observations are gone by age: the minutes are left."""
    import sqlite3
    with sqlite3.connect(os.path.join(state, "history.db")) as db:
        db.execute("DELETE FROM raw")
        expect(db.execute("SELECT count(*) FROM minute").fetchone()[0] > 0, "there are no minutes")
        first = db.execute("SELECT min(at) FROM minute").fetchone()[0]
    db.close()
    moment = max(during, first / 1000 + 60)
    code, then = told(state, moment)
    expect(then.get("only_minutes") and then["verdict"] in ("warning", "critical") and code in (1, 2),
           f"exit {code}: {then['verdict']} {then['headline']}")
    expect(any("letters" in q["query"] for q in then["queries"]), f"the query is not told: {then['queries']}")
    expect(any("letters" in t["name"] for t in then["tables"]), f"the table is not told: {then['tables']}")
    text = ask("--from-state", state, "--at", utc(moment)).stdout
    expect("minute by minute" in text and "letters" in text, f"text: {text}")


def main():
    children.exit_on_signals()
    with tempfile.TemporaryDirectory(prefix="pgvigil.e2e.") as directory:
        try:
            with pg.Server() as server:
                server.sql("CREATE DATABASE app")
                server.sql(SETUP, "app")
                server.sql("CREATE EXTENSION pg_stat_statements", "app")
                server.sql(agent.grants_script(pg.DEBIAN), "app")
                times = live(directory, server)
                watching(server)
                print("ok    watching", flush=True)
            steps = ((judged, times), (changes, times), (nothing_secret, (directory,)), (nothing_secret_inside, times[:1]),
                     (only_minutes, (times[0], times[2])))
            for step, arguments in steps:
                step(*arguments)
                print(f"ok    {step.__name__}", flush=True)
        except (Failed, RuntimeError, pg.ServerError) as error:
            print(f"WRONG {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
