#!/usr/bin/python3
"""From a finding to the phone, while things fail in between: the agent killed with an alert not delivered yet, a
receiver that is down, a second agent, a state directory that cannot be written, a clock that jumps, an agent that was
asleep, silences. Each edge arrives, and none twice that need not."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import agent, children, pg, receiver  # noqa: E402

TOLD, OVER = 40.0, 60.0  # loose: a cycle is 2 s here
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"
CANARIES = {"slack": "CANARY1slackpath", "hook": "CANARY2hookpath", "key": "CANARY3routing", "beat": "CANARY4beat",
            "token": "CANARY5token"}


class Wrong(Exception):
    """Something did not happen as it must."""


class Trouble:
    """A transaction left open that holds a row others want; until `end`."""

    def __init__(self, server, table):
        self.server, self.table = server, table
        server.sql(f"CREATE TABLE {table} AS SELECT g AS id, 0 AS n FROM generate_series(1, 10) g", "app")
        server.sql(f"ALTER TABLE {table} OWNER TO app", "app")
        self.sessions = [self._session(f"BEGIN;\nUPDATE {table} SET n = n + 1 WHERE id = 1;\n")]
        time.sleep(1)
        self.sessions += [self._session(f"UPDATE {table} SET n = n + 1 WHERE id = 1;\n") for _ in range(8)]

    def _session(self, text):
        session = subprocess.Popen(children.bound([pg.PSQL, "-X", "-q", self.server.dsn("app", "app")]),
                                   stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        session.stdin.write(text.encode())
        session.stdin.flush()
        return session

    def end(self):
        for session in self.sessions:
            session.stdin.close()
        for session in self.sessions:
            children.stop(session)
        self.sessions = []


class Bench:
    """A server, an inbox in the shape of Slack and of a webhook, and agents that are started as a scene wants."""

    def __init__(self, server):
        self.server = server
        self.inbox = receiver.Receiver()
        self.directory = tempfile.TemporaryDirectory(prefix="pgvigil.alerts.")
        self.agents, self.troubles, self.count = [], [], 0

    def start(self, state=None, preload=None, more=None, inbox=None):
        """An agent with a cycle of 2 s; `state`: another one's directory."""
        self.count += 1
        home = os.path.join(self.directory.name, str(self.count))
        os.mkdir(home)
        to = inbox or self.inbox
        config = {"targets": [{"name": "shop", "conninfo": self.server.dsn("app", "pgvigil")}],
                  "receivers": [{"name": "chat", "kind": "slack", "url": to.url("/" + CANARIES["slack"])},
                                {"name": "hook", "kind": "webhook", "url": to.url("/" + CANARIES["hook"])}],
                  "schedule": {"sample": "1 s", "cycle": "2 s", "sweep": "10 s", "slow": "60 s"},
                  "alerting": {"for_warning": "6 s", "for_critical": "4 s", "keep_firing": "6 s"}, **(more or {})}
        if state:
            config["state"] = {"directory": state}
        one = agent.Agent(home, config, **({"preload": preload} if preload else {}))
        self.agents.append(one)
        one.wait_ready()
        return one

    def trouble(self, table):
        self.troubles.append(Trouble(self.server, table))
        return self.troubles[-1]

    def hooks(self, start=0):
        return [m.json for m in self.inbox.messages[start:] if m.path.endswith(CANARIES["hook"])]

    def edges(self, start=0):
        return [(m["edge"], m["commonLabels"]["alertname"]) for m in self.hooks(start)]

    def wait(self, what, edge, start=0, seconds=TOLD):
        found = self.inbox.wait(lambda m: m.path.endswith(CANARIES["hook"]) and m.json.get("edge") == edge, seconds,
                                start)
        if found is None:
            logs = "\n".join(f"-- {a.log}\n{a.log_tail()}" for a in self.agents)
            raise Wrong(f"{what}: no {edge} edge within {seconds:g} s; there are {self.edges(start)}\n{logs}")
        return found.json

    def quiet(self, seconds, start, what):
        """Nothing but updates from `start` on."""
        time.sleep(seconds)
        extra = [e for e in self.edges(start) if e[0] in ("firing", "resolved")]
        if extra:
            raise Wrong(f"{what}: told {extra}")

    def clear(self):
        """Ends what a scene left."""
        for trouble in self.troubles:
            trouble.end()
        for one in self.agents:
            one.stop()
        self.troubles, self.agents = [], []

    def secrets_are_nowhere(self):
        for folder, _, names in os.walk(self.directory.name):
            for name in names:
                if name == "pgvigil.yaml":
                    continue
                with open(os.path.join(folder, name), "rb") as file:
                    body = file.read()
                for canary in CANARIES.values():
                    if canary.encode() in body:
                        raise Wrong(f"{canary} is in {os.path.join(folder, name)}")


