#!/usr/bin/python3
"""The founding incident on a scratch server, with pgvigil watching: what ./run does once it has a binary.

Without arguments it tells what happens until Ctrl-C. --once proves it unattended: every step is judged by what the
webhook receiver got, what the pages say and what diagnose answers, never by what pgvigil says it has done.
PGVIGIL_BROWSER=1 looks at the page in a real Chromium too.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.lib import agent, children, incident, pg, receiver, report  # noqa: E402

CASE = os.path.join(ROOT, "tests", "incidents", "seq_scan_after_schema_copy")
TABLE, COLUMNS = "lsif_data_documents", r"\bdump_id\b\W{1,4}\bpath\b"
ALERT_DEADLINE = 60.0  # a loose ceiling; bench/onset.py measures
METRIC_DEADLINE = 30.0  # the first alert may come from the tables' counters, a moment before there is a plan
RESOLVE_DEADLINE, RESOLVE_DEADLINE_UNCURED = 150.0, 45.0
BROWSER_DEADLINE = 180.0  # it shares two cores with the incident
SETTLE_DEADLINE = 90.0  # for diagnose to say OK once the last slow statement has ended


class StepFailed(Exception):
    """A step of --once did not truly happen."""


class Teller:
    """Prints what happens, with seconds since the load started."""

    def __init__(self):
        self.onset = None

    def say(self, text):
        stamp = "          " if self.onset is None else f"{time.monotonic() - self.onset:8.1f} s"
        first, *rest = str(text).splitlines() or [""]
        print(f"{stamp}  {first}", *(f"{'':12}{line}" for line in rest), sep="\n", flush=True)


def names_the_cause(text):
    return TABLE in text and re.search(COLUMNS, text) is not None


def incident_key(message):
    """What is the same in the firing and the resolved message of one incident."""
    body = message.json if isinstance(message.json, dict) else {}
    alerts = body.get("alerts") or [{}]
    return body.get("groupKey") or alerts[0].get("fingerprint") or ""


class Browser:
    """The page as a person sees it, in a real browser that stays open from before the incident to its end."""

    def __init__(self, url):
        line = [os.path.join(ROOT, "tests", "e2e", "page"), "--follow", url, TABLE]
        self.said, self.process = [], subprocess.Popen(children.bound(line), stdin=subprocess.DEVNULL, text=True,
                                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
        threading.Thread(target=lambda: self.said.extend(iter(self.process.stdout.readline, "")), daemon=True).start()

    def wait(self, word):
        """The line that begins with it."""
        deadline = time.monotonic() + BROWSER_DEADLINE
        while not (lines := [line.strip() for line in self.said if line.startswith(word)]):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise StepFailed(f"the page in a browser does not come to \"{word}\"\n{''.join(self.said)[-1500:]}")
            time.sleep(0.1)
        return lines[0]

    def wait_end(self):
        self.wait("resolved")
        if self.process.wait(30) != 0:
            raise StepFailed(f"the page in a browser: {''.join(self.said)[-1500:]}")

    def __exit__(self, *_):
        children.stop(self.process)


class Story:
    """The incident from the first second on: server, receiver, agent, load."""

    resolved_within = RESOLVE_DEADLINE

    def __init__(self, teller, directory):
        self.tell, self.directory = teller.say, directory
        self.teller = teller
        self.case = incident.Case(CASE)
        self.scene = self.receiver = self.agent = self.browser = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for part in (self.browser, self.agent, self.scene, self.receiver):
            if part is not None:
                part.__exit__(None, None, None)

    def receivers(self):
        """What the agent is told to send to, as in its configuration."""
        return agent.receivers(self.receiver)

    def begin(self):
        self.tell("starting a scratch PostgreSQL 15 and loading five tables without an index (about 1 GB)")
        self.scene = incident.Scene(self.case, grants=agent.grants_script(pg.DEBIAN))
        self.scene.set_up()
        self.tell(f"loaded in {self.scene.phases['setup']:g} s; pgvigil's role is what `pgvigil grants` printed")
        self.receiver = receiver.Receiver(os.path.join(self.directory, "received.jsonl"))
        settings = agent.merged(self.scene.configuration(), {"receivers": self.receivers()})
        self.agent = agent.Agent(self.directory, settings)
        self.agent.wait_ready()
        self.tell(f"pgvigil watches: page {self.agent.url}/  metrics {self.agent.url}/metrics\n"
                  f"superuser, to look around: psql '{self.scene.conninfo('postgres')}'")
        if os.environ.get("PGVIGIL_BROWSER") == "1":
            self.browser = Browser(self.agent.url)
            self.browser.wait("healthy")
            self.tell("the page in a browser: healthy")
        self.scene.start_load()
        self.teller.onset = time.monotonic()
        clients = sum(e.get("clients", 1) for e in self.case.load_entries())
        self.tell(f"load starts: {clients - 1} readers with a 10 s statement timeout, one bulk writer")

    def look(self):
        """Between two messages: is the agent alive, and has it found something?"""
        self.agent.check_alive()
        if not self.found:
            current = self.agent.report()
            if current and report.causes(current):
                self.found = True
                first = report.causes(current)[0]
                self.tell(f"first finding: {first.get('check')} {report.name(first)}: {first.get('sentence', '')}")

    found = False

    def wait_alert(self):
        message = self.receiver.wait(lambda m: m.path == "/webhook" and m.status == "firing" and
                                     names_the_cause(m.text), ALERT_DEADLINE, meanwhile=self.look)
        if message is None:
            raise StepFailed(f"no alert naming {TABLE} and (dump_id, path) within {ALERT_DEADLINE:g} s; the receiver "
                             f"got {len(self.receiver.messages)} message(s)\n{self.agent.log_tail()}\n"
                             f"{self.not_seen()}")
        self.tell(f"alert delivered {message.after(self.teller.onset):.1f} s after the onset")
        self.told_in_chat()
        return message

    def not_seen(self):
        """What a failed step may come from: blind spots, and what became of the EXPLAINs."""
        explains = [line for line in self.agent.get("/metrics")[2].splitlines() if line.startswith("pgvigil_explain")]
        return (f"not seen: {(self.agent.report() or {}).get('blind_spots')}\n" + "\n".join(explains) +
                "\n" + self.agent.get("/api/v1/queries")[2][:6000])

    def told_in_chat(self):
        chat = self.receiver.wait(lambda m: m.path == "/slack" and names_the_cause(m.text), 10)
        if chat is None:
            raise StepFailed("the chat receiver got no message that names the table and its columns")
        self.tell("the chat message as delivered:\n" + receiver.chat_text(chat))

    def diagnose(self):
        return agent.Diagnosis(self.scene.conninfo(), directory=self.directory)


def interactive(story, teller):
    story.begin()
    try:
        story.wait_alert()
    except StepFailed as failed:
        teller.say(str(failed))
    answer = story.diagnose()
    teller.say(f"pgvigil diagnose, {answer.seconds:.1f} s, exit {answer.exit_code}:\n{answer.text or answer.errors}")
    teller.say(f"page {story.agent.url}/  metrics {story.agent.url}/metrics  report {story.agent.url}/api/v1/report\n"
               f"to apply the remedy: psql '{story.scene.conninfo('postgres')}'\nCtrl-C ends it and removes everything")
    told = len(story.receiver.messages)
    while True:
        story.agent.check_alive()
        for message in story.receiver.messages[told:]:
            told += 1
            if message.path == "/slack":
                teller.say("chat message:\n" + receiver.chat_text(message))
        time.sleep(0.5)


def check_pages(story):
    status, kind, body = story.agent.get("/")
    if status != 200 or "text/html" not in kind or "<" not in body:
        raise StepFailed(f"the page answers {status} {kind}")
    deadline = time.monotonic() + METRIC_DEADLINE
    while True:
        status, _, body = story.agent.get("/metrics")
        line = next((li for li in body.splitlines() if li.startswith("pgvigil_finding{") and
                     'check="seq_scan_hot_query"' in li and float(li.rsplit(" ", 1)[1]) > 0), None)
        if status == 200 and line is not None:
            return line
        if time.monotonic() > deadline:
            raise StepFailed(f"/metrics answers {status} without a pgvigil_finding of seq_scan_hot_query; "
                             f"{story.not_seen()}")
        time.sleep(0.3)


def check_diagnosis(answer):
    if answer.report is None:
        raise StepFailed(f"diagnose gave no report, exit {answer.exit_code}: {answer.errors.strip()}")
    found = report.causes(answer.report)
    if answer.exit_code != 2 or report.verdict(answer.report) != "critical":
        raise StepFailed(f"diagnose says {report.verdict(answer.report)}, exit {answer.exit_code}; expected critical, 2")
    if not any(report.is_cause(f, {"object": TABLE}) for f in found) or \
            not re.search(rf"{TABLE}[^;]*{COLUMNS}", report.all_sql(answer.report)):
        raise StepFailed(f"diagnose does not name {TABLE} (dump_id, path): {[report.name(f) for f in found]}")


def apply_remedy(story, teller, steps):
    if not steps:
        raise StepFailed("the report prints no cure")
    for step in steps:
        seconds, error = story.scene.paste(step)
        sql = " ".join(step["sql"].split())
        teller.say(f"as {step.get('run_as') or 'superuser'}: {sql}\n{error or f'done in {seconds:.1f} s'}")
        if error:
            raise StepFailed(f"the printed remedy failed: {sql}")


def wait_resolved(story, firing, remedied):
    deadline = story.resolved_within if remedied else RESOLVE_DEADLINE_UNCURED
    key = incident_key(firing)
    resolved = story.receiver.wait(lambda m: m.path == "/webhook" and m.status == "resolved" and
                                   (incident_key(m) == key if key else TABLE in m.text), deadline,
                                   start=story.receiver.messages.index(firing), meanwhile=story.agent.check_alive)
    if resolved is None:
        raise StepFailed(f"no resolved message within {deadline:g} s" + ("" if remedied else ": nobody cured it"))
    return resolved


def wait_ok(story):
    deadline = time.monotonic() + SETTLE_DEADLINE
    while True:
        answer = story.diagnose()
        if answer.exit_code == 0 and answer.report and report.verdict(answer.report) == "ok":
            return answer
        if time.monotonic() > deadline:
            raise StepFailed(f"diagnose does not say OK after the remedy, exit {answer.exit_code}\n"
                             f"{answer.text or answer.errors}")
        time.sleep(3)


def once(story, teller, remedy):
    story.begin()
    firing = story.wait_alert()
    teller.say("page answers, metrics show it: " + check_pages(story))
    answer = story.diagnose()
    check_diagnosis(answer)
    teller.say(f"pgvigil diagnose, {answer.seconds:.1f} s, exit {answer.exit_code}:\n{answer.text}")
    if story.browser is not None:
        seen = story.browser.wait("incident")
        teller.say(f"the page in a browser: cause, since when and the command without scrolling ({seen})")
    if remedy:
        apply_remedy(story, teller, report.cure_steps(answer.report))
    else:
        teller.say("no remedy is applied")
    resolved = wait_resolved(story, firing, remedy)
    teller.say(f"resolved message delivered {resolved.after(teller.onset):.1f} s after the onset")
    if story.browser is not None:
        story.browser.wait_end()
        teller.say("the page in a browser: healthy again, and when it was over")
    answer = wait_ok(story)
    teller.say(f"pgvigil diagnose: OK, exit {answer.exit_code}")
    seconds = story.agent.stop()
    if story.agent.process.returncode != 0 or seconds > 5:
        raise StepFailed(f"pgvigil ended with {story.agent.process.returncode} after {seconds:.1f} s; expected 0 within 5")


def watch(conninfo, teller, directory):
    """Somebody's own server: the agent and nothing else."""
    with agent.Agent(directory, {"targets": [{"conninfo": conninfo}]}) as watcher:
        watcher.wait_ready()
        teller.say(f"pgvigil watches: page {watcher.url}/  metrics {watcher.url}/metrics  "
                   f"report {watcher.url}/api/v1/report\nCtrl-C ends it")
        last = None
        while True:
            watcher.check_alive()
            current = watcher.report()
            said = current and f"{report.verdict(current).upper()}: {current.get('headline', '')}"
            if said and said != last:
                teller.say(said)
                last = said
            time.sleep(1)


