#!/usr/bin/python3
"""The JSON API tells what docs/api.md says: an agent watches a server on which there is something of everything (a scan,
a queue, a build, temporary files, a deploy, a change), and each field of each answer is documented with its type."""

import contextlib
import json
import os
import re
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import agent, children, load, pg  # noqa: E402

SETUP = """
CREATE TABLE letters (id bigint PRIMARY KEY, reference text NOT NULL, body text NOT NULL);
INSERT INTO letters SELECT g, 'ref-' || g, repeat('x', 300) FROM generate_series(1, 200000) g;
CREATE TABLE jobs (id bigint PRIMARY KEY, state text);
INSERT INTO jobs SELECT g, 'new' FROM generate_series(1, 100) g;
CREATE TABLE busy (id bigint);
ANALYZE;
"""
SCRIPTS = {
    "look_up": "\\set n random(1, 200000)\nSELECT body FROM letters WHERE reference = 'ref-' || :n;\n",
    "hold": "BEGIN;\nUPDATE jobs SET state = 'held' WHERE id = 7;\nINSERT INTO busy VALUES (1);\nSELECT pg_sleep(300);\n",
    "wait": "\\sleep 2 s\nUPDATE jobs SET state = 'done' WHERE id = 7;\n",
    "build": "\\sleep 2 s\nCREATE INDEX CONCURRENTLY ON busy (id);\n",
    "sort": "SELECT count(*) FROM (SELECT repeat(g::text, 20) t FROM generate_series(1, 3000000) g ORDER BY t) s;\n",
}
TYPES = {"string": str, "time": str, "number": (int, float), "bool": bool, "object": dict}
PATHS = ("targets", "findings", "load", "queries", "plans", "activity", "progress", "events")


class Failed(Exception):
    """The API is not as documented."""


def expect(true, what):
    if not true:
        raise Failed(what)


def documented():
    """By the word of the heading: path of a field, type."""
    fields, heading = {}, ""
    with open(f"{ROOT}/docs/api.md", encoding="utf-8") as text:
        for line in text:
            if line.startswith("## "):
                heading = line[3:].strip()
            row = re.match(r"\| `([^`]+)` \|\s*([^|]*?)\s*\|", line)
            if row and heading:
                fields.setdefault(heading, {})[row[1]] = row[2].strip()
    return fields


def fits(value, kind):
    if kind.endswith("?"):
        return value is None or fits(value, kind[:-1])
    pair = re.fullmatch(r"\[(\w+), (\w+)\]", kind)
    if pair:
        return isinstance(value, list) and len(value) == 2 and all(fits(v, k) for v, k in zip(value, pair.groups()))
    if kind == "time":
        return isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value) is not None
    return isinstance(value, TYPES[kind]) and (kind == "bool" or not isinstance(value, bool))


def walk(value, path, fields, seen):
    """Notes what is there; tells of what is not documented, or not so."""
    if path in fields:
        expect(fits(value, fields[path]), f"{path} is {value!r}, documented as {fields[path]}")
        seen.add(path)
        if not isinstance(value, dict):
            return
    if isinstance(value, dict):
        for key, inner in value.items():
            inside = f"{path}.{key}" if path else key
            wild = f"{path}.*"
            deeper = any(f == inside or f.startswith((inside + ".", inside + "[]")) for f in fields)
            if not deeper and wild in fields:
                seen.add(wild)
            else:
                walk(inner, inside, fields, seen)
    elif isinstance(value, list):
        for inner in value:
            walk(inner, path + "[]", fields, seen)
    else:
        expect(path in fields, f"{path} is not documented")


class Api:
    def __init__(self, watcher):
        self.watcher = watcher

    def get(self, path, **parameters):
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        status, kind, body = self.watcher.get(f"/api/v1/{path}{query}", timeout=15)
        if status == 200:
            expect(kind.startswith("application/json"), f"{path} is of type {kind}")
        return status, json.loads(body) if body.startswith("{") else None

    def until(self, path, true, what, seconds=40.0, **parameters):
        deadline = time.monotonic() + seconds
        while True:
            status, answer = self.get(path, **parameters)
            if status == 200 and true(answer):
                return answer
            expect(time.monotonic() < deadline, f"/api/v1/{path}: no {what} in {seconds:g} s: {status} {str(answer)[:600]}")
            time.sleep(0.5)


def something_of_everything(api):
    """The answer of each path, once it has something in each list."""
    trees = lambda a: a["blocking"] and a["blocking"][0]["waiters"] and a["blocking"][0]["session"]  # noqa: E731
    activity = lambda a: trees(a) and a["temp_files"]["processes"] and a["connections"]["holders"]  # noqa: E731
    answers = {
        "targets": api.until("targets", lambda a: a["targets"] and a["targets"][0]["alerts"], "alert"),
        "findings": api.until("findings", lambda a: a["findings"], "finding"),
        "load": api.until("load", lambda a: any(p["query"] and p["table"] and p["wait"] for p in a["points"]), "load"),
        "queries": api.until("queries", lambda a: any(q["plan"] == "harmful" for q in a["queries"]), "harmful query"),
        "plans": api.until("plans", lambda a: any(p["verdict"] == "harmful" for p in a["plans"]), "harmful plan"),
        "activity": api.until("activity", activity, "queue and temporary file"),
        "progress": api.until("progress", lambda a: a["operations"], "index build"),
        "events": api.until("events", lambda a: {"deploy", "firing"} <= {e["kind"] for e in a["events"]}, "deploy"),
    }
    scan = [n for p in answers["plans"]["plans"] for n in p["nodes"] if n["verdict"] == "harmful"]
    expect(any("letters" in n["title"] and n["reason"] for n in scan), f"the harmful node is not marked: {scan}")
    query = next(q for q in answers["queries"]["queries"] if q["plan"] == "harmful")
    expect(query["cure"] == "index on public.letters (reference)", f"the cure is {query['cure']}")
    tree = answers["activity"]["blocking"][0]
    expect(tree["waiting"] >= 2 and "pg_sleep" in tree["session"]["query"], f"the root is {tree['session']}")
    build = answers["progress"]["operations"][0]
    expect(build["kind"] == "CREATE INDEX CONCURRENTLY" and build["waits_for"], f"the build is {build}")
    return answers


