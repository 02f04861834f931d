#!/usr/bin/python3
"""Two runs side by side do not meet; one that is killed with -9 leaves nothing and does not disturb the other."""

import os
import re
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STARTED = re.compile(r"pgvigil watches: page (\S+)")
SERVER = re.compile(r"port=(\d+) user=postgres")
PATIENCE = 60.0


class Run:
    """An interactive ./run and what it has printed so far."""

    def __init__(self):
        self.process = subprocess.Popen([os.path.join(ROOT, "run")], stdin=subprocess.DEVNULL, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
        self.printed = ""
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self.printed += line

    def wait_for(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = pattern.search(self.printed)
            if found:
                return found.group(1)
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise SystemExit(f"./run did not come to \"{pattern.pattern}\"\n{self.printed}")


def descendants(pid):
    found, wave = [], [pid]
    while wave:
        wave = [child for parent in wave for child in children_of(parent)]
        found += wave
    return found


def children_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def wait_gone(pids, what):
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            left = [pid for pid in pids if alive(pid)]
            raise SystemExit(f"{what}: still running: {left}")
        time.sleep(0.2)


def main():
    runs = []
    try:
        runs = [Run(), Run()]
        urls, ports = [r.wait_for(STARTED) for r in runs], [r.wait_for(SERVER) for r in runs]
        if len(set(urls)) != 2 or len(set(ports)) != 2:
            raise SystemExit(f"two runs met: {urls} {ports}")
        killed, other = runs
        pids = descendants(killed.process.pid)
        killed.process.send_signal(signal.SIGKILL)
        wait_gone([killed.process.pid] + pids, "after kill -9")
        if other.process.poll() is not None:
            raise SystemExit(f"the other run ended too\n{other.printed}")
        pids = descendants(other.process.pid)
        other.process.send_signal(signal.SIGINT)
        other.process.wait(30)
        wait_gone(pids, "after Ctrl-C")
        if other.process.returncode != 0:
            raise SystemExit(f"Ctrl-C: exit {other.process.returncode}\n{other.printed}")
        print("two runs, two servers, nothing left")
        return 0
    finally:
        for run in runs:
            if run.process.poll() is None:
                run.process.terminate()


if __name__ == "__main__":
    sys.exit(main())
