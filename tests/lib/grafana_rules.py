"""The rules for Grafana boards: a function each, named as its complaints are. What they hold is in tests/lib/grafana.py."""

import json
import os
import re

from tests.lib import grafana

DATA_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
UIDS = {"incident.json": "pgvigil-incident", "queries.json": "pgvigil-queries", "fleet.json": "pgvigil-fleet",
        "agent.json": "pgvigil-agent"}  # bookmarks and links hold on to them
VERDICTS = {"0", "1", "2", "3"}


def board_classic(name, board):
    """An import makes a new board of it, or replaces the one with this uid."""
    if board.get("id", 0) is not None or board.get("uid") != UIDS.get(name):
        yield "id is not null, or the uid has changed"
    if not isinstance(board.get("schemaVersion"), int) or "apiVersion" in board or "__inputs" in board:
        yield "not the classic form that a file provides"
    if not board.get("title") or not board.get("description") or "pgvigil" not in board.get("tags", []):
        yield "no title, description or tag"


def board_uneditable(_, board):
    if board.get("editable") is not False:
        yield "can be edited: what is changed by hand is lost with the next version"


def board_shared_crosshair(_, board):
    if board.get("graphTooltip") != 1:
        yield "graphTooltip is not 1"


def board_links(_, board):
    links = board.get("links", [])
    if not any(li.get("type") == "dashboards" and li.get("tags") == ["pgvigil"] and li.get("includeVars") for li in links):
        yield "no link to the other boards"
    for variable in ("agent", "runbooks"):
        if not any(li.get("url", "").startswith(f"${{{variable}}}/") for li in links):
            yield f"no link with ${variable}"


def board_annotations(_, board):
    marks = [m for m in board["annotations"]["list"] if "expr" in m]
    for what in ('ALERTS{alertstate="firing"', 'role="event"'):
        if not any(what in m["expr"] for m in marks):
            yield f"no annotation from {what}"
    if any(m.get("datasource") != DATA_SOURCE for m in marks):
        yield "an annotation has a data source of its own"


def template_datasource(_, board):
    found = [v for v in board["templating"]["list"] if v["type"] == "datasource"]
    if [(v["name"], v.get("label"), v.get("query")) for v in found] != [("datasource", "Data source", "prometheus")]:
        yield "not exactly one variable $datasource for Prometheus"


def template_variables(_, board):
    variables = {v["name"]: v for v in board["templating"]["list"]}
    for name, all_value in grafana.VARIABLES.items():
        v = variables.get(name)
        if v is None or v["type"] != "query":
            yield f"no query variable ${name}"
        elif not v.get("multi") or not v.get("includeAll") or v.get("allValue") != all_value or \
                v.get("label") != name.title() or v.get("datasource") != DATA_SOURCE:
            yield f"${name} is not a multi select with All as {all_value}, labelled {name.title()}"


def template_label_promql(_, board):
    known = grafana.exported()
    for v in board["templating"]["list"]:
        if v["type"] != "query":
            continue
        text, label = grafana.label_values(v)
        selectors = grafana.Expression(text).selectors
        if len(selectors) != 1 or selectors[0].name not in known or v.get("definition") != v["query"]["query"]:
            yield f"${v['name']} is not label_values() of one metric"
        elif label not in known[selectors[0].name][1] | grafana.SCRAPED:
            yield f"${v['name']}: {selectors[0].name} has no label {label}"


def template_on_time_change_reload(_, board):
    for v in board["templating"]["list"]:
        if v["type"] == "query" and v.get("refresh") != 2:
            yield f"${v['name']} is not read anew when the time changes"


def template_unused_or_unknown(_, board):
    names = {v["name"] for v in board["templating"]["list"]}
    elsewhere = json.dumps([board["panels"], board["annotations"], board["links"]])
    used = set(re.findall(r"\$\{?([A-Za-z_0-9.]+)", elsewhere))
    for name in sorted(names - used - {"datasource"}):
        yield f"${name} is not used"
    for name in sorted(n for n in used - names if not grafana.BUILT_IN.fullmatch(n)):
        yield f"${name} is not there"


