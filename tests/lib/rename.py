"""Gives the tables and columns of a case other names, so that no verdict can hang on the ones it was written with."""

import random
import re

SYLLABLES = ("ba", "do", "fi", "ga", "ke", "lu", "mo", "ni", "pa", "ri", "so", "ta", "ve", "zu")
TABLE = re.compile(r"\bCREATE\s+(?:UNLOGGED\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?([\w.]+)\s*\(", re.IGNORECASE)
NO_COLUMN = {"constraint", "primary", "unique", "check", "foreign", "exclude", "like"}


def inside(text, start):
    """What stands between the parenthesis that opens before `start` and the one that closes it."""
    depth, at = 1, start
    while at < len(text) and depth:
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        at += 1
    return text[start:at - 1]


def parts(body):
    """Split at the commas that are in no parenthesis."""
    depth, part = 0, ""
    for letter in body:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if letter == "," and depth == 0:
            yield part
            part = ""
        else:
            part += letter
    yield part


def names(sql):
    """(tables, columns) that the script creates, unquoted ones."""
    sql = re.sub(r"--[^\n]*", "", sql)
    tables, columns = [], []
    for found in TABLE.finditer(sql):
        tables.append(found.group(1).split(".")[-1])
        for part in parts(inside(sql, found.end())):
            word = re.match(r"\s*([a-z_]\w*)\s", part + " ", re.IGNORECASE)
            if word and word.group(1).lower() not in NO_COLUMN:
                columns.append(word.group(1))
    return tables, columns


class Renaming:
    """A renaming by seed; call it on any text of the case. Words after a colon are psql variables and stay."""

    def __init__(self, setup, seed):
        tables, columns = names(setup)
        rng = random.Random(seed)
        self.table = {}
        for old in tables:
            self.table.setdefault(old, self._fresh(rng, "_tab"))
        self.column = {}
        for old in columns:
            if old not in self.table:
                self.column.setdefault(old, self._fresh(rng, "_col"))

    @staticmethod
    def _fresh(rng, kind):
        return "".join(rng.choice(SYLLABLES) for _ in range(3)) + kind + str(rng.randrange(10, 100))

    def __call__(self, text):
        for old, new in self.table.items():
            text = re.sub(rf"(?<![:\w]){re.escape(old)}\b", new, text)
        for old, new in self.column.items():  # a word before a parenthesis is a function, were it not for INSERT's list
            text = re.sub(rf"(?<!:)(?<!\\set )\b{re.escape(old)}\b(?!\s*\()", new, text)
        return text
