"""A cluster of real Alertmanagers on loopback, which tells one webhook."""

import os
import signal
import subprocess
import time
import urllib.request

import yaml

from tests.lib import children, pg

BINARY = "prometheus-alertmanager"


class Member:
    def __init__(self, directory, number, config):
        self.number, self.config = number, config
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
                "--cluster.peer-timeout=500ms", "--cluster.gossip-interval=50ms", "--cluster.pushpull-interval=2s",
                "--cluster.settle-timeout=3s"]
        line += [f"--cluster.peer=127.0.0.1:{p.gossip}" for p in peers if p is not self]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(children.bound(line), stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ready(self):
        try:
            with urllib.request.urlopen(self.url + "/-/ready", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self, how=signal.SIGTERM):
        if self.process is not None:
            children.stop(self.process, first=how)
            self.process = None


class Cluster:
    """`with Cluster(directory, url) as cluster:` three members that group by target and wait little.

    A member looks at its alerts before it waits its turn (peer-timeout each): when another one tells of the end within
    that wait, it tells of the beginning again. So the wait is short beside the group's interval, as it is by default.
    """

    def __init__(self, directory, webhook, size=3):
        config = os.path.join(directory, "alertmanager.yml")
        with open(config, "w", encoding="ascii") as file:
            yaml.safe_dump({"route": {"receiver": "inbox", "group_by": ["target", "alertname"], "group_wait": "2s",
                                      "group_interval": "8s", "repeat_interval": "4h"},
                            "receivers": [{"name": "inbox", "webhook_configs": [{"url": webhook}]}]}, file)
        self.members = [Member(directory, n, config) for n in range(size)]

    @property
    def urls(self):
        return [m.url for m in self.members]

    def start(self, timeout=30.0):
        for member in self.members:
            if member.process is None:
                member.start(self.members)
        deadline = time.monotonic() + timeout
        while not all(m.ready() for m in self.members):
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
