"""Start a program with standard input as its controlling terminal.

Run as a script by `tests.terminal`, in a new session. It exists so that the driver needs neither `pty.fork`
(which warns in a process with threads) nor `preexec_fn` (which may deadlock in one).
"""

import fcntl
import os
import signal
import sys
import termios


def main() -> None:
    """Take standard input as controlling terminal and become the program in `sys.argv`."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGINT, signal.SIGQUIT):
        # A shell lets what it starts in the background ignore these, and all below inherit that.
        signal.signal(number, signal.SIG_DFL)
    program, *_ = arguments = sys.argv[1:]
    try:
        os.execvp(program, arguments)  # noqa: S606  # a test starts what it names, without a shell
    except OSError as error:
        sys.exit(f"cannot start {program}: {error.strerror}")


if __name__ == "__main__":
    main()
