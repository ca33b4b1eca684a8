"""Ends an emulated provider when the engine interrupts it or exits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable

_SECONDS_BETWEEN_LOOKS = 2


async def ended(engine: int, busy: Callable[[], bool] = lambda: False) -> None:
    """Wait for an interrupt, or until the parent process `engine` has exited and nothing is `busy`.

    If one of gRPC's threads receives the interrupt, it does not wake the event loop by itself: the handler does. The handler also works in
    the background of a script, where interrupts are ignored by default.
    """
    interrupted = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupted.set)
    while not interrupted.is_set() and (os.getppid() == engine or busy()):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(interrupted.wait(), _SECONDS_BETWEEN_LOOKS)
