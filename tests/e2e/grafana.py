#!/usr/bin/python3
"""Every query of the Grafana boards against a real Prometheus that scrapes a real agent during the founding incident.

Each query of a panel, a variable or an annotation has to be answered with data, first on the server at rest, where only a
panel that is marked as empty when healthy may have none, then during the incident. A table's columns and a legend's labels are held against what came. Import into Grafana is not tried.
"""

import os
import re
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import agent, children, grafana, incident, pg, prometheus, receiver  # noqa: E402

CASE = os.path.join(ROOT, "tests", "incidents", "seq_scan_after_schema_copy")
RULES = os.path.join(ROOT, "config", "pgvigil.rules.yml")
CAUSES = ("seq_scan_hot_query", "unindexed_table")
TOLD = ("incident.json: Verdict A", "incident.json: Findings A")
# Marked as empty when healthy, and the founding incident is not of the kind that they are for.
UNTOUCHED = {"agent.json: Probes without a full answer A", "agent.json: Checks that could not be judged A",
             "agent.json: Series folded into \"other\" A", "incident.json: Temporary files A",
             "queries.json: Plans that changed their shape A", "queries.json: EXPLAIN in vain A",
             "queries.json: Index builds and lost statements A"}
QUIET_DEADLINE = 25.0  # a healthy server, until the slowest probe has been asked
DEADLINE = 45.0  # from the onset, until all have data
WINDOW = "12s"   # stands for $__rate_interval
MIGRATION = {"name": "the copy of the schema",
             "done": "SELECT count(*) FROM pg_class WHERE relname LIKE 'lsif_data_%' AND relkind = 'r'", "total": "5"}
SCHEDULE = {"sample": "1 s", "cycle": "2 s", "sweep": "6 s", "slow": "20 s"}


class Asked:
    """One query of one board."""

    def __init__(self, board, where, text, panel, variable=None):
        self.where, self.template = f"{board}: {where}", text
        self.text = grafana.substituted(text, __rate_interval=WINDOW)
        self.panel, self.variable = panel, variable
        # An annotation has nothing to say on a healthy server; of a table's columns one may be empty.
        self.may_be_empty = where.startswith("annotation ") or \
            (panel is not None and (grafana.EMPTY_WHEN_HEALTHY in panel["description"] or
                                    (panel["type"] == "table" and len(panel["targets"]) > 1 and not where.endswith(" A"))))
        self.answer = []

    def ask(self, server):
        """Whether data came; keeps it."""
        try:
            if self.variable is not None:
                self.answer = server.label_values(self.text, self.variable)
            elif self.panel is not None and self.panel["type"] == "table":
                self.answer = server.instant(self.text)
            else:
                self.answer = server.over(self.text, 30)
        except RuntimeError as error:
            raise RuntimeError(f"{self.where}: {error}: {self.text}") from error
        return bool(self.answer)

    def ask_all(self, server):
        """Whether there is data when nothing is chosen: what was there before may be over."""
        chosen, self.text = self.text, grafana.substituted(self.template, __rate_interval=WINDOW)
        answered, self.text = self.ask(server), chosen
        return answered

    def choose(self, values):
        """The same query while these are chosen, as Grafana escapes and joins them."""
        joined = {name: "(" + "|".join(re.sub(r"([.*+?|()\[\]{}^$])", r"\\\\\1", v) for v in several) + ")"
                  for name, several in values.items()}
        self.text = grafana.substituted(self.template, __rate_interval=WINDOW, **joined)

    def labels(self):
        return {label for series in self.answer if isinstance(series, dict) for label in series["metric"]} - {"__name__"}


def all_queries():
    for name, board in grafana.boards().items():
        for where, text, panel in grafana.queries(board):
            label = None
            if where.startswith("variable "):
                label = next(grafana.label_values(v)[1] for v in board["templating"]["list"]
                             if where == f"variable {v['name']}")
            yield Asked(name, where, text, panel, label)


def wait_for_data(server, asked, deadline, watcher, quiet=False):
    """Those that are still without data at the end: when all that have to be answered are, or too late."""
    pending = list(asked)
    while pending and time.monotonic() < deadline:
        watcher.check_alive()
        pending = [a for a in asked if (a in pending or a.where in TOLD) and not a.ask(server)]
        if quiet and all(a.may_be_empty for a in pending):
            break
        if not quiet and all(a.where in UNTOUCHED for a in pending) and not list(told(asked)):
            break
        time.sleep(1)
    return pending


def unmarked(pending):
    return [f"{a.where}: empty on a healthy server, and not marked so: {a.text}" for a in pending if not a.may_be_empty]


