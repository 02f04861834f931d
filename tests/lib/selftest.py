#!/usr/bin/python3
"""Tests of the test library: what judges pgvigil must itself be right."""

import json
import os
import re
import sys
import tempfile
import unittest
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import agent, incident, pg, receiver, rename, report  # noqa: E402


def finding(check, name, **more):
    return {"check": check, "object": {"kind": "table", "name": name, "database": "d"}, "role": "cause", **more}


def cure(*sql, straight=True, kind="cure"):
    return {"kind": kind, "steps": [{"sql": s, "database": "d", "run_as": "o", "straight_path": straight} for s in sql]}


class Reports(unittest.TestCase):
    def test_objects_match_qualified_and_unqualified(self):
        self.assertTrue(report.same_object("docs", "public.docs"))
        self.assertTrue(report.same_object("public.docs", "public.docs"))
        self.assertTrue(report.same_object("a.b", 'public."a.b"') is False)
        self.assertTrue(report.same_object("Docs", 'public."Docs"'))
        self.assertFalse(report.same_object("docs", "public.docs_old"))
        self.assertFalse(report.same_object("shop.docs", "public.docs"))

    def test_first_cause_against_what_is_accepted(self):
        found = finding("seq_scan_hot_query", "public.docs")
        self.assertTrue(report.is_cause(found, {"check": "seq_scan_hot_query", "object": "docs"}))
        self.assertFalse(report.is_cause(found, {"check": "unindexed_table", "object": "docs"}))
        self.assertTrue(report.is_cause(found, [{"check": "x"}, {"object": "docs"}]))

    def test_less_sure_than(self):
        self.assertTrue(report.less_sure("medium", "high"))
        self.assertFalse(report.less_sure("high", "high"))
        self.assertFalse(report.less_sure("medium", "low"))
        self.assertFalse(report.less_sure(None, "high"))

    def test_only_the_straight_path_of_the_cure_is_pasted_and_each_step_once(self):
        one = finding("a", "t", remedies=[cure("SELECT 1;", kind="first_aid"), cure("CREATE  INDEX x;"),
                                          cure("ALTER SYSTEM;", straight=False)])
        two = finding("b", "t", remedies=[cure("CREATE INDEX\nx;", "CREATE INDEX y;")])
        steps = report.cure_steps({"incidents": [{"causes": [one, two]}]})
        self.assertEqual([s["sql"] for s in steps], ["CREATE  INDEX x;", "CREATE INDEX y;"])

    def test_first_aid_is_pasted_where_it_is_the_remedy(self):
        held = finding("a", "4711", remedies=[cure("SELECT 1;", kind="first_aid"), cure("ALTER ROLE a;")])
        held["object"]["kind"] = "session"
        alone = finding("b", "t", remedies=[cure("SELECT 2;", kind="first_aid"), cure()])
        steps = report.cure_steps({"incidents": [{"causes": [held, alone]}]})
        self.assertEqual([s["sql"] for s in steps], ["SELECT 1;", "ALTER ROLE a;", "SELECT 2;"])

    def test_unknown_checks(self):
        self.assertEqual(report.unknown({"checks": [{"check": "a", "state": "fine"},
                                                    {"check": "b", "state": "unknown", "why_unknown": "no"}]}),
                         {"b": ("no", "")})

    def test_garbage_is_no_report(self):
        for text in ("", "[]", "{", None):
            self.assertIsNone(report.parse(text))