def same(first, second, *fields):
    for field in fields:
        if first[field] != second[field]:
            raise Wrong(f"{field}: {first[field]} and {second[field]}")


def fires_and_resolves(bench):
    one = bench.start()
    trouble = bench.trouble("plain")
    fired = bench.wait("a proven cause", "firing")
    trouble.end()
    over = bench.wait("its end", "resolved", seconds=OVER)
    same(fired, over, "dedup_key")

    def chats():
        return [m for m in bench.inbox.messages if m.path.endswith(CANARIES["slack"])]

    # The two receivers are told side by side, and each is done when its answer has come.
    wait_for(lambda: len(chats()) >= len(bench.hooks()), 10, "the chat message of the end")
    wait_for(lambda: 'pgvigil_notifications_queued{receiver="hook"} 0' in one.get("/metrics")[2], 10, "an empty queue")
    if len(bench.edges()) > 4 or len({m["edge_id"] for m in bench.hooks()}) != len(bench.hooks()):
        raise Wrong(f"told {bench.edges()}")
    if len(chats()) != len(bench.hooks()):
        raise Wrong(f"{len(chats())} chat messages, {len(bench.hooks())} of the other receiver")
    _, _, page = one.get("/metrics")
    for line in ('pgvigil_notifications_sent_total{receiver="chat"}', 'pgvigil_notifications_queued{receiver="hook"} 0',
                 'pgvigil_sends_alerts{target="shop"} 1', "pgvigil_state_degraded 0"):
        if line not in page:
            raise Wrong(f"not on the page: {line}")
    if any(c in page for c in CANARIES.values()):
        raise Wrong("a secret is on the page")


def killed_before_delivery(bench):
    """The receiver is down, the agent is killed, and the trouble ends: the next agent delivers that it was."""
    port = bench.inbox.server.server_address[1]
    before = len(bench.inbox.messages)
    bench.inbox.close()
    first = bench.start()
    trouble = bench.trouble("undelivered")
    wait_for(lambda: "chat: 127.0.0.1" in first.log_tail(20000), TOLD, "the first try")
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    trouble.end()
    again = receiver.Receiver(port=port)
    again.messages = bench.inbox.messages
    bench.inbox = again
    bench.start(state=first.state)
    fired = bench.wait("what was not delivered", "firing", before)
    same(fired, bench.wait("its end", "resolved", before, OVER), "dedup_key")


def killed_while_firing(bench):
    """Delivered, then the agent is killed: not told again, and resolved by the next."""
    start = len(bench.inbox.messages)
    first = bench.start()
    trouble = bench.trouble("restarted")
    fired = bench.wait("the trouble", "firing", start)
    time.sleep(3)
    first.process.send_signal(signal.SIGKILL)
    first.process.wait()
    told = len(bench.inbox.messages)
    bench.start(state=first.state)
    bench.quiet(20, told, "after the restart")
    trouble.end()
    same(fired, bench.wait("its end", "resolved", told, OVER), "dedup_key")


def two_agents(bench):
    """One sends. It is killed: the other carries on with the same incident, and tells nothing twice."""
    start = len(bench.inbox.messages)
    elder = bench.start()
    time.sleep(2)
    younger = bench.start()
    wait_for(lambda: 'pgvigil_sends_alerts{target="shop"} 0' in younger.get("/metrics")[2], 20, "the younger stands by")
    time.sleep(28)  # from when on the elder is surely an agent, and nobody's look
    trouble = bench.trouble("shared")
    fired = bench.wait("one of them", "firing", start)
    told = len(bench.inbox.messages)
    bench.quiet(12, told, "the other one")
    elder.process.send_signal(signal.SIGKILL)
    elder.process.wait()
    bench.agents.remove(elder)
    bench.quiet(10, told, "the one that takes over")
    trouble.end()
    same(fired, bench.wait("its end", "resolved", told, OVER), "dedup_key")
    next_start = len(bench.inbox.messages)
    bench.trouble("alone")
    bench.wait("the one that is left", "firing", next_start)


def state_cannot_be_written(bench):
    """The directory's place is taken by a file: alerts flow, and the metric says so."""
    start = len(bench.inbox.messages)
    taken = os.path.join(bench.directory.name, "taken")
    with open(taken, "w", encoding="ascii") as file:
        file.write("not a directory")
    one = bench.start(state=taken)
    bench.trouble("no_disk")
    bench.wait("from memory", "firing", start)
    if "pgvigil_state_degraded 1" not in one.get("/metrics")[2]:
        raise Wrong("the metric does not say that nothing is kept")
    os.remove(taken)
    wait_for(lambda: "pgvigil_state_degraded 0" in one.get("/metrics")[2], 40, "it is written again")