def misshapen(asked):
    """What a table would show beside its columns, or miss; and legends with labels that did not come."""
    tables = {}
    for a in asked:
        if a.panel is None or not a.answer:
            continue
        if a.panel["type"] == "table":
            tables.setdefault(a.where.rsplit(" ", 1)[0], (a.panel, set()))[1].update(a.labels())
            continue
        target = next(t for t in a.panel["targets"] if a.where.endswith(" " + t["refId"]))
        for label in set(re.findall(r"{{(\w+)}}", target["legendFormat"])) - a.labels():
            yield f"{a.where}: no series has the legend's label {label}"
    for where, (panel, labels) in tables.items():
        organize = next(t["options"] for t in panel["transformations"] if t["id"] == "organize")
        refs = [t["refId"] for t in panel["targets"]]
        values = {"Value"} if len(refs) == 1 else {f"Value #{r}" for r in refs}
        named = set(organize["indexByName"]) | set(organize["excludeByName"])
        if named != labels | values | {"Time"}:
            yield f"{where}: columns {sorted(named)}, but {sorted(labels | values)} came"


def undocumented(page):
    """What the agent exports beside docs/metrics.md, which the linter believes."""
    known = grafana.exported()
    for line in page.splitlines():
        found = re.match(r"(\w+)(?:{(.*)})? ", line)
        if line.startswith("#") or not found:
            continue
        labels = set(re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', found.group(2) or ""))
        if found.group(1) not in known or labels != known[found.group(1)][1]:
            yield f"/metrics has {line}"


def told(asked):
    """The Incident board names the incident: its verdict, and what stands in the first row of its findings."""
    by_title = {a.panel["title"]: a for a in asked if a.panel is not None and a.where.startswith("incident.json")}
    verdict = by_title["Verdict"].answer[0]["values"][-1][1]
    if verdict != "3":
        yield f"the incident board's verdict is {verdict}"
    worst = max(by_title["Findings"].answer, key=lambda series: float(series["value"][1]))["metric"]
    if worst["check"] not in CAUSES or worst["severity"] != "critical" or worst["title"] != worst["check"]:
        yield f"the first finding is {worst}"


def chosen(server, asked, database):
    """With values instead of All what had data has some still."""
    values = {a.where.rsplit(" ", 1)[1]: a.answer for a in asked if a.variable is not None}
    if database not in values.get("database", []):
        yield f"$database offers {values.get('database')}, not {database}"
    values["database"] = [database]
    for a in asked:
        a.choose(values)
        if not a.ask(server) and a.ask_all(server):
            yield f"{a.where}: no data when chosen: {a.text}"


def judge(asked, pending, watcher):
    wrong = [f"{a.where}: no data: {a.text}" for a in pending if a.where not in UNTOUCHED or not a.may_be_empty]
    wrong += misshapen(asked)
    wrong += [] if wrong else told(asked)
    wrong += sorted({re.sub(r"=.*", "", w) for w in undocumented(watcher.get("/metrics")[2])})
    print(f"{len(asked)} queries, {len(asked) - len(pending)} with data")
    return wrong


def main():
    children.exit_on_signals()
    asked = list(all_queries())
    with tempfile.TemporaryDirectory(prefix="pgvigil.e2e.") as directory, \
            incident.Scene(incident.Case(CASE), grants=agent.grants_script(pg.DEBIAN)) as scene, \
            receiver.Receiver() as inbox:
        scene.set_up()
        print(f"loaded in {scene.phases['setup']:g} s", flush=True)
        settings = agent.merged(scene.configuration(), {"receivers": agent.receivers(inbox), "schedule": SCHEDULE,
                                                        "targets": [{"migrations": [MIGRATION]}]})
        with agent.Agent(directory, settings) as watcher:
            watcher.wait_ready()
            with prometheus.Prometheus(directory, [f"127.0.0.1:{watcher.port}"], [RULES]) as server:
                wrong = unmarked(wait_for_data(server, asked, time.monotonic() + QUIET_DEADLINE, watcher, quiet=True))
                scene.start_load()
                began = time.monotonic()
                pending = wait_for_data(server, asked, began + DEADLINE, watcher)
                print(f"all asked, {time.monotonic() - began:.0f} s after the onset", flush=True)
                wrong += judge(asked, pending, watcher)
                wrong += chosen(server, [a for a in asked if a.answer], scene.database)
    print("\n".join(f"WRONG {w}" for w in wrong) or "ok    every query of every board")
    return 1 if wrong or not asked else 0


if __name__ == "__main__":
    sys.exit(main())
