#!/usr/bin/python3
"""A cold `pgvigil diagnose` on the founding incident at full load: seconds, and whether the answer is the right one.

  bench/diagnose.py [--runs N]

Right is: exit 2, the verdict and its CAUSE (the first two lines, as they are before wrapping) name the table and the
columns that it is searched by, and every table that is read without an index is named with its columns.
"""

import argparse
import os
import re
import statistics
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import agent, children, incident, pg, report  # noqa: E402

CASE = os.path.join(ROOT, "tests", "incidents", "seq_scan_after_schema_copy")
FIRST = ("lsif_data_documents", r"\(dump_id, path\)")
READ_WITHOUT_INDEX = {"lsif_data_documents": "dump_id, path", "lsif_data_references": "dump_id, scheme, identifier",
                      "lsif_data_definitions": "dump_id, scheme, identifier",
                      "lsif_data_result_chunks": "dump_id, idx", "lsif_data_metadata": "dump_id"}


def cpu_busy(seconds):
    """Share of all cores in use over the next seconds."""
    def read():
        with open("/proc/stat", encoding="ascii") as stat:
            ticks = [int(word) for word in stat.readline().split()[1:9]]
        return sum(ticks), ticks[3] + ticks[4]

    total, idle = read()
    time.sleep(seconds)
    total_after, idle_after = read()
    return 1 - (idle_after - idle) / max(1, total_after - total)


def first_two(text):
    """The verdict and the CAUSE as one line each: lines that go on are indented."""
    lines = []
    for line in text.splitlines():
        if line.startswith(" ") and lines:
            lines[-1] += " " + line.strip()
        elif line.strip():
            lines.append(line.strip())
        elif lines:
            break
    return lines[:2]


def named(text):
    """The tables that the text names together with the columns they are searched by: no other table in between."""
    flat = " ".join(text.split())
    other = "|".join(READ_WITHOUT_INDEX)
    return [table for table, listed in READ_WITHOUT_INDEX.items()
            if re.search(rf"\b{table}\b(?:(?!{other}).){{0,160}}?\({listed}\)", flat)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    children.exit_on_signals()
    seconds, right = [], 0
    with incident.Scene(incident.Case(CASE), grants=agent.grants_script(pg.DEBIAN)) as scene:
        scene.set_up()
        scene.start_load()
        time.sleep(15)
        print(f"CPU {100 * cpu_busy(3):.0f} % busy before the first question, load average {os.getloadavg()[0]:.1f}",
              flush=True)
        print(f"{'run':>4}  {'seconds':>8}  {'exit':>4}  {'DB time':>8}  {'first lines':>11}  tables named", flush=True)
        for run in range(1, given.runs + 1):
            answer = agent.Diagnosis(scene.conninfo(), directory=scene.server.directory)
            head = first_two(answer.text)
            first = len(head) == 2 and head[1].startswith("CAUSE") and all(re.search(w, " ".join(head)) for w in FIRST)
            tables = named(answer.text)
            seconds.append(answer.seconds)
            right += answer.exit_code == 2 and first and len(tables) == len(READ_WITHOUT_INDEX)
            print(f"{run:>4}  {answer.seconds:>8.2f}  {answer.exit_code:>4}  "
                  f"{report.db_seconds(answer.report or {}):>6.2f} s  {'right' if first else 'WRONG':>11}  "
                  f"{len(tables)} of {len(READ_WITHOUT_INDEX)}  {answer.errors.strip()[:100]}", flush=True)
            if not first:
                print("\n".join(head), flush=True)
            for table in READ_WITHOUT_INDEX.keys() - tables:
                print(f"      {table} ({READ_WITHOUT_INDEX[table]}) is not named", flush=True)
            time.sleep(3)
        figures = scene.server.sql("SELECT xact_commit, xact_rollback FROM pg_stat_database "
                                   "WHERE datname = current_database()", scene.database).strip().split("|")
    print(f"median {statistics.median(seconds):.2f} s, worst {max(seconds):.2f} s (to be at most 5 s); right in "
          f"{right} of {given.runs}; transactions {figures[0]}, rolled back {figures[1]}")
    return 0 if statistics.median(seconds) <= 5 and right == given.runs else 1


if __name__ == "__main__":
    sys.exit(main())
