"""Threads that help with shared loops, and find the next one by looking out for it.

A minibatch is some twenty loops of 10 to 100 us with Python in between. A library of tasks takes
5 us to hand out each (oneTBB), or has all threads meet at the end of it and stalls for milliseconds
where one of them waits for a core (OpenMP). Helpers take under 1 us, because they look at a
word of memory all the time, and nobody waits for a share that no helper has begun: whoever hands
out a loop works on it, too, and does alone what nobody else takes.

numba compiles a loop over ``prange`` to a function that runs some of its parts and a call to
``numba_parallel_for``, which the linker finds by that name; sums are kept apart for every thread
by what ``get_thread_id`` says. Loops linked once there were helpers call ``_hand_out`` and
``_thread_number`` here instead, which turn to numba's own while no helpers are at hand.
"""

from __future__ import annotations

import atexit
import ctypes
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numba
import numpy as np
from llvmlite import binding
from numba import cfunc, njit, types

from instruments.shared_words import (
    call,
    exchange_if,
    increment,
    load,
    pause,
    store,
    word_of_symbol,
)

logger = logging.getLogger(__name__)

MOST_HELPERS = 3
"""Matrices of a bench are too small for more than four cores."""

TESTED_NUMBA = ((0, 61), (0, 68))
"""First and last release of numba that has been tried; with others loops stay on one core."""

_MAILBOX = "backbeam_loop_mailbox"
_LINE = 64
"""Bytes that cores exchange at once: words written by different threads lie so far apart."""

# Places in the mailbox. A ticket is the number of the loop, how many parts it has and how many of
# them are taken (32, 16 and 16 bits): one word, so that nobody takes a part of another loop than
# the one looked at.
_HELPERS, _OWNER, _TICKET, _LOOP, _STOP, _FUNCTIONS, _SCRATCH = (
    place * _LINE for place in range(7)
)
# How many parts are done: in the line of the ticket, which comes along with it.
_DONE = _TICKET + 8
(
    _YIELD,
    _NAP,
    _FIRST_NAP,
    _LONGEST_NAP,
    _SELF,
    _SELF_BITS,
    _NUMBAS_HAND_OUT,
    _NUMBAS_THREAD_NUMBER,
) = (_FUNCTIONS + 8 * word for word in range(8))
# Behind the number of helpers: which threads they are, 0 for nobody.
_FIRST_HELPER = _HELPERS + 8
_SCRATCH_WORDS = 256
_MOST_PARTS = 1_024
_PART_BITS = 16
_PARTS = (1 << _PART_BITS) - 1

# How often a helper looks before it lets others have the core in between, and before it naps.
_EAGER_LOOKS = 4_000
_PATIENT_LOOKS = 8_000
# Naps grow with the time nothing was to be done: whoever waits for its instruments, or for a person
# to go on, disturbs nobody, and a helper comes late by a small part of that time at most.
_NAPS_OF_A_LENGTH = 8
# How often the thread that waits for helpers to end looks before it lets others have the core.
_LOOKS_FOR_END = 1_000

_mailbox = word_of_symbol(_MAILBOX)


@njit(inline="always")
def _this_thread(mailbox: int) -> int:
    """Return what the system calls this thread, never 0."""
    name: int = call(load(mailbox + _SELF), (0,)) & load(mailbox + _SELF_BITS)
    return name


@njit(inline="always")
def _run_part(loop: int, part: int, scratch: int) -> None:
    """Run one part of a loop: its kernel with arguments as many steps on as the part says."""
    kernel, arguments, sizes, steps = load(loop), load(loop + 8), load(loop + 16), load(loop + 24)
    data, inner, count = load(loop + 32), load(loop + 40), load(loop + 48)
    store(scratch, 1)
    for dimension in range(1, inner + 1):
        store(scratch + 8 * dimension, load(sizes + 8 * dimension))
    own = scratch + 8 * (inner + 1)
    for index in range(count):
        step = load(steps + 8 * index)
        store(own + 8 * index, load(arguments + 8 * index) + part * step)
    call(kernel, (own, scratch, steps, data))


@njit(inline="always")
def _take_part(mailbox: int, scratch: int) -> bool:
    """Take a part of the loop in the mailbox and run it; return False if none is left."""
    ticket = load(mailbox + _TICKET)
    part, parts = ticket & _PARTS, (ticket >> _PART_BITS) & _PARTS
    if part >= parts:
        return False
    if exchange_if(mailbox + _TICKET, ticket, ticket + 1):
        _run_part(mailbox + _LOOP, part, scratch)
        increment(mailbox + _DONE)
    return True


