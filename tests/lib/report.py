"""Reads pgvigil's JSON report. The one place that knows its keys; tolerant of what is missing."""

import json

EXIT_CODES = {"ok": 0, "info": 0, "warning": 1, "critical": 2}
CONFIDENCE = ("low", "medium", "high")


def parse(text):
    """A report, or None when the text is none."""
    try:
        value = json.loads(text)
    except (TypeError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def verdict(report):
    found = str(report.get("verdict", "")).lower()
    return "ok" if found == "info" else found


def name(finding):
    """The object of a finding, as it is printed."""
    thing = finding.get("object", "")
    return thing.get("name", "") if isinstance(thing, dict) else str(thing)


def causes(report):
    """The causes in their order; without a list of causes, those of the incidents."""
    return report.get("causes") or [f for f in leads(report) if f.get("role", "cause") == "cause"]


def leads(report):
    return [f for incident in report.get("incidents", []) for f in incident.get("causes", [])]


def findings(report):
    """All that is reported anywhere."""
    for incident in report.get("incidents", []):
        for part in ("causes", "symptoms", "events"):
            yield from incident.get(part, [])
    for part in ("events", "posture"):
        yield from report.get(part, [])


def checks_found(report):
    return {f.get("check", "") for f in findings(report)}


def unknown(report):
    """The checks that could not be judged: id -> (why, the code of the reason)."""
    return {c.get("check", ""): (c.get("why_unknown") or "", c.get("sqlstate") or "")
            for c in report.get("checks", []) if c.get("state") == "unknown"}


def bare(qualified):
    """The last part of a qualified name, without quotes. Dots inside quotes belong to the name."""
    part, inside, out = "", False, []
    for letter in qualified:
        if letter == '"':
            inside = not inside
        elif letter == "." and not inside:
            out.append(part)
            part = ""
        else:
            part += letter
    return (out + [part])[-1]


def same_object(wanted, found):
    """Qualified names match as they are; an unqualified one matches the last part."""
    return wanted == found or ("." not in wanted and wanted == bare(found))


def is_cause(finding, accepted):
    """accepted: {check, object} or a list of them; either key may be left out."""
    for one in accepted if isinstance(accepted, list) else [accepted]:
        if "check" in one and one["check"] != finding.get("check"):
            continue
        if "object" in one and not same_object(str(one["object"]), name(finding)):
            continue
        return True
    return False


def less_sure(told, than):
    """Is one confidence below the other? An unknown one is below nothing."""
    return told in CONFIDENCE and CONFIDENCE.index(told) < CONFIDENCE.index(than)


def cure_steps(report):
    """The steps to paste, over all incidents, each once, in the printed order: the cure's straight path; first aid where
    there is no cure, or where a session or transaction is to be ended now and the cure is for the next time."""
    steps, seen = [], set()
    for finding in leads(report):
        remedies = finding.get("remedies", [])
        kinds = {r.get("kind", "cure") for r in remedies if any(s.get("sql", "").strip() for s in r.get("steps", []))}
        held = (finding.get("object") or {}).get("kind") in ("session", "transaction")
        pasted = kinds if held or "cure" not in kinds else {"cure"}
        for step in (s for r in remedies if r.get("kind", "cure") in pasted for s in r.get("steps", [])):
            key = (step.get("database", ""), " ".join(step.get("sql", "").split()))
            if step.get("straight_path", True) and step.get("sql", "").strip() and key not in seen:
                seen.add(key)
                steps.append(step)
    return steps


def all_sql(report):
    """Every statement that any remedy prints, for patterns."""
    return "\n".join(step.get("sql", "") for f in findings(report) for remedy in f.get("remedies", [])
                     for step in remedy.get("steps", []))


def db_seconds(report):
    return float((report.get("cost") or {}).get("db_seconds") or 0)
