#!/usr/bin/python3
"""The Grafana boards hold every rule, and every rule catches what it is there for: a board is harmed, the rule complains."""

import copy
import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import grafana, grafana_rules  # noqa: E402

BOARDS = grafana.boards()
HEAD, TAIL = 'job=~"$job",instance=~"$instance",', "[$__rate_interval]"


def panel(board, title):
    return next(p for p in board["panels"] if p["title"] == title)


def variable(board, name):
    return next(v for v in board["templating"]["list"] if v["name"] == name)


def organize(p):
    return next(t["options"] for t in p["transformations"] if t["id"] == "organize")


def put(what, key, value):
    what[key] = value


def drop(what, key):
    del what[key]


def expression(title, old, new):
    """Harms the first query of the panel with this title."""
    def harm(board):
        target = panel(board, title)["targets"][0]
        if old not in target["expr"]:
            raise AssertionError(f"{old} is not in {target['expr']}")
        target["expr"] = target["expr"].replace(old, new)
    return harm


def asking(text, title="Verdict"):
    return lambda board: put(panel(board, title)["targets"][0], "expr", text)


# Rule to what it must catch on the incident board.
HARMS = {
    "board_classic": [lambda b: put(b, "id", 7), lambda b: put(b, "uid", "another"), lambda b: drop(b, "schemaVersion"),
                      lambda b: put(b, "__inputs", []), lambda b: put(b, "tags", []), lambda b: put(b, "title", "")],
    "board_uneditable": [lambda b: put(b, "editable", True), lambda b: drop(b, "editable")],
    "board_shared_crosshair": [lambda b: put(b, "graphTooltip", 0)],
    "board_links": [lambda b: drop(b["links"], 0), lambda b: drop(b["links"], 1), lambda b: drop(b["links"], 2)],
    "board_annotations": [lambda b: drop(b["annotations"]["list"], 1), lambda b: drop(b["annotations"]["list"], 2),
                          lambda b: put(b["annotations"]["list"][1], "datasource", {"type": "prometheus", "uid": "x"})],
    "template_datasource": [lambda b: put(variable(b, "datasource"), "name", "ds"),
                            lambda b: put(variable(b, "datasource"), "query", "loki")],
    "template_variables": [lambda b: put(variable(b, "job"), "name", "jobs"),
                           lambda b: put(variable(b, "instance"), "multi", False),
                           lambda b: put(variable(b, "database"), "allValue", ""),
                           lambda b: put(variable(b, "target"), "type", "custom"),
                           lambda b: put(variable(b, "job"), "label", "job")],
    "template_label_promql": [
        lambda b: put(variable(b, "job"), "query", {"query": "label_values(job)"}),
        lambda b: put(variable(b, "job"), "query", {"query": "label_values(pgvigil_gone, job)"}),
        lambda b: put(variable(b, "job"), "definition", "label_values(pgvigil_up, job)"),
        lambda b: [put(variable(b, "job"), k, v) for k, v in (("definition", "label_values(pgvigil_up, datname)"),
                                                              ("query", {"query": "label_values(pgvigil_up, datname)"}))]],
    "template_on_time_change_reload": [lambda b: put(variable(b, "target"), "refresh", 1)],
    "template_unused_or_unknown": [lambda b: b["templating"]["list"].append({"name": "spare", "type": "custom"}),
                                   expression("Verdict", "$target", "$server")],
    "panel_datasource": [lambda b: put(b["panels"][3], "datasource", {"type": "prometheus", "uid": "abc"}),
                         lambda b: drop(b["panels"][3]["targets"][0], "datasource")],
    "panel_title_description": [lambda b: put(b["panels"][2], "title", ""), lambda b: put(b["panels"][2], "description", ""),
                                lambda b: put(b["panels"][2], "description", f"{grafana.EMPTY_WHEN_HEALTHY}\n\n- help")],
    "panel_units": [lambda b: put(b["panels"][2]["fieldConfig"]["defaults"], "unit", "sessions"),
                    lambda b: drop(b["panels"][2]["fieldConfig"]["defaults"], "unit"),
                    lambda b: put(panel(b, "Incidents")["fieldConfig"]["overrides"][0]["properties"][0], "value", "ago")],
    "panel_no_targets": [lambda b: put(b["panels"][4], "targets", []), lambda b: put(b["panels"][4], "type", "text"),
                         lambda b: put(panel(b, "Connections")["targets"][1], "refId", "A")],
    "panel_ids": [lambda b: put(b["panels"][1], "id", b["panels"][0]["id"]), lambda b: put(b["panels"][1], "id", None)],
    "panel_places": [lambda b: put(b["panels"][1]["gridPos"], "x", 2), lambda b: put(b["panels"][5]["gridPos"], "w", 5),
                     lambda b: put(b["panels"][-1]["gridPos"], "h", 7)],
    "panel_links": [lambda b: put(b["panels"][6], "links", []),
                    lambda b: put(b["panels"][2]["links"][0], "url", "${runbooks}/gone.md"),
                    lambda b: drop(b["panels"][2]["links"], 1),
                    lambda b: put(b["panels"][2]["links"][0], "url", "/d/pgvigil-gone?x")],
    "panel_columns": [lambda b: drop(organize(panel(b, "Findings"))["excludeByName"], "Time"),
                      lambda b: drop(organize(panel(b, "Findings"))["indexByName"], "check"),
                      lambda b: panel(b, "Incidents")["targets"].append({"refId": "B", "expr": "pgvigil_up"}),
                      lambda b: panel(b, "Findings")["fieldConfig"]["overrides"].append(
                          {"matcher": {"id": "byName", "options": "check"}, "properties": [{"id": "mappings", "value": []}]})],
    "panel_thresholds": [lambda b: put(b["panels"][3]["fieldConfig"]["defaults"]["thresholds"]["steps"][0], "value", 0.8),
                         lambda b: drop(b["panels"][3]["fieldConfig"]["defaults"], "thresholds")],
    "target_promql": [expression("Verdict", "max(", "max(("), asking(""), asking("sum by target (pgvigil_up)"),
                      expression("Verdict", "$job", "$unknown"),
                      lambda b: put(b["annotations"]["list"][1], "expr", "ALERTS{")],
    "target_metrics": [expression("Verdict", "pgvigil_verdict", "pgvigil_gone"), asking("1"),
                       expression("Verdict", HEAD, HEAD + 'datname="x",'),
                       expression("Incidents", "by (target, check)", "by (target, query)"),
                       lambda b: put(panel(b, "CPU")["targets"][0], "legendFormat", "{{database}}"),
                       lambda b: put(b["annotations"]["list"][2], "expr", "pgvigil_events")],
    "target_matchers": [expression("Verdict", 'job=~"$job",', ""), expression("Verdict", 'instance=~"$instance",', ""),
                        expression("Verdict", 'target=~"$target"', ""), expression("Rolled back", 'datname=~"$database"', ""),
                        expression("Verdict", 'job=~"$job"', 'job="$job"'),
                        lambda b: put(b["annotations"]["list"][1], "expr", 'ALERTS{alertstate="firing"}')],
    "target_rate_interval": [expression("Transactions", TAIL, "[5m]"), expression("Transactions", TAIL, "[$__range:1m]")],
    "target_counter_agg": [expression("Transactions", "rate(", "max_over_time("),
                           expression("Transactions", TAIL, ""),
                           expression("Transactions", "rate(", "rate(sum("),
                           expression("CPU", "(pgvigil_cpu_busy_ratio", "(rate(pgvigil_cpu_busy_ratio"),
                           lambda b: put(panel(b, "Verdict")["targets"][0], "expr",
                                         f"rate(pgvigil_verdict{{{HEAD}target=~\"$target\"}}{TAIL})")],
    "target_no_numbers": [lambda b: put(panel(b, "CPU busy")["targets"][0], "expr", "max(pgvigil_cpu_busy_ratio) > 0.8"),
                          asking("pgvigil_verdict == 3"), asking("pgvigil_verdict >= bool 2")],
}