def silenced(bench):
    """Nothing while the silence lasts; told when it is ended, and the trouble is still there."""
    start = len(bench.inbox.messages)
    one = bench.start()
    made = silence(one, "add", "--target", "sh*p", "--for", "10 min", "--comment", "moving house")
    time.sleep(3)
    bench.trouble("quiet_please")
    bench.quiet(20, start, "while it is silenced")
    listed = json.loads(silence(one, "list", "--format", "json"))
    if len(listed) != 1 or listed[0]["id"] != made.split()[0] or listed[0]["comment"] != "moving house":
        raise Wrong(f"listed {listed}")
    silence(one, "expire", listed[0]["id"])
    bench.wait("after the silence", "firing", start)


def silence(one, *arguments):
    done = subprocess.run([agent.binary(), "silence", *arguments, "-c", one.config], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, env=agent.clean_environment(), timeout=20, check=False)
    if done.returncode != 0:
        raise Wrong(f"silence {arguments[0]}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def tried_by_hand(bench):
    """notify test reaches every receiver and says so; what it opens at a pager it closes."""
    start = len(bench.inbox.messages)
    one = bench.start(more={"receivers": [
        {"name": "chat", "kind": "slack", "url": bench.inbox.url("/" + CANARIES["slack"])},
        {"name": "pager", "kind": "pagerduty", "url": bench.inbox.url("/pager"), "routing_key": CANARIES["key"]}]})
    done = subprocess.run([agent.binary(), "notify", "test", "-c", one.config], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, env=agent.clean_environment(), timeout=30, check=False)
    if done.returncode != 0 or done.stdout != "chat (slack): taken\npager (pagerduty): taken\n":
        raise Wrong(f"exit {done.returncode}: {done.stdout}{done.stderr}")
    got = bench.inbox.messages[start:]
    if [m.path for m in got] != ["/" + CANARIES["slack"], "/pager", "/pager"]:
        raise Wrong(f"sent to {[m.path for m in got]}")
    if [m.json["event_action"] for m in got[1:]] != ["trigger", "resolve"] or "nothing is wrong" not in got[0].text:
        raise Wrong(f"sent {[m.json for m in got]}")
    if any(c in done.stdout + done.stderr for c in CANARIES.values()):
        raise Wrong("a secret is shown")


def clock_jumps(bench):
    """An hour forward and an hour back, under the agent only: no edge of its own making."""
    start = len(bench.inbox.messages)
    offset = os.path.join(bench.directory.name, "offset")
    with open(offset, "w", encoding="ascii") as file:
        file.write("+0")
    bench.start(preload={"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": offset, "FAKETIME_NO_CACHE": "1",
                         "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"})
    bench.trouble("timeless")
    bench.wait("before the jumps", "firing", start)
    told = len(bench.inbox.messages)
    for jump in ("+3600", "+0", "-3600", "+0"):
        with open(offset, "w", encoding="ascii") as file:
            file.write(jump)
        bench.quiet(9, told, f"after the clock went to {jump} s")
    bench.troubles[-1].end()
    bench.wait("after the jumps", "resolved", told, OVER)


def asleep(bench):
    """Stopped for longer than an incident needs to resolve: waking up proves nothing."""
    start = len(bench.inbox.messages)
    one = bench.start()
    bench.trouble("sleepless")
    bench.wait("before the sleep", "firing", start)
    told = len(bench.inbox.messages)
    one.process.send_signal(signal.SIGSTOP)
    time.sleep(20)
    one.process.send_signal(signal.SIGCONT)
    bench.quiet(15, told, "after the sleep")


class BadReceiver:
    """Answers each connection as told, badly; `endless`, `drip`, or a whole answer."""

    def __init__(self, answer):
        self.answer, self.hits = answer, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.socket.getsockname()[1]}/bad"

    def _serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.hits += 1
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection):
        with connection:
            try:
                connection.recv(65536)
                if self.answer == "endless":
                    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                    while True:
                        connection.sendall(b"ffff\r\n" + b"x" * 65535 + b"\r\n")
                elif self.answer == "drip":
                    for letter in b"HTTP/1.1 200 OK and then " * 100:
                        connection.sendall(bytes([letter]))
                        time.sleep(1)
                else:
                    connection.sendall(self.answer.encode())
            except OSError:
                pass


