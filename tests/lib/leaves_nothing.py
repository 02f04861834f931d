#!/usr/bin/python3
"""However a script that started a server ends, the server, its directory and its command are gone soon after."""

import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
WITH_SERVER = os.path.join(os.path.dirname(HERE), "with_server")
PATIENCE = 15.0


def alive(pid):
    """Running, not merely waiting for its parent to take note."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def gone(pids, directory):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if not any(alive(pid) for pid in pids) and not os.path.exists(directory):
            return True
        time.sleep(0.1)
    return False


def run_and_end(number):
    with tempfile.TemporaryDirectory() as work:
        mark = os.path.join(work, "mark")
        script = 'head -1 "$PGVIGIL_TEST_PGDATA/postmaster.pid" >"$0.new"; echo $$ >>"$0.new"; ' \
                 'echo "$PGVIGIL_TEST_PGDATA" >>"$0.new"; mv "$0.new" "$0"; exec sleep 600'
        process = subprocess.Popen([WITH_SERVER, "--", "sh", "-c", script, mark])
        try:
            while not os.path.exists(mark):
                if process.poll() is not None:
                    return f"with_server ended with {process.returncode}"
                time.sleep(0.05)
            with open(mark, encoding="utf-8") as file:
                postmaster, command, data = file.read().splitlines()
            process.send_signal(number)
            process.wait(PATIENCE)
            if not gone((int(postmaster), int(command)), os.path.dirname(data)):
                return f"after {number.name} something is left: {postmaster}, {command} or {os.path.dirname(data)}"
        finally:
            if process.poll() is None:
                process.kill()
    return ""


def main():
    failures = [f for f in map(run_and_end, (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)) if f]
    code = subprocess.run([WITH_SERVER, "--", "sh", "-c", "exit 7"], check=False).returncode
    if code != 7:
        failures.append(f"the command's exit code 7 came out as {code}")
    print("\n".join(failures) or "nothing is left, four times")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
