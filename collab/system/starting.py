"""Ctrl-C while a command's modules are imported, which takes a second or two: it ends the command as at any later moment.

What is imported before `stop_quietly_while_starting` is called has no such end. So this module imports only what Python has loaded before
it runs any code: ``signal`` is a file that needs others, and so is ``__future__``; ``_signal`` is the part of Python that it names.
"""

import _signal  # type: ignore[import-not-found]
import os
import sys

INTERRUPTED = 130
"""Exit status of a command that Ctrl-C has stopped, as shells know it."""


def stop_quietly_while_starting(package: str) -> None:
    """Has Ctrl-C end this process with a line and status 130, if it was started to run one of the package's commands.

    A package calls this before it imports anything else; `begin` ends it. Where Python code imports the package, nothing changes. Modules
    that are being imported lose a KeyboardInterrupt now and then, and cannot be imported again: so none is raised.
    """
    if _starts_command_of(package) and _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _stop)


def begin() -> None:
    """Has Ctrl-C raise KeyboardInterrupt from now on, as there is something to keep or to take back."""
    if _signal.getsignal(_signal.SIGINT) is _stop:
        _signal.signal(_signal.SIGINT, _interrupt)


def is_interrupted_import(error: BaseException) -> bool:
    """Tells whether an error is what became of Ctrl-C in a module that was being imported: some raise another one in its place."""
    traceback = error.__traceback__
    while _Interrupts.heard and traceback is not None:
        if traceback.tb_frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        traceback = traceback.tb_next
    return False


class _Interrupts:
    """Whether Ctrl-C was pressed since the command began."""

    heard = False


def _starts_command_of(package: str) -> bool:
    program = sys.argv[0] if sys.argv else ""
    if program != "-m":
        # The console script, which Windows calls syncnas.exe or syncnas-script.py.
        return package == "syncnas" and program.replace("\\", "/").rpartition("/")[2].partition(".")[0].removesuffix("-script") == package
    # While Python looks for the module that it was told to run, what follows -m stands nowhere else.
    words = sys.orig_argv
    return "-m" in words[:-1] and words[words.index("-m") + 1].partition(".")[0] == package


def _interrupt(number: int, frame: object) -> None:
    _Interrupts.heard = True
    _signal.default_int_handler(number, frame)


def _stop(*_: object) -> None:
    os.write(2, b"Stopped.\n")
    os._exit(INTERRUPTED)
