"""How a stand-in ends: the engine interrupts it, or is gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

_SECONDS_BETWEEN_LOOKS = 2


async def ended(engine: int, busy: Callable[[], bool] = lambda: False) -> None:
    """Wait for the interrupt, or for the end of the process `engine`, the parent of this one, and of what is `busy` then.

    The interrupt has to wake the loop, which it does not by itself where one of gRPC's threads receives it: the engine would wait as long
    as the loop sleeps. It counts too where interrupts are ignored from the start, as in the background of a script.
    """
    interrupted = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted.set)
    while not interrupted.is_set() and (os.getppid() == engine or busy()):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(interrupted.wait(), _SECONDS_BETWEEN_LOOKS)
