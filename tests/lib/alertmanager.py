"""A cluster of real Alertmanagers on loopback, which tells one webhook."""

import json
import os
import signal
import subprocess
import time
import urllib.request

import yaml

from tests.lib import children, pg

BINARY = "prometheus-alertmanager"


class Pace:
    """How long a cluster waits.

    A member looks at its alerts before it waits its turn (peer_timeout each): when another one tells of the end within
    that wait, it tells of the beginning again. So the wait is short beside the group's interval, as it is by default.
    """

    def __init__(self, group_wait, group_interval, *options):
        self.group_wait, self.group_interval, self.options = group_wait, group_interval, options


QUICK = Pace("4s", "12s", "--cluster.peer-timeout=1500ms", "--cluster.gossip-interval=50ms",
             "--cluster.pushpull-interval=1s", "--cluster.settle-timeout=3s", "--cluster.reconnect-interval=1s",
             "--cluster.probe-interval=3s", "--cluster.probe-timeout=2s")  # slow is not dead
# For cores that are busy with the incident itself: gossip comes late there.
PATIENT = Pace("5s", "60s", "--cluster.peer-timeout=8s", "--cluster.pushpull-interval=10s")


class Member:
    def __init__(self, directory, number, config, options):
        self.number, self.config, self.options = number, config, options
        self.port, self.gossip = pg.free_port(), pg.free_port()
        self.data = os.path.join(directory, f"data{number}")
        self.log = os.path.join(directory, f"alertmanager{number}.log")
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self, peers):
        line = [BINARY, f"--config.file={self.config}", f"--storage.path={self.data}",
                f"--web.listen-address=127.0.0.1:{self.port}", f"--cluster.listen-address=127.0.0.1:{self.gossip}",
                *self.options]
        line += [f"--cluster.peer=127.0.0.1:{p.gossip}" for p in peers if p is not self]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(children.bound(line), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ready(self, members):
        """It answers, and knows as many members as there are: one on its own would tell what another has told."""
        try:
            with urllib.request.urlopen(self.url + "/-/ready", timeout=1) as answer:
                if answer.status != 200:
                    return False
            with urllib.request.urlopen(self.url + "/api/v2/status", timeout=1) as answer:
                return len(json.load(answer)["cluster"].get("peers") or []) >= members
        except (OSError, ValueError):
            return False

    def stop(self, how=signal.SIGTERM):
        if self.process is not None:
            children.stop(self.process, first=how)
            self.process = None


class Cluster:
    """`with Cluster(directory, url) as cluster:` three members that group by target and check."""

    def __init__(self, directory, webhook, pace=QUICK, size=3):
        config = os.path.join(directory, "alertmanager.yml")
        with open(config, "w", encoding="ascii") as file:
            yaml.safe_dump({"route": {"receiver": "inbox", "group_by": ["target", "alertname"],
                                      "group_wait": pace.group_wait, "group_interval": pace.group_interval,
                                      "repeat_interval": "4h"},
                            "receivers": [{"name": "inbox", "webhook_configs": [{"url": webhook}]}]}, file)
        self.members = [Member(directory, n, config, pace.options) for n in range(size)]

    @property
    def urls(self):
        return [m.url for m in self.members]

    def start(self, timeout=30.0):
        for member in self.members:
            if member.process is None:
                member.start(self.members)
        deadline = time.monotonic() + timeout
        while not all(m.ready(len(self.members)) for m in self.members):
            if time.monotonic() > deadline:
                with open(self.members[0].log, encoding="utf-8", errors="replace") as log:
                    raise RuntimeError("the Alertmanagers are not ready\n" + log.read()[-2000:])
            time.sleep(0.2)

    def stop(self):
        for member in self.members:
            member.stop()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
