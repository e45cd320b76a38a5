from __future__ import annotations

import threading
import time

from athena_lab.wasm.watchdog import Watchdog


def test_actions_come_in_the_order_of_their_times():
    watchdog, done, order = Watchdog(), threading.Event(), []
    now = time.monotonic()
    watchdog.at(now + 0.03, lambda: (order.append("late"), done.set()))
    watchdog.at(now + 0.01, lambda: order.append("early"))
    watchdog.at(now - 1.0, lambda: order.append("past"))
    assert done.wait(5)
    watchdog.close()
    assert order == ["past", "early", "late"]


def test_closing_forgets_what_is_pending():
    watchdog, called = Watchdog(), threading.Event()
    watchdog.at(time.monotonic() + 600, called.set)
    watchdog.close()
    watchdog.close()
    assert not called.is_set()
