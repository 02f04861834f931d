"""A plan case: one .sql file that says what the judge should say of a query, and the tables to try it on."""

import re

VERDICTS = ("harmful", "rightful", "unsure")
REASONS = ("exists_invalid", "cast", "function", "collation", "type_mismatch", "setting", "statistics", "rewrite",
           "unselective")
SECTIONS = ("setup", "query", "truth")


class CaseError(ValueError):
    """A file that is no plan case: where and why."""


class Case:
    def __init__(self, path):
        self.path = path
        head, self.sections = {}, {}
        section = None
        with open(path, encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                mark = re.match(r"--\s*([a-z_]+):\s*(.*)", line)
                if mark and mark[1] in SECTIONS:
                    section = mark[1]
                    self.sections[section] = ""
                elif section is not None:
                    self.sections[section] += line
                elif mark:
                    head[mark[1]] = mark[2].strip()
                elif line.strip() and not line.startswith("--"):
                    raise CaseError(f"{path}:{number}: expected '-- key: value' before '-- setup:'")
        for needed in ("title", "verdict"):
            if needed not in head:
                raise CaseError(f"{path}: no '-- {needed}:'")
        if "query" not in self.sections:
            raise CaseError(f"{path}: no '-- query:'")
        self.title, self.verdict = head["title"], head["verdict"].split()[0]
        if self.verdict not in VERDICTS:
            raise CaseError(f"{path}: verdict {self.verdict!r} is none of {', '.join(VERDICTS)}")
        self.first_major = int(re.match(r"\d+", head.get("from", "13"))[0])
        self.object = head.get("object", "")
        self.settings = dict(entry.split("=", 1) for entry in re.split(r"[,;]\s*|\s+(?=\w+=)", head.get("settings", ""))
                             if "=" in entry)
        # || is an operator
        alternatives = [a.strip() for a in re.split(r"(?<!\|)\|(?!\|)", head.get("cure", "")) if a.strip()]
        self.reasons = [a.split(":", 1)[1].split()[0] for a in alternatives if a.startswith("none:")]
        self.indexes = [a for a in alternatives if not a.startswith("none")]
        for reason in self.reasons:
            if reason not in REASONS:
                raise CaseError(f"{path}: reason {reason!r} is none of {', '.join(REASONS)}")
        self.setup = self.sections.get("setup", "")
        self.query = self.sections["query"].strip().rstrip(";").strip()
        self.truth = self.sections.get("truth", "").strip().rstrip(";").strip()
        if not self.truth and "$1" not in self.query:
            self.truth = self.query

    @property
    def name(self):
        return re.sub(r"\.sql$", "", self.path.rsplit("/", 1)[-1])

    @property
    def has_cure(self):
        return bool(self.reasons or self.indexes)


def same_object(wanted, got):
    """Qualified or not."""
    if not wanted or got is None:
        return not wanted
    plain = got.replace('"', "")
    return wanted.replace('"', "") in (plain, plain.split(".", 1)[-1])


def definition_words(definition):
    """An index definition without what does not matter: names, schemas, spaces, case of keywords."""
    text = re.sub(r"^CREATE (UNIQUE )?INDEX (CONCURRENTLY )?(IF NOT EXISTS )?(\S+ )?ON (ONLY )?", "", definition.strip())
    text = re.sub(r"\s+", " ", text.rstrip(";").replace('"', "").replace(" USING btree", "")).lower()
    text = re.sub(r"^\w+\.", "", text)
    return re.sub(r"\s*([(),])\s*", r"\1", text)
