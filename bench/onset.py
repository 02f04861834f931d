#!/usr/bin/python3
"""From the onset of the founding incident to the delivered alert that names table and columns: median of N runs.

  bench/onset.py [--runs N] [--healthy SECONDS]

Default configuration, an agent that watched the healthy server first. The clock is the receiver's.
"""

import argparse
import os
import re
import statistics
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import agent, children, incident, pg, receiver  # noqa: E402

CASE = os.path.join(ROOT, "tests", "incidents", "seq_scan_after_schema_copy")
CAUSE = re.compile(r"lsif_data_documents[^;]*\bdump_id\b\W{1,4}\bpath\b", re.DOTALL)
DEADLINE = 120.0


def measure(healthy):
    """(seconds to the first alert of any kind, seconds to the one that names the cause); None: none came."""
    with tempfile.TemporaryDirectory(prefix="pgvigil.bench.") as directory, receiver.Receiver() as inbox, \
            incident.Scene(incident.Case(CASE), grants=agent.grants_script(pg.DEBIAN)) as scene:
        scene.set_up()
        settings = agent.merged(scene.configuration(), {"receivers": agent.receivers(inbox)})
        with agent.Agent(directory, settings) as watcher:
            watcher.wait_ready()
            time.sleep(healthy)
            onset = time.monotonic()
            scene.start_load()
            named = inbox.wait(lambda m: m.status == "firing" and CAUSE.search(m.text), DEADLINE,
                               meanwhile=watcher.check_alive)
            first = inbox.wait(lambda m: m.status == "firing", 0)
            return first and first.after(onset), named and named.after(onset)


def words(seconds):
    return "none" if seconds is None else f"{seconds:.1f} s"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--healthy", type=float, default=15.0, help="seconds of watching before the load (15)")
    given = parser.parse_args()
    children.exit_on_signals()
    print(f"{'run':>4}  {'first alert':>12}  {'names the cause':>16}", flush=True)
    named = []
    for run in range(1, given.runs + 1):
        first, cause = measure(given.healthy)
        named.append(cause)
        print(f"{run:>4}  {words(first):>12}  {words(cause):>16}  load average {os.getloadavg()[0]:.1f}", flush=True)
    if any(seconds is None for seconds in named):
        print("a run had no alert that names the cause")
        return 1
    print(f"median {statistics.median(named):.1f} s, worst {max(named):.1f} s (to be at most 15 s)")
    return 0 if statistics.median(named) <= 15 else 1


if __name__ == "__main__":
    sys.exit(main())
