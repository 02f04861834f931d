"""A real Prometheus on loopback that scrapes one agent and evaluates the rules that are shipped."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import yaml

from tests.lib import children, pg

BINARY = "prometheus"


class Prometheus:
    """`with Prometheus(directory, ["127.0.0.1:9717"], [rules file]) as it:` data and log stay in `directory`."""

    def __init__(self, directory, targets, rules, interval="1s"):
        self.port = pg.free_port()
        self.config = os.path.join(directory, "prometheus.yml")
        self.log = os.path.join(directory, "prometheus.log")
        self.data = os.path.join(directory, "prometheus")
        with open(self.config, "w", encoding="ascii") as file:
            yaml.safe_dump({"global": {"scrape_interval": interval, "evaluation_interval": interval},
                            "rule_files": rules,
                            "scrape_configs": [{"job_name": "pgvigil", "static_configs": [{"targets": targets}]}]}, file)
        self.process = None

    def __enter__(self):
        line = [BINARY, f"--config.file={self.config}", f"--storage.tsdb.path={self.data}",
                f"--web.listen-address=127.0.0.1:{self.port}", "--storage.tsdb.retention.time=1h"]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(children.bound(line), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 30
        while not self._ready():
            if time.monotonic() > deadline or self.process.poll() is not None:
                with open(self.log, encoding="utf-8", errors="replace") as log:
                    raise RuntimeError("Prometheus is not ready\n" + log.read()[-2000:])
            time.sleep(0.2)
        return self

    def __exit__(self, *_):
        children.stop(self.process)

    def _ready(self):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/-/ready", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def get(self, path, **parameters):
        """The answer's data; RuntimeError with Prometheus' own words when it refuses."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters, doseq=True)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error).get("error", str(error))) from error

    def instant(self, expression):
        return self.get("query", query=expression)["result"]

    def over(self, expression, seconds, step=1):
        now = time.time()
        return self.get("query_range", query=expression, start=now - seconds, end=now, step=step)["result"]

    def label_values(self, selector, label):
        return self.get(f"label/{label}/values", **{"match[]": selector})