class Boards(unittest.TestCase):
    def test_all_four_are_there(self):
        self.assertEqual(set(BOARDS), set(grafana_rules.UIDS))

    def test_no_complaints(self):
        self.assertEqual(grafana_rules.complaints(BOARDS), [])


class Rules(unittest.TestCase):
    def test_every_rule_is_tried(self):
        self.assertEqual(set(HARMS), {rule.__name__ for rule in grafana_rules.RULES})

    def test_every_rule_catches_what_it_is_for(self):
        for rule in grafana_rules.RULES:
            for number, harm in enumerate(HARMS[rule.__name__]):
                board = copy.deepcopy(BOARDS["incident.json"])
                harm(board)
                with self.subTest(rule=rule.__name__, harm=number):
                    self.assertTrue(grafana_rules.complaints({"incident.json": board}, [rule]), "nothing was said")


class Expressions(unittest.TestCase):
    def test_selectors_with_their_function_and_range(self):
        e = grafana.Expression('sum by (a, b) (rate(x_total{l="}",m=~"$m"}[$__rate_interval])) / on (a) max(y) by (c)')
        self.assertEqual([(s.name, s.function, s.range) for s in e.selectors],
                         [("x_total", "rate", "$__rate_interval"), ("y", "max", None)])
        self.assertEqual(e.selectors[0].matchers, {"l": '="}"', "m": '=~"$m"'})
        self.assertEqual(e.grouped, {"a", "b", "c"})

    def test_comparisons_and_made_labels(self):
        e = grafana.Expression('label_replace(up == bool 1 or up > 0.5, "name", "$1", "job", "(.+)")')
        self.assertEqual(e.compared, [("==", "1", True), (">", "0.5", False)])
        self.assertEqual(e.made, {"name"})

    def test_variables_become_what_all_of_them_are(self):
        self.assertEqual(grafana.substituted('x{job=~"$job",d=~"${database}"}[$__rate_interval] $jobs'),
                         'x{job=~".+",d=~".*"}[1m] $jobs')

    def test_metrics_of_the_documentation(self):
        known = grafana.exported()
        self.assertEqual(known["pgvigil_finding"], ("gauge", {"target", "check", "severity", "role", "act_by"}))
        self.assertEqual(known["pg_stat_database_xact_commit"], ("counter", {"target", "datid", "datname"}))
        self.assertEqual(known["pgvigil_build_info"], ("gauge", {"version"}))


if __name__ == "__main__":
    unittest.main()