def panel_datasource(_, board):
    for panel in board["panels"]:
        if any(part.get("datasource") != DATA_SOURCE for part in [panel, *panel.get("targets", [])]):
            yield f"{panel['title']}: a data source of its own"


def panel_title_description(_, board):
    for panel in board["panels"]:
        said = panel.get("description", "").split("\n")[0].replace(grafana.EMPTY_WHEN_HEALTHY, "").strip()
        if not panel.get("title") or len(said) < 10:
            yield f"panel {panel.get('id')}: no title or description"


def panel_units(_, board):
    for panel in board["panels"]:
        properties = [p for o in panel["fieldConfig"]["overrides"] for p in o["properties"]]
        units = [panel["fieldConfig"]["defaults"].get("unit")] + [p["value"] for p in properties if p["id"] == "unit"]
        if any(unit not in grafana.UNITS for unit in units):
            yield f"{panel['title']}: no unit, or one that is not known"


def panel_no_targets(_, board):
    for panel in board["panels"]:
        refs = [t.get("refId") for t in panel.get("targets", [])]
        if panel["type"] not in grafana.SHAPES or not refs or len(set(refs)) != len(refs):
            yield f"{panel['title']}: no queries, two of one name, or a shape that is not known"


def panel_ids(_, board):
    ids = [panel.get("id") for panel in board["panels"]]
    if len(set(ids)) != len(ids) or not all(isinstance(i, int) and i > 0 for i in ids):
        yield "two panels with one id"


def panel_places(name, board):
    taken, rows = {}, 0
    for panel in board["panels"]:
        g = panel["gridPos"]
        if g["x"] < 0 or g["x"] + g["w"] > 24 or g["w"] < 1 or g["h"] < 3:
            yield f"{panel['title']}: not within 24 columns"
        for cell in [(x, y) for x in range(g["x"], g["x"] + g["w"]) for y in range(g["y"], g["y"] + g["h"])]:
            if cell in taken and taken[cell] != panel["id"]:
                yield f"{panel['title']}: lies over another panel"
                break
            taken[cell] = panel["id"]
        rows = max(rows, g["y"] + g["h"])
    if name == "incident.json" and rows > grafana.SCREEN_ROWS:
        yield f"{rows} rows are more than one screen"


def panel_links(_, board):
    uids = set(UIDS.values())
    for panel in board["panels"]:
        urls = [li.get("url", "") for li in panel.get("links", [])]
        pages = [u.removeprefix("${runbooks}/") for u in urls if u.startswith("${runbooks}/")]
        if not pages or not any(u.startswith("${agent}/") for u in urls):
            yield f"{panel['title']}: no link to a runbook or to the agent's page"
        for page in pages:
            if not os.path.exists(os.path.join(grafana.ROOT, "docs", "checks", page)):
                yield f"{panel['title']}: docs/checks/{page} is not there"
        for uid in re.findall(r'"/d/([\w-]+)', json.dumps(panel)):
            if uid not in uids:
                yield f"{panel['title']}: no board {uid}"


def panel_columns(_, board):
    """A table shows what it names, and its links ask for columns that are there and that show their own value."""
    for panel in board["panels"]:
        if panel["type"] != "table":
            continue
        steps = {t["id"]: t["options"] for t in panel.get("transformations", [])}
        organize = steps.get("organize", {"excludeByName": {}, "indexByName": {}, "renameByName": {}})
        shown = {organize["renameByName"].get(f, f) for f in organize["indexByName"]}
        mapped = {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]
                  for p in o["properties"] if p["id"] == "mappings"}
        if not organize["excludeByName"].get("Time") or (len(panel["targets"]) > 1 and "merge" not in steps):
            yield f"{panel['title']}: shows its time, or several answers beside one another"
        for o in panel["fieldConfig"]["overrides"]:
            if o["matcher"]["options"] not in shown:
                yield f"{panel['title']}: no column {o['matcher']['options']}"
        for field in re.findall(r"__data\.fields\.(\w+)", json.dumps(panel)):
            if field not in shown or field in mapped:
                yield f"{panel['title']}: a link asks for {field}, which is no column or shows another text"


