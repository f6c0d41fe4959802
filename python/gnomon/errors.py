# SPDX-License-Identifier: Apache-2.0
"""What goes wrong, one class for each kind of error of the library.

Each is also the built-in exception that fits: ``except ValueError`` catches an ArgumentError. The codes are those of
the command; ``gnomon explain E031`` says more.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own takes as long to import as the rest of the package
if TYPE_CHECKING:
    from typing import Any


def _describe(error: BaseException, code: str, kind: str, hint: str) -> None:
    error.code = code  # type: ignore[attr-defined]
    error.kind = kind  # type: ignore[attr-defined]
    error.hint = hint  # type: ignore[attr-defined]
    if hint:
        error.add_note(f"hint: {hint}")


class Error(Exception):
    """Every failure that the library reports.

    ``message`` says what was found and what was expected, ``hint`` what to do (it may be empty), ``code`` is stable.
    """

    code: str
    kind: str
    hint: str

    def __init__(self, message: str, *, code: str = "E001", kind: str = "internal_error", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        _describe(self, code, kind, hint)

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.code, self.kind, self.hint)


def _rebuild(error: type[Error], message: str, code: str, kind: str, hint: str) -> Error:
    return error(message, code=code, kind=kind, hint=hint)


class ArgumentError(Error, ValueError):
    """The caller passed something wrong."""


class ShapeError(ArgumentError):
    """An array has another shape than expected."""


class FileError(Error, OSError):
    """A file is missing, short, corrupt or of another version. The message names the path."""


class NotFoundError(FileError, FileNotFoundError):
    """A file, folder, model or run does not exist where it was looked for."""


class UnsupportedError(Error, NotImplementedError):
    """The build, the machine or this version lacks it."""


class IncompatibleError(Error):
    """A run directory or artefact was written by another version or for another model."""


class NumericError(Error, ArithmeticError):
    """Numbers went bad: NaN, divergence, a variance of zero where one is needed."""


class CheckError(Error):
    """An identity that follows from a number's definition does not hold, or an edit changed nothing."""


class OutOfResourcesError(Error, MemoryError):
    """Not enough memory or disk for what was asked."""


class InternalError(Error, RuntimeError):
    """A mistake of Gnomon itself."""


class Interrupted(KeyboardInterrupt):
    """A call was stopped although Python raised nothing: a Ctrl-C that another thread's call stopped for too."""

    def __init__(self, message: str, *, code: str = "E070", kind: str = "interrupted", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        _describe(self, code, kind, hint)