@njit(nogil=True, cache=True)
def _help(mailbox: int, place: int) -> None:
    """Help with every loop until told to stop."""
    own_name = mailbox + _FIRST_HELPER + 8 * place
    store(own_name, _this_thread(mailbox))
    scratch = mailbox + _SCRATCH + 8 * _SCRATCH_WORDS * (1 + place)
    looks, nap = 0, load(mailbox + _FIRST_NAP)
    while load(mailbox + _STOP) == 0:
        if _take_part(mailbox, scratch):
            looks, nap = 0, load(mailbox + _FIRST_NAP)
            continue
        looks += 1
        if looks < _EAGER_LOOKS:
            pause()
        elif looks < _PATIENT_LOOKS:
            call(load(mailbox + _YIELD), (0,))
        else:
            call(load(mailbox + _NAP), (nap,))
            if (looks + 1) % _NAPS_OF_A_LENGTH == 0:
                nap = min(2 * nap, load(mailbox + _LONGEST_NAP))
    # The next thread may be given the same name.
    store(own_name, 0)


def _hand_out(
    kernel: int,
    arguments: int,
    sizes: int,
    steps: int,
    data: int,
    inner: int,
    count: int,
    threads: int,
) -> None:
    """Do what ``numba_parallel_for`` does: run a kernel over ``sizes[0]`` parts.

    Parameters
    ----------
    kernel, arguments, sizes, steps, data
        Addresses: the function, its ``count`` pointers, the number of parts and the ``inner`` sizes
        after it, how many bytes each pointer moves on from part to part, and what it takes besides.
    threads
        How many threads numba would use.
    """
    mailbox = _mailbox()
    parts = load(sizes)
    words = inner + 1 + count
    if load(mailbox + _HELPERS) == 0 or parts > _MOST_PARTS or words > _SCRATCH_WORDS:
        own = load(mailbox + _NUMBAS_HAND_OUT)
        call(own, (kernel, arguments, sizes, steps, data, inner, count, np.int64(threads)))
        return
    # Of two threads, or of a loop and the loop within it, one does without helpers. So does a loop
    # with room for the sums of fewer threads.
    alone = parts < 2 or threads <= load(mailbox + _HELPERS)
    if alone or not exchange_if(mailbox + _OWNER, 0, _this_thread(mailbox)):
        call(kernel, (arguments, sizes, steps, data))
        return
    loop = mailbox + _LOOP
    store(loop, kernel)
    store(loop + 8, arguments)
    store(loop + 16, sizes)
    store(loop + 24, steps)
    store(loop + 32, data)
    store(loop + 40, inner)
    store(loop + 48, count)
    store(mailbox + _DONE, 0)
    number = (load(mailbox + _TICKET) >> (2 * _PART_BITS)) + 1
    # The first part is this thread's, so that a core meets the same rows in every loop.
    store(mailbox + _TICKET, (number << (2 * _PART_BITS)) | (parts << _PART_BITS) | 1)
    _run_part(loop, 0, mailbox + _SCRATCH)
    increment(mailbox + _DONE)
    while _take_part(mailbox, mailbox + _SCRATCH):
        pass
    looks = 0
    while load(mailbox + _DONE) < parts:
        looks += 1
        if looks < _LOOKS_FOR_END:
            pause()
        else:
            call(load(mailbox + _YIELD), (0,))
    store(mailbox + _OWNER, 0)


def _thread_number() -> int:
    """Do what ``get_thread_id`` does: say where a thread keeps its part of a sum."""
    mailbox = _mailbox()
    this = _this_thread(mailbox)
    if this == load(mailbox + _OWNER):
        return 0
    for place in range(MOST_HELPERS):
        if this == load(mailbox + _FIRST_HELPER + 8 * place):
            return place + 1
    # Threads that numba does not know have a negative number with some of its schedulers.
    return max(int(np.int32(call(load(mailbox + _NUMBAS_THREAD_NUMBER), (0,)))), 0)


def knows_numba() -> bool:
    """Whether the release of numba is one whose loops are known to be handed out as here."""
    release = tuple(int(number) for number in numba.__version__.split(".")[:2])
    return TESTED_NUMBA[0] <= release <= TESTED_NUMBA[1]


