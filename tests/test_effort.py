"""What a rest is measured by does not grow while the process is stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from contexta.effort import Effort

_STOPPED_S = 1.0
_SCRIPT = """
import os, signal
from contexta.effort import Effort
effort = Effort()
os.kill(os.getpid(), signal.SIGSTOP)
print(effort.seconds)
"""


def test_a_stop_in_the_middle_does_not_count() -> None:
    with subprocess.Popen([sys.executable, "-c", _SCRIPT], stdout=subprocess.PIPE, text=True) as process:
        assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
        time.sleep(_STOPPED_S)
        process.send_signal(signal.SIGCONT)
        answer, _ = process.communicate(timeout=30)
    assert 0 <= float(answer) < _STOPPED_S / 2


def test_work_counts() -> None:
    effort = Effort()
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    assert effort.seconds >= 0.05
