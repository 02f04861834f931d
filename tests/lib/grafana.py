"""Grafana boards as a test sees them: the files, their queries, what an agent exports, and rules for all of them.

No rule has an exclusion. complaints(boards) is empty when the boards are as they should be; each complaint begins with the
name of its rule.
"""

import glob
import json
import os
import re
import subprocess
import tempfile

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EMPTY_WHEN_HEALTHY = "(empty when healthy)"
SCREEN_ROWS = 21  # of 38 pixels each: what 1080 of them show under the browser's and Grafana's own bars
SCRAPED = {"job", "instance"}
UNITS = {"none", "short", "s", "bytes", "percentunit", "ops", "cps", "dateTimeFromNow", "bool_yes_no"}
SHAPES = {"stat", "timeseries", "table", "state-timeline"}
NO_METRICS = {"by", "without", "on", "ignoring", "group_left", "group_right", "and", "or", "unless", "bool", "offset"}
LABEL_LISTS = {"by", "without", "on", "ignoring", "group_left", "group_right"}
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[A-Za-z_:$][\w:]*|\d+(?:\.\d+)?|=~|!~|!=|==|>=|<=|\S')
MATCHERS = {"job": '=~"$job"', "instance": '=~"$instance"', "target": '=~"$target"', "datname": '=~"$database"'}
VARIABLES = {"job": ".+", "instance": ".+", "target": ".*", "database": ".*"}
BUILT_IN = re.compile(r"__\w+(\.\w+)*$|[0-9]$")


def boards():
    """Name of the file to board."""
    found = {}
    for path in sorted(glob.glob(os.path.join(ROOT, "dashboards", "grafana", "*.json"))):
        with open(path, encoding="utf-8") as file:
            found[os.path.basename(path)] = json.load(file)
    return found


def exported():
    """What an agent can export: name to (kind, labels), from docs/metrics.md, which is generated."""
    with open(os.path.join(ROOT, "docs", "metrics.md"), encoding="utf-8") as page:
        rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]*) \|", page.read(), re.MULTILINE)
    return {name: (kind, set(labels.split(", ")) - {""}) for name, kind, labels in rows}


def substituted(text, **values):
    """`text` as Grafana would send it while everything is chosen."""
    for name, value in {"__rate_interval": "1m", "__range": "1h", **VARIABLES, **values}.items():
        text = re.sub(rf"\$(?:{name}\b|{{{name}}})", lambda _, v=value: v, text)
    return text


class Selector:
    def __init__(self, name, function):
        self.name, self.function = name, function
        self.matchers, self.range = {}, None


class Expression:
    """As much of a PromQL text as the rules need; promtool says whether it is one."""

    def __init__(self, text):
        self.tokens = TOKEN.findall(text)
        self.selectors, self.grouped, self.made, self.compared = [], set(), set(), []
        self._read()

    def _read(self):
        calls, at, tokens = [], 0, [*self.tokens, ""]
        while at < len(self.tokens):
            token, after = tokens[at], tokens[at + 1]
            if token in LABEL_LISTS and after == "(":
                end = tokens.index(")", at)
                self.grouped |= set(tokens[at + 2:end]) - {","}
                at = end
            elif re.match(r"[A-Za-z_:]", token) and token not in NO_METRICS:
                if after == "(" or after in LABEL_LISTS:
                    calls.append(token)
                    if after in LABEL_LISTS:  # sum by (x) (...): the call's own parenthesis comes behind the list
                        end = tokens.index(")", at)
                        self.grouped |= set(tokens[at + 3:end]) - {","}
                        at = end
                    if token == "label_replace":
                        self.made |= set(re.findall(r',\s*"(\w+)",\s*"\$', " ".join(tokens[at:]).replace(" ,", ",")))
                    at += 1  # the parenthesis
                else:
                    at = self._selector(tokens, at, calls)
            elif token == "(":
                calls.append("")
            elif token == ")" and calls:
                calls.pop()
            elif token in (">", "<", ">=", "<=", "==", "!="):
                value = tokens[at + 2] if after == "bool" else after
                self.compared.append((token, value, after == "bool"))
            at += 1

    def _selector(self, tokens, at, calls):
        one = Selector(tokens[at], calls[-1] if calls else "")
        if tokens[at + 1] == "{":
            end = tokens.index("}", at)
            for match in re.finditer(r'(\w+) (=~|!~|!=|=) ("(?:[^"\\]|\\.)*")', " ".join(tokens[at + 2:end])):
                one.matchers[match.group(1)] = match.group(2) + match.group(3)
            at = end
        if tokens[at + 1] == "[":
            end = tokens.index("]", at)
            one.range = "".join(tokens[at + 2:end])
            at = end
        self.selectors.append(one)
        return at


def queries(board):
    """(where, expression, panel or None) of every panel, variable and annotation that asks Prometheus."""
    for panel in board.get("panels", []):
        for target in panel.get("targets", []):
            yield f"{panel.get('title')} {target.get('refId')}", target.get("expr", ""), panel
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            yield f"variable {variable['name']}", label_values(variable)[0], None
    for mark in board["annotations"]["list"]:
        if "expr" in mark:
            yield f"annotation {mark['name']}", mark["expr"], None


def label_values(variable):
    """(selector, label) of label_values(selector, label)."""
    found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable.get("query", {}).get("query", ""))
    return (found.group(1), found.group(2)) if found else ("", "")


def unparsable(expressions):
    """Positions of those that promtool takes for no PromQL, each with what it says."""
    rules = [{"record": f"lint:expr:{n}", "expr": text or "(", "labels": {"n": str(n)}}
             for n, text in enumerate(expressions)]
    with tempfile.NamedTemporaryFile("w", suffix=".yml", encoding="utf-8") as file:
        yaml.safe_dump({"groups": [{"name": "lint", "rules": rules}]}, file)
        file.flush()
        done = subprocess.run(["promtool", "check", "rules", "--lint=none", file.name], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)
    said = done.stdout + done.stderr
    bad = {int(n): line for line in said.splitlines() for n in re.findall(r'lint:expr:(\d+)"', line)[:1]}
    if (done.returncode == 0) != (not bad):
        raise RuntimeError(f"promtool check rules: {said}")
    return bad
