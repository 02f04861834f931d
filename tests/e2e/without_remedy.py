#!/usr/bin/python3
"""`./run --once --no-remedy` must fail, and because nothing was resolved: else --once would prove nothing."""

import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

done = subprocess.run([os.path.join(ROOT, "run"), "--once", "--no-remedy"], stdin=subprocess.DEVNULL,
                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
print(done.stdout)
if done.returncode != 1 or "FAILED: no resolved message" not in done.stdout:
    print(f"expected exit 1 for want of a resolved message, got {done.returncode}")
    sys.exit(1)