class Renames(unittest.TestCase):
    setup = """
      CREATE TABLE docs (dump_id int NOT NULL, path text, data bytea, PRIMARY KEY (dump_id, path)); -- CREATE TABLE no (x int)
      CREATE TABLE IF NOT EXISTS shop.docs_old (amount numeric(10, 2) DEFAULT (1), CHECK (amount > 0));
    """

    def test_names(self):
        tables, columns = rename.names(self.setup)
        self.assertEqual(tables, ["docs", "docs_old"])
        self.assertEqual(columns, ["dump_id", "path", "data", "amount"])

    def test_consistent_and_by_seed(self):
        one, same, other = (rename.Renaming(self.setup, seed) for seed in (1, 1, 2))
        query = "INSERT INTO docs (dump_id, path) SELECT :dump_id, path FROM docs_old WHERE docs.path = :path"
        self.assertEqual(one(query), same(query))
        self.assertNotEqual(one(query), other(query))
        self.assertIsNone(re.search(r"\bdocs\b|\bdocs_old\b|(?<!:)\bdump_id\b|(?<!:)\bpath\b", one(query)))
        self.assertIn(":dump_id", one(query))
        self.assertIn(":path", one(query))
        self.assertEqual(one(r"\set path random(1, 9)"), r"\set path random(1, 9)")

    def test_expectations_follow_but_check_ids_do_not(self):
        seed = os.path.join(ROOT, "tests", "incidents", "seq_scan_after_schema_copy")
        plain, renamed = incident.Case(seed), incident.Case(seed, 3)
        self.assertIn("dump_id, path", plain.expect["remedy_matches"])
        self.assertNotRegex(json.dumps(renamed.expect), "lsif_data_documents|dump_id")
        self.assertEqual([c["check"] for c in renamed.expect["cause"]], [c["check"] for c in plain.expect["cause"]])


class Cases(unittest.TestCase):
    def test_every_case_can_be_read(self):
        folder = os.path.join(ROOT, "tests", "incidents")
        cases = [d for d in os.listdir(folder) if os.path.exists(os.path.join(folder, d, "incident.yaml"))]
        self.assertGreater(len(cases), 5)
        for name in cases:
            case = incident.Case(os.path.join(folder, name))
            self.assertIn(case.ask, ("diagnose", "agent"), name)
            self.assertTrue(case.expect, name)
            for entry in case.load_entries():
                self.assertTrue(case.has(entry["script"]), f"{name}: {entry['script']}")

    def test_roles_that_setup_makes_itself_are_left_to_it(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "incident.yaml"), "w", encoding="ascii") as file:
                file.write("load: [{script: a, role: app}, {script: a, role: bulk}, {script: a}]")
            with open(os.path.join(folder, "setup.sql"), "w", encoding="ascii") as file:
                file.write("create role app login;")
            self.assertEqual(incident.Case(folder).roles(), ["bulk"])

    def test_conninfo_values(self):
        self.assertEqual(pg.conninfo_value("app_1"), "app_1")
        self.assertEqual(pg.conninfo_value("it's a \\"), r"'it\'s a \\'")
        self.assertEqual(pg.conninfo_value(""), "''")

    def test_configurations_are_laid_over_each_other(self):
        base = {"targets": [{"conninfo": "a", "databases": ["x"]}], "http": {"port": 1}}
        extra = {"targets": [{"databases": ["y"]}], "checks": {"c": {"m": 1}}}
        self.assertEqual(agent.merged(base, extra), {"targets": [{"conninfo": "a", "databases": ["y"]}],
                                                     "http": {"port": 1}, "checks": {"c": {"m": 1}}})


class Receivers(unittest.TestCase):
    def test_keeps_what_arrives_and_waits_for_what_is_wanted(self):
        with receiver.Receiver() as inbox:
            self.assertIsNone(inbox.wait(lambda m: True, 0.05))
            for body in ('{"status": "firing", "alerts": []}', "not json"):
                urllib.request.urlopen(urllib.request.Request(inbox.url("/webhook"), body.encode())).close()
            self.assertEqual(inbox.wait(lambda m: m.status == "firing", 5).path, "/webhook")
            self.assertEqual(inbox.wait(lambda m: m.text == "not json", 5).status, "")

    def test_chat_text_reads_as_on_the_screen(self):
        message = receiver.Message("/slack", json.dumps({"text": "fallback", "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "title"}},
            {"type": "section", "text": {"type": "mrkdwn", "text": "a &lt; b"}}]}))
        self.assertEqual(receiver.chat_text(message), "title\na < b")


if __name__ == "__main__":
    unittest.main()
