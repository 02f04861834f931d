#!/usr/bin/python3
"""The founding incident, told to a real Alertmanager cluster of three: its receiver hears of it once, and of its end
once. Each step of ./run --once happens here too; only what is told goes through the cluster."""

import os
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)
sys.dont_write_bytecode = True

from tests.e2e import founding_incident  # noqa: E402
from tests.lib import alertmanager, children  # noqa: E402

LINGER = 75.0  # seconds in which whatever is told twice would have come: longer than a group's interval


class Story(founding_incident.Story):
    cluster = None
    resolved_within = founding_incident.RESOLVE_DEADLINE + 90  # a group's interval, and the members' turns

    def receivers(self):
        self.cluster = alertmanager.Cluster(self.directory, self.receiver.url("/webhook"), alertmanager.PATIENT)
        self.cluster.start()
        return [{"name": "cluster", "kind": "alertmanager", "urls": self.cluster.urls}]

    def told_in_chat(self):
        """The cluster's receiver is the only one."""

    def __exit__(self, *_):
        super().__exit__()
        if self.cluster is not None:
            self.cluster.stop()


def main():
    children.exit_on_signals()
    teller = founding_incident.Teller()
    with tempfile.TemporaryDirectory(prefix="pgvigil.e2e.") as directory, Story(teller, directory) as story:
        try:
            founding_incident.once(story, teller, remedy=True)
        except founding_incident.StepFailed as failed:
            teller.say(f"FAILED: {failed}")
            return 1
        time.sleep(LINGER)
        told = [(m.status, sorted({a["labels"]["alertname"] for a in m.json["alerts"]}))
                for m in story.receiver.messages]
    teller.say(f"the cluster told: {told}")
    if [status for status, _ in told] != ["firing", "resolved"] or told[0][1] != told[1][1]:
        teller.say("FAILED: expected one message of the incident and one of its end")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
