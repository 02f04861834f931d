#!/usr/bin/python3
"""Kills the part of the agent that alerts at every call that writes, syncs or sends while a recorded incident goes by,
starts it again, and looks at what two receivers got: every edge at least once, none more than twice, under one id, in
order.

    alert_crash.py REPLAY KILLER [--every N]     REPLAY: alert_replay; KILLER: the library that kills
"""

import argparse
import concurrent.futures
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import children, receiver  # noqa: E402

RECORDING = os.path.join(ROOT, "tests", "replays", "founding_incident.observation")
LEAST_POINTS = 200
SECONDS = 60


class Wrong(Exception):
    """What the receivers got is not what they must get."""


class Run:
    """One life or two of the same agent, with its own state and its own corner of the inbox."""

    def __init__(self, options, inbox, directory, name):
        self.options, self.inbox, self.name = options, inbox, name
        self.state = os.path.join(directory, name)
        self.base = int(time.time()) - 600

    def live(self, first, **environment):
        """Runs from report `first` on; (the last report it took, whether it came to its end)."""
        done = subprocess.run(
            children.bound([self.options.replay, RECORDING, self.state, self.inbox.url("/" + self.name), str(self.base),
                            str(first)]),
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False,
            env={**os.environ, "LD_PRELOAD": self.options.killer, **environment})
        lines = done.stdout.split()
        numbers = [int(line) for line in lines if line.isdigit()]
        if done.returncode not in (0, -9) or (done.returncode == 0) != ("done" in lines):
            raise Wrong(f"exit {done.returncode}: {done.stderr[-500:]}")
        return (numbers[-1] if numbers else first - 1), done.returncode == 0

    def got(self, which):
        """(key, edge, edge_id) of each POST in order."""
        path = f"/{self.name}/{which}"
        return [(m.json["dedup_key"], m.json["edge"], m.json["edge_id"]) for m in list(self.inbox.messages)
                if m.path == path]


def check(run, wanted):
    for which in ("one", "two"):
        got = run.got(which)
        for key, edge in wanted:
            ids = [i for k, e, i in got if (k, e) == (key, edge)]
            # Killed before it was told of the beginning, it may find the worse state at once.
            if not ids and edge != "update":
                raise Wrong(f"{which}: {edge} of {key} is missing: {got}")
            if len(ids) > 2:
                raise Wrong(f"{which}: {edge} of {key} came {len(ids)} times")
            if len(set(ids)) > 1:
                raise Wrong(f"{which}: {edge} of {key} under two ids: {ids}")
        for key in {k for k, _, _ in got}:
            places = [("firing", "update", "resolved").index(e) for k, e, _ in got if k == key]
            if places != sorted(places):
                raise Wrong(f"{which}: out of order: {[e for k, e, _ in got if k == key]}")
            if (key, "firing") not in wanted:
                raise Wrong(f"{which}: {key} is unknown")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("replay")
    parser.add_argument("killer")
    parser.add_argument("--every", type=int, default=1, help="only every N-th call")
    options = parser.parse_args()
    options.replay, options.killer = os.path.abspath(options.replay), os.path.abspath(options.killer)
    children.exit_on_signals()
    with tempfile.TemporaryDirectory(prefix="pgvigil.crash.") as directory, receiver.Receiver() as inbox:
        clean = Run(options, inbox, directory, "clean")
        counted = os.path.join(directory, "counted")
        if not clean.live(0, KILL_COUNT=counted)[1]:
            raise SystemExit("it does not come to its end without being killed")
        with open(counted, encoding="ascii") as file:
            calls = int(file.read())
        wanted = [(key, edge) for key, edge, _ in clean.got("one")]
        check(clean, wanted)
        if len(wanted) != len(set(wanted)) or {e for _, e in wanted} != {"firing", "update", "resolved"}:
            raise SystemExit(f"without a kill the receiver got {wanted}")
        points = range(1, calls + 1, options.every)

        def kill(point):
            run = Run(options, inbox, directory, f"k{point}")
            last, ended = run.live(0, KILL_AT=str(point))
            again = not ended and not run.live(last + 1)[1]
            try:
                if again:
                    raise Wrong("the second life does not come to its end")
                check(run, wanted)
            except Wrong as wrong:
                return f"killed at call {point}, report {last}: {wrong}", ended
            return None, ended

        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            results = list(pool.map(kill, points))
        failures = [text for text, _ in results if text]
        killed = sum(1 for _, ended in results if not ended)
        for text in failures[:10]:
            print("WRONG", text)
        print(f"{calls} calls, killed at {killed} of them; {len(wanted)} edges for each of two receivers; "
              f"{len(failures)} wrong")
        if options.every == 1 and killed < LEAST_POINTS:
            print(f"WRONG fewer than {LEAST_POINTS} kill points")
            return 1
        return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