def as_documented(answers):
    fields, missing = documented(), []
    for path in PATHS:
        seen = set()
        walk(answers[path], "", fields[path], seen)
        missing += [f"{path}: {f}" for f in fields[path] if f not in seen]
    # What only a dearer plan than before would show, and a list that may be empty.
    expect(set(missing) <= {"plans: plans[].before_reads[]"}, f"documented, and never sent: {missing}")


def streamed(watcher):
    """All three kinds of event, and none of them twice for who comes back."""
    def listen(seconds, **headers):
        request = urllib.request.Request(watcher.url + "/api/v1/stream", headers=headers)
        kinds, ids, deadline = [], [], time.monotonic() + seconds
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=seconds) as stream:
            for line in stream:
                kinds += [line[7:].decode().strip()] if line.startswith(b"event: ") else []
                ids += [int(line[4:])] if line.startswith(b"id: ") else []
                if time.monotonic() > deadline:
                    break
        return kinds, ids
    kinds, ids = listen(5)
    expect({"report", "target", "load"} <= set(kinds), f"events: {kinds}")
    expect(kinds.count("load") >= 3, f"a sample a second: {kinds}")
    again, _ = listen(0.8, **{"Last-Event-ID": str(ids[-1] + 1000)})
    expect(again and again[0] == "report", f"an id that is not ours: {again}")
    _, back = listen(5, **{"Last-Event-ID": str(ids[-1])})
    expect(back and min(back) > ids[-1], f"what was seen comes again: {back} after {ids[-1]}")


def refused(api):
    for path, status in (("load?from=yesterday", 400), ("load?from=2&until=1", 400), ("load?target=nobody", 404),
                         ("nothing", 404), ("report?target=nobody", 404), ("findings?target=nobody", 404),
                         ("stream?target=nobody", 404), ("events?until=yesterday", 400)):
        got, answer = api.get(path)
        expect(got == status and answer and answer["error"], f"/api/v1/{path}: {got} {answer}")


def history(api, began):
    """What is no longer in memory comes from the disk: sample by sample, and in minutes."""
    answer = api.until("load", lambda a: a["points"] and a["points"][0]["at"] < began + 12, "early sample", 30,
                       **{"from": began - 600})
    expect(answer["resolution_seconds"] == 1, "a window of minutes is told sample by sample")
    answer = api.until("load", lambda a: a["points"], "minute", 100, **{"from": began - 7200})
    minute = answer["points"][0]
    expect(answer["resolution_seconds"] % 60 == 0 and minute["verdict"] and minute["connections"], f"a minute: {minute}")
    answer = api.until("load", lambda a: a["points"], "past from the beginning of time", 20, **{"from": 0})
    expect(answer["resolution_seconds"] % 60 == 0, "all that is kept is told in minutes")
    answer = api.until("load", lambda a: a["points"], "early sample", 20, until=began + 30)
    expect(answer["points"][-1]["at"] <= began + 30, f"until is passed: {answer['points'][-1]}")
    for times in ({"until": began - 3600}, {"from": 0, "until": began - 3600}):
        expect(api.get("events", **times)[1]["events"] == [], f"events behind {times}")
    answer = api.until("events", lambda a: a["events"], "event", 20, **{"from": began - 7200})
    expect(any(e["kind"] == "deploy" for e in answer["events"]), "the past has no deploy")


def check(directory):
    with pg.Server(15, {"shared_preload_libraries": "pg_stat_statements", "work_mem": "64kB"}) as server:
        server.sql("CREATE DATABASE app")
        server.sql("CREATE EXTENSION pg_stat_statements", "app")
        server.sql(SETUP, "app")
        server.sql(agent.grants_script(15), "app")
        deploys = os.path.join(directory, "deploys")
        entries = []
        for name, text in SCRIPTS.items():
            path = os.path.join(directory, name + ".sql")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(path, 0o644)
            entries.append({"script": path, "clients": {"look_up": 4, "wait": 3}.get(name, 1)})
        settings = {"targets": [{"name": "main", "conninfo": server.dsn("app", "pgvigil")}],
                    "schedule": {"cycle": "2 s", "sweep": "3 s"}, "events": {"deploys_file": deploys}}
        with agent.Agent(directory, settings) as watcher:
            watcher.wait_ready()
            began = time.time()
            with open(deploys, "w", encoding="utf-8") as file:
                file.write(f"{int(began)} shop 1.2.3 <b>to</b> production\nnot a deploy\n")
            with load.Load(server, "app", entries):
                api = Api(watcher)
                as_documented(something_of_everything(api))
                streamed(watcher)
                refused(api)
                history(api, began)
            expect("not a deploy" in watcher.log_tail(100000), "the log does not tell of the line that is no deploy")


def main():
    children.exit_on_signals()
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o755)
        try:
            check(directory)
        except Failed as failed:
            print(f"FAILED: {failed}", file=sys.stderr)
            return 1
    print("the API is as documented")
    return 0


if __name__ == "__main__":
    sys.exit(main())
