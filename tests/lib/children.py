"""Child processes that never outlive the script that started them, however it ends."""

import os
import pwd
import shutil
import signal
import subprocess

SETPRIV = "/usr/bin/setpriv"


def unprivileged_user():
    """PostgreSQL refuses to run as root: the user it gets then, or None when we are not root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise SystemExit("no unprivileged user to run PostgreSQL as\nhint: create one: useradd --system postgres")


def bound(command, user=None, signal_name="TERM"):
    """The command line that runs `command` so that it gets `signal_name` when its parent dies.

    setpriv arms the signal after it changed the user (a change of user disarms it); the shell then looks
    whether the parent died in between. Both replace themselves: the process id stays that of `command`.
    The kernel's "parent" is the thread that forked: start long-lived children from the main thread.
    """
    line = [SETPRIV, "--pdeathsig", signal_name]
    if user is not None:
        line += [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    guard = 'test "$PPID" = "$0" && exec "$@"'
    return line + ["/bin/sh", "-c", guard, str(os.getpid())] + [str(word) for word in command]


def stop(process, first=signal.SIGTERM, patience=5.0):
    """Ends one child by its id: asks, waits, then kills. Safe to call twice."""
    if process is None or process.poll() is not None:
        return
    for how, seconds in ((first, patience), (signal.SIGKILL, patience)):
        try:
            process.send_signal(how)
            process.wait(seconds)
            return
        except subprocess.TimeoutExpired:
            continue


class Janitor:
    """Removes a directory when this process is gone, even by kill -9.

    A shell in a session of its own reads a pipe of which we hold the only other end; end of file means that
    we are gone. Removing is tried for a while: a server that was told to quit may still be writing.
    """

    def __init__(self, directory):
        self.directory = directory
        script = 'read -r _; for _ in 1 2 3 4 5 6 7 8; do rm -rf -- "$0" 2>/dev/null && exit; sleep 1; done'
        self.process = subprocess.Popen(["/bin/sh", "-c", script, directory], stdin=subprocess.PIPE, cwd="/",
                                        start_new_session=True, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)

    def done(self):
        shutil.rmtree(self.directory, ignore_errors=True)
        if self.process.stdin and not self.process.stdin.closed:
            self.process.stdin.close()
        self.process.wait()


def exit_on_signals():
    """Turns SIGTERM and SIGHUP into SystemExit, so that every `with` and `finally` runs; Ctrl-C stays what it is."""
    def leave(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored when a shell started us with &