def arguments():
    parser = argparse.ArgumentParser(prog="run", description=__doc__)
    parser.add_argument("--once", action="store_true", help="unattended; exit 0 only if every step happened")
    parser.add_argument("--no-remedy", action="store_true", help="with --once: leave the remedy out, which must fail")
    parser.add_argument("conninfo", nargs="?", help="watch this server instead")
    given = parser.parse_args()
    if given.conninfo and given.once:
        parser.error("--once makes its own server: leave the connection string out")
    if given.no_remedy and not given.once:
        parser.error("--no-remedy goes with --once")
    return given


def main():
    given = arguments()
    children.exit_on_signals()
    teller = Teller()
    directory = tempfile.mkdtemp(prefix="pgvigil.run.")
    janitor = children.Janitor(directory)
    try:
        if given.conninfo:
            watch(given.conninfo, teller, directory)
        with Story(teller, directory) as story:
            if not given.once:
                interactive(story, teller)
            once(story, teller, not given.no_remedy)
        teller.say("every step happened")
        return 0
    except StepFailed as failed:
        teller.say(f"FAILED: {failed}")
        return 1
    except (pg.ServerError, RuntimeError) as error:
        print(f"run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        teller.say("stopped; everything is removed")
        return 0 if not given.once else 130
    finally:
        janitor.done()


if __name__ == "__main__":
    sys.exit(main())
