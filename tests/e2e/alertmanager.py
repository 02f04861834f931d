#!/usr/bin/python3
"""An agent and a real Alertmanager cluster of three: an incident arrives once and resolves once; with one member
killed; with all of them stopped and back. What the cluster's receiver gets is counted, not what we sent."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.e2e.alerts import Trouble, Wrong  # noqa: E402
from tests.lib import agent, alertmanager, children, pg, receiver  # noqa: E402

TOLD = 90.0  # seconds: what a cluster forgot is told again every minute


def statuses(inbox, start, check):
    """firing or resolved of each notification from `start` on that concerns this check. That an incident has become
    critical is told once more, and is no second beginning."""
    told, worst = [], ""
    for message in inbox.messages[start:]:
        severities = [a["labels"]["severity"] for a in message.json["alerts"] if a["labels"]["alertname"] == check]
        rose = worst == "warning" and "critical" in severities
        if severities and not (rose and message.status == told[-1] == "firing"):
            told.append(message.status)
        worst = "critical" if "critical" in severities else (severities or [worst])[0]
    return told


def expect(inbox, start, wanted, check, what, linger=18.0):
    """Exactly these notifications, within TOLD seconds, and no more for a while."""
    deadline = time.monotonic() + TOLD
    while statuses(inbox, start, check) != wanted and time.monotonic() < deadline:
        time.sleep(0.25)
    time.sleep(linger)
    got = statuses(inbox, start, check)
    if got != wanted:
        raise Wrong(f"{what}: {got} instead of {wanted}: "
                    f"{[[a['labels'] for a in m.json['alerts']] for m in inbox.messages[start:]]}")


def check_words(message):
    alert = message.json["alerts"][0]
    for label in ("alertname", "severity", "act_by", "target", "object", "dedup_key"):
        if not alert["labels"].get(label):
            raise Wrong(f"no label {label}: {alert['labels']}")
    for annotation in ("summary", "description", "why", "remedy", "command"):
        if not alert["annotations"].get(annotation):
            raise Wrong(f"no annotation {annotation}")


def scenes(server, inbox, cluster):
    check = "idle_in_transaction"
    start = len(inbox.messages)
    trouble = Trouble(server, "first")
    expect(inbox, start, ["firing"], check, "three members")
    check_words(inbox.messages[start])
    trouble.end()
    expect(inbox, start, ["firing", "resolved"], check, "three members")
    print("ok    three members", flush=True)

    start = len(inbox.messages)
    cluster.members[0].stop(signal.SIGKILL)
    trouble = Trouble(server, "second")
    expect(inbox, start, ["firing"], check, "one member killed")
    print("ok    one member killed", flush=True)

    cluster.stop()
    cluster.start()
    expect(inbox, start, ["firing"], check, "all stopped and back, while it goes on", linger=70.0)
    trouble.end()
    expect(inbox, start, ["firing", "resolved"], check, "all stopped and back")
    print("ok    all stopped and back, while it goes on", flush=True)

    start = len(inbox.messages)
    cluster.stop()
    trouble = Trouble(server, "third")
    time.sleep(15)
    cluster.start()
    expect(inbox, start, ["firing"], check, "it began while all were stopped")
    trouble.end()
    expect(inbox, start, ["firing", "resolved"], check, "it began while all were stopped")
    print("ok    began while all were stopped", flush=True)


def documented_files():
    """config/cluster as it is, with its secrets in a place of ours, pleases the programs that read it."""
    with tempfile.TemporaryDirectory(prefix="pgvigil.config.") as directory:
        config = shutil.copytree(os.path.join(ROOT, "config"), os.path.join(directory, "config"))
        secrets = os.path.join(directory, "secrets")
        os.mkdir(secrets)
        for name, secret in (("pgvigil", "p"), ("pgvigil-token", "0123456789abcdef"), ("slack-url", "https://h/x"),
                             ("pagerduty-key", "k"), ("heartbeat-url", "https://h/beat")):
            with open(os.path.join(secrets, name), "w", encoding="ascii") as file:
                file.write(secret)
        cluster = os.path.join(config, "cluster")
        for name in os.listdir(cluster):
            path = os.path.join(cluster, name)
            with open(path, encoding="utf-8") as file:
                text = file.read()
            with open(path, "w", encoding="utf-8") as file:
                file.write(text.replace("/run/secrets", secrets))
        for line in (["amtool", "check-config", os.path.join(cluster, "alertmanager.yml")],
                     ["promtool", "check", "config", os.path.join(cluster, "prometheus.yml")],
                     [agent.binary(), "config", "check", os.path.join(cluster, "pgvigil.yaml")]):
            done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
            if done.returncode != 0:
                raise Wrong(f"{' '.join(line)}: {done.stdout}{done.stderr}")
    print("ok    config/cluster", flush=True)


def main():
    children.exit_on_signals()
    documented_files()
    with tempfile.TemporaryDirectory(prefix="pgvigil.e2e.") as directory, pg.Server() as server, \
            receiver.Receiver() as inbox:
        server.sql("CREATE DATABASE app")
        server.sql("CREATE ROLE app LOGIN", "app")
        server.sql("GRANT CREATE ON SCHEMA public TO app", "app")
        server.sql(agent.grants_script(pg.DEBIAN), "app")
        with alertmanager.Cluster(directory, inbox.url("/")) as cluster:
            settings = {"targets": [{"name": "shop", "conninfo": server.dsn("app", "pgvigil")}],
                        "receivers": [{"name": "cluster", "kind": "alertmanager", "urls": cluster.urls}],
                        "schedule": {"sample": "1 s", "cycle": "2 s", "sweep": "10 s", "slow": "60 s"},
                        "alerting": {"for_warning": "6 s", "for_critical": "4 s", "keep_firing": "6 s"}}
            with agent.Agent(directory, settings) as watcher:
                watcher.wait_ready()
                try:
                    scenes(server, inbox, cluster)
                except (Wrong, RuntimeError) as error:
                    print(f"WRONG {error}\n{watcher.log_tail()}")
                    return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
