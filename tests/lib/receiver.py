"""A webhook receiver: what arrived, when, in the sender's own words."""

import http.server
import json
import threading
import time


class Message:
    """One POST. at: UTC seconds of arrival; after(t): seconds since a monotonic moment."""

    def __init__(self, path, body):
        self.at = time.time()
        self.monotonic = time.monotonic()
        self.path = path
        self.body = body
        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = None

    def after(self, moment):
        return self.monotonic - moment

    @property
    def status(self):
        """firing or resolved, of the generic form; a chat message has none."""
        return self.json.get("status", "") if isinstance(self.json, dict) else ""

    @property
    def is_event(self):
        """What happened, told once to the channel: it pages nobody."""
        alerts = self.json.get("alerts", []) if isinstance(self.json, dict) else []
        return bool(alerts) and all(a.get("labels", {}).get("role") == "event" for a in alerts)

    @property
    def text(self):
        """All that a person would read, line by line."""
        return "\n".join(strings(self.json)) if self.json is not None else self.body

    def record(self):
        return {"at": self.at, "path": self.path, "body": self.json if self.json is not None else self.body}


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def chat_text(message):
    """A Slack message as it reads on the screen."""
    if not isinstance(message.json, dict):
        return message.text
    lines = []

    def walk(value):
        if isinstance(value, dict):
            if isinstance(value.get("text"), str) and value.get("type") in ("mrkdwn", "plain_text"):
                lines.append(value["text"])
                return
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(message.json.get("blocks", []))
    walk(message.json.get("attachments", []))
    text = "\n".join(lines) or message.json.get("text", "") or message.text
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


class Receiver:
    """Listens on a free port of 127.0.0.1 and keeps every POST; also as JSON lines in `record_to`."""

    def __init__(self, record_to=None, port=0):
        self.messages = []
        self.record_to = record_to
        self.changed = threading.Condition()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 20

            def do_POST(self):  # pylint: disable=invalid-name
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                receiver.take(Message(self.path, body.decode("utf-8", "replace")))
                self.send_response(200)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *_):  # pylint: disable=arguments-differ
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):  # a sender may be killed while it is answered
                pass

        self.server = Server(("127.0.0.1", port), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def take(self, message):
        with self.changed:
            self.messages.append(message)
            if self.record_to:
                with open(self.record_to, "a", encoding="utf-8") as record:
                    record.write(json.dumps(message.record()) + "\n")
            self.changed.notify_all()

    def url(self, path):
        return f"http://127.0.0.1:{self.server.server_address[1]}{path}"

    def wait(self, wanted, timeout, start=0, meanwhile=None):
        """The first message from index `start` on that `wanted` accepts, or None after `timeout` seconds.

        meanwhile: called about twice a second; what it raises ends the wait.
        """
        deadline = time.monotonic() + timeout
        seen = start
        while True:
            with self.changed:
                for message in self.messages[seen:]:
                    if wanted(message):
                        return message
                seen = len(self.messages)
                left = deadline - time.monotonic()
                if left <= 0:
                    return None
                self.changed.wait(min(left, 0.5))
            if meanwhile is not None:
                meanwhile()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