class LoopHelpers:
    """The helpers of this process: all its compiled loops are linked to one mailbox.

    Attributes
    ----------
    at_hand
        How many helpers there are now.
    """

    def __init__(self) -> None:
        self.at_hand = 0
        self._users: set[object] = set()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._words = np.zeros(0, np.int64)
        self._mailbox = 0
        self._linked: tuple[Any, ...] = ()

    @contextmanager
    def helping(self, count: int) -> Iterator[None]:
        """Have helpers at hand within the ``with`` block.

        Parameters
        ----------
        count
            How many, ``MOST_HELPERS`` at most. Whoever comes while there are some shares those;
            the last one to leave sends them away.
        """
        if count <= 0:
            yield
            return
        user, threads_of_numba = object(), None
        try:
            with self._lock:
                self._users.add(user)
                if len(self._users) == 1:
                    self._bring(min(count, MOST_HELPERS))
            if self.at_hand:
                # Or loops had as many parts as there are cores, most of them empty.
                threads_of_numba = numba.get_num_threads()
                numba.set_num_threads(min(threads_of_numba, 1 + self.at_hand))
            yield
        finally:
            if threads_of_numba is not None:
                numba.set_num_threads(threads_of_numba)
            with self._lock:
                self._users.discard(user)
                if not self._users:
                    self._send_away()

    def _bring(self, count: int) -> None:
        # After an interruption some may still be there.
        self._send_away()
        if not self._linked and not self._link():
            return
        # Compiled code is gone at the end of the interpreter, whoever is still in it.
        atexit.register(self._send_away)
        self._write(_STOP, 0)
        for place in range(count):
            helper = threading.Thread(
                target=_help,
                args=(self._mailbox, place),
                name=f"loop helper {place + 1}",
                daemon=True,
            )
            self._threads.append(helper)
            try:
                helper.start()
            except RuntimeError as error:
                logger.info("%s does not come: %s", helper.name, error)
                self._threads.remove(helper)
                break
        self.at_hand = len(self._threads)
        self._write(_HELPERS, self.at_hand)

    def _send_away(self) -> None:
        self.at_hand = 0
        if not self._threads:
            return
        self._write(_HELPERS, 0)
        self._write(_STOP, 1)
        while self._threads:
            helper = self._threads[-1]
            if helper.ident is not None:
                helper.join()
            self._threads.pop()
        atexit.unregister(self._send_away)

    def _write(self, place: int, word: int) -> None:
        ctypes.c_int64.from_address(self._mailbox + place).value = word

    def _link(self) -> bool:
        """Have loops linked from now on call ``_hand_out``; return whether that is possible."""
        if not knows_numba() or sys.maxsize < 2**32:
            logger.info("loops stay on one core: numba %s is not known here", numba.__version__)
            return False
        words = (_SCRATCH + _LINE) // 8 + (1 + MOST_HELPERS) * _SCRATCH_WORDS
        self._words = np.zeros(words, np.int64)
        self._mailbox = -(-self._words.ctypes.data // _LINE) * _LINE
        numba.get_num_threads()  # Has numba name its own functions to the linker.
        self._write(_NUMBAS_HAND_OUT, binding.address_of_symbol("numba_parallel_for"))
        self._write(_NUMBAS_THREAD_NUMBER, binding.address_of_symbol("get_thread_id"))
        if sys.platform == "win32":
            system = ctypes.WinDLL("kernel32")
            functions = system.SwitchToThread, system.Sleep, system.GetCurrentThreadId
            # Milliseconds.
            naps, bits = (1, 16), 2**32 - 1
        else:
            system = ctypes.CDLL(None)
            functions = system.sched_yield, system.usleep, system.pthread_self
            # Microseconds.
            naps, bits = (100, 12_800), -1
        for place, function in zip((_YIELD, _NAP, _SELF), functions, strict=True):
            self._write(place, ctypes.cast(function, ctypes.c_void_p).value or 0)
        self._write(_FIRST_NAP, naps[0])
        self._write(_LONGEST_NAP, naps[1])
        self._write(_SELF_BITS, bits)
        binding.add_symbol(_MAILBOX, self._mailbox)
        _help.compile((types.int64, types.int64))
        hand_out = cfunc(types.void(*[types.int64] * 7, types.int32), cache=True)(_hand_out)
        thread_number = cfunc(types.int64(), cache=True)(_thread_number)
        binding.add_symbol("numba_parallel_for", hand_out.address)
        binding.add_symbol("get_thread_id", thread_number.address)
        self._linked = (hand_out, thread_number)
        return True


@cache
def loop_helpers() -> LoopHelpers:
    """Return the helpers of this process."""
    return LoopHelpers()