def panel_thresholds(_, board):
    """What is too much is for the checks to say."""
    for panel in board["panels"]:
        steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [{"value": 80}])
        if any(step["value"] is not None for step in steps):
            yield f"{panel['title']}: a threshold of its own, or Grafana's"


def _expressions(board):
    for where, text, _ in grafana.queries(board):
        yield where, grafana.Expression(text)


def target_promql(_, board):
    found = list(grafana.queries(board))
    for n, said in grafana.unparsable([grafana.substituted(text) for _, text, _ in found]).items():
        yield f"{found[n][0]}: {said}"
    for where, text, _ in found:
        if "$" in re.sub(r'"\$1"', "", grafana.substituted(text)):
            yield f"{where}: a variable is left"


def target_metrics(_, board):
    known = {**grafana.exported(), "ALERTS": ("gauge", {"alertstate", "target"})}
    for where, e in _expressions(board):
        labels = set(grafana.SCRAPED) | e.made
        for s in e.selectors:
            if s.name not in known:
                yield f"{where}: no agent exports {s.name}"
                continue
            labels |= known[s.name][1]
            for label in set(s.matchers) - known[s.name][1] - grafana.SCRAPED:
                yield f"{where}: {s.name} has no label {label}"
        if not e.selectors:
            yield f"{where}: asks for nothing"
        for label in e.grouped - labels:
            yield f"{where}: groups by {label}, which nothing in it has"
    for panel in board["panels"]:
        for t in panel["targets"]:
            have = {la for s in grafana.Expression(t["expr"]).selectors for la in known.get(s.name, ("", set()))[1]}
            for label in set(re.findall(r"{{(\w+)}}", t.get("legendFormat", ""))) - have - grafana.SCRAPED:
                yield f"{panel['title']}: the legend names {label}, which nothing in it has"


def target_matchers(_, board):
    """Every metric is narrowed by every variable that it has a label for."""
    known = grafana.exported()
    for where, e in _expressions(board):
        if where.startswith("variable "):
            continue
        for s in e.selectors:
            wanted = grafana.SCRAPED | ({"target", "datname"} & known.get(s.name, ("", set()))[1])
            for label in sorted(wanted):
                if s.matchers.get(label) != grafana.MATCHERS[label]:
                    yield f"{where}: {s.name} without {label}{grafana.MATCHERS[label]}"


def target_rate_interval(_, board):
    for where, e in _expressions(board):
        for s in e.selectors:
            if s.range not in (None, "$__rate_interval"):
                yield f"{where}: {s.name} over {s.range} instead of $__rate_interval"


def target_counter_agg(_, board):
    """rate() stands right around a counter, before any sum; and never around a gauge."""
    known = grafana.exported()
    for where, e in _expressions(board):
        for s in e.selectors:
            counts = known.get(s.name, ("", set()))[0] == "counter"
            rated = s.function in ("rate", "irate", "increase")
            if counts != rated or (counts and s.range is None):
                yield f"{where}: {s.name} is a {'counter without' if counts else 'gauge with'} rate()"


def target_no_numbers(_, board):
    """Nothing is compared with a number but zero, one and the places of a verdict."""
    for where, e in _expressions(board):
        for sign, value, is_bool in e.compared:
            allowed = VERDICTS if is_bool and sign == "==" else {"1", "0"} if sign in ("==", "!=") else {"0"}
            if re.match(r"\d", value) and value not in allowed:
                yield f"{where}: {sign} {value} repeats a number"


RULES = [board_classic, board_uneditable, board_shared_crosshair, board_links, board_annotations, template_datasource,
         template_variables, template_label_promql, template_on_time_change_reload, template_unused_or_unknown,
         panel_datasource, panel_title_description, panel_units, panel_no_targets, panel_ids, panel_places, panel_links,
         panel_columns, panel_thresholds, target_promql, target_metrics, target_matchers, target_rate_interval,
         target_counter_agg, target_no_numbers]


def complaints(boards, rules=None):
    return [f"{rule.__name__}: {name}: {said}" for name, board in boards.items() for rule in rules or RULES
            for said in rule(name, board)]