def bad_receivers(bench):
    """Whatever others answer, the good one is told in time, and the agent does not grow."""
    start = len(bench.inbox.messages)
    head = "HTTP/1.1 {}\r\nContent-Length: 0\r\n{}\r\n"
    bad = [BadReceiver(a) for a in (
        "endless", "drip", "not HTTP at all\r\n\r\n", "", head.format("500 Oops", ""),
        head.format("429 Slow down", "Retry-After: 1\r\n"),
        head.format("429 Slow down", "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT\r\n"),
        head.format("302 Found", f"Location: {bench.inbox.url('/elsewhere')}\r\n"))]
    receivers = [{"name": f"bad {n}", "kind": "webhook", "url": b.url()} for n, b in enumerate(bad)]
    receivers.append({"name": "hook", "kind": "webhook", "url": bench.inbox.url("/" + CANARIES["hook"])})
    one = bench.start(more={"receivers": receivers})
    before = resident(one)
    bench.trouble("patience")
    bench.wait("the good receiver", "firing", start, 15)
    time.sleep(25)
    if any(m.path == "/elsewhere" for m in bench.inbox.messages):
        raise Wrong("a redirect was followed")
    if not all(b.hits for b in bad):
        raise Wrong(f"some were not even tried: {[b.hits for b in bad]}")
    if bad[6].hits > 1:
        raise Wrong("Retry-After as a date was not obeyed")
    grown = resident(one) - before
    if grown > 24 << 20:
        raise Wrong(f"it grew by {grown >> 20} MiB")
    for b in bad:
        b.socket.close()


def resident(one):
    with open(f"/proc/{one.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def all_secrets(bench):
    """Every secret there can be; a run leaves none of them anywhere but in the configuration."""
    start = len(bench.inbox.messages)
    one = bench.start(more={
        "receivers": [{"name": "hook", "kind": "webhook", "url": bench.inbox.url("/" + CANARIES["hook"])},
                      {"name": "pager", "kind": "pagerduty", "url": bench.inbox.url("/pager"),
                       "routing_key": CANARIES["key"]},
                      {"name": "dead", "kind": "slack", "url": "http://127.0.0.1:9/" + CANARIES["slack"]}],
        "heartbeat": {"url": bench.inbox.url("/" + CANARIES["beat"]), "interval": "2 s"},
        "http": {"token": CANARIES["token"]}})
    bench.trouble("discreet")
    bench.wait("the trouble", "firing", start)
    pager = bench.inbox.wait(lambda m: m.path == "/pager", TOLD, start)
    if pager is None or pager.json["routing_key"] != CANARIES["key"]:
        raise Wrong("the pager was not told, or without its key")
    if bench.inbox.wait(lambda m: m.path.endswith(CANARIES["beat"]), 10, start) is None:
        raise Wrong("no heartbeat")
    time.sleep(2)
    if any(c in one.get("/metrics")[2] for c in CANARIES.values()):
        raise Wrong("a secret is on the page")
    one.process.send_signal(signal.SIGSTOP)
    time.sleep(1)  # one that was on its way has arrived
    beats = len(bench.inbox.messages)
    time.sleep(4)
    if any(m.path.endswith(CANARIES["beat"]) for m in bench.inbox.messages[beats:]):
        raise Wrong("a stopped agent has a heartbeat")
    one.process.send_signal(signal.SIGCONT)


def wait_for(true, seconds, what):
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise Wrong(f"{what} within {seconds:g} s: no")
        time.sleep(0.25)


SCENES = (fires_and_resolves, killed_before_delivery, killed_while_firing, two_agents, state_cannot_be_written,
          silenced, tried_by_hand, bad_receivers, clock_jumps, asleep, all_secrets)


def main():
    children.exit_on_signals()
    wanted = sys.argv[1:]
    failures = 0
    with pg.Server() as server:
        server.sql("CREATE DATABASE app")
        server.sql("CREATE ROLE app LOGIN", "app")
        server.sql("GRANT CREATE ON SCHEMA public TO app", "app")
        server.sql(agent.grants_script(pg.DEBIAN), "app")
        bench = Bench(server)
        for scene in SCENES:
            if wanted and scene.__name__ not in wanted:
                continue
            began = time.monotonic()
            try:
                scene(bench)
                bench.clear()
                bench.secrets_are_nowhere()
                print(f"ok    {scene.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
            except (Wrong, RuntimeError, pg.ServerError, KeyError) as error:
                failures += 1
                print(f"WRONG {scene.__name__}: {error}", flush=True)
                bench.clear()
        bench.directory.cleanup()
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
