"""Files and folders of the stores: private, never through a foreign link, whole or not at all.

A workspace may have been unpacked from anywhere, so a link in it is not a way out of it: below its root, a
store resolves names one by one in a folder that is held open, and opens regular files only. What a store
replaces, it replaces by rename, under a lock that other processes respect for a bounded time.

This module knows neither records nor artifacts.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self

from contexta.errors import StoreAccessError
from contexta.folders import FOLDER_MODE, make_private

FILE_MODE: Final = 0o600

_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE_FLAGS: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_TEMPORARY: Final = ".write.tmp"
_FIRST_WAIT_SECONDS: Final = 0.000_2
_LONGEST_WAIT_SECONDS: Final = 0.01

_ODD: Final = re.compile(r"[^A-Za-z0-9._-]+")

write = os.write
sync = os.fsync


def safe_name(text: str) -> str:
    """Return a reference as the part of a file name (format specification, section 1).

    The colon becomes two underscores, any run of other odd characters one; points and underscores at the ends
    are cut off. The result has no slash and is never ``.`` or ``..``; it may be empty.
    """
    return _ODD.sub("_", text.replace(":", "__")).strip("._")


class Folder:
    """A folder that is held open; a context manager that closes it.

    Attributes:
        fd: Its descriptor.
        path: Where it was when it was opened, for messages.
    """

    def __init__(self, fd: int, path: Path) -> None:
        self.fd = fd
        self.path = path

    @classmethod
    def open(cls, root: Path, *names: str, create: bool = False) -> Self:
        """Open a folder below a root.

        Args:
            root: May itself be a link; the user put it there.
            names: Names below it, each of which must be a real folder.
            create: Make what is missing, readable by the user only.

        Raises:
            OSError: It is not there, not a folder, behind a link, or may not be opened.
        """
        if create:
            make_private(root)
        fd = os.open(root, _FOLDER_FLAGS)
        path = root
        try:
            for name in names:
                path /= name
                below = _open_below(fd, name, create=create)
                os.close(fd)
                fd = below
        except BaseException:
            os.close(fd)
            raise
        return cls(fd, path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def open_file(self, name: str, flags: int = os.O_RDONLY) -> int:
        """Open a regular file in it and return the descriptor.

        Raises:
            OSError: It is not there, no regular file (a link, pipe or device), or may not be opened.
        """
        fd = os.open(name, flags | _FILE_FLAGS, FILE_MODE, dir_fd=self.fd)
        try:
            require_regular(os.fstat(fd).st_mode, self.path / name)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def read(self, name: str, limit: int) -> bytes:
        """Return the content of a file.

        Raises:
            OSError: As `open_file`; also when it is larger than ``limit`` bytes.
        """
        with os.fdopen(self.open_file(name), "rb") as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise OSError(errno.EFBIG, f"larger than {limit} bytes", str(self.path / name))
        return data

    def names(self) -> list[str]:
        """Return the names in it, sorted."""
        return sorted(os.listdir(self.fd))  # noqa: PTH208 - a descriptor, not a path

    def has(self, name: str) -> bool:
        """Tell whether there is anything of that name, a link that leads nowhere included."""
        try:
            os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def replace(self, name: str, data: bytes, *, durable: bool) -> None:
        """Give a file new content, so that a reader sees the old or the new but nothing in between.

        Only one writer at a time may do this in a folder; the caller holds a lock.

        Args:
            name: The file.
            data: Its content.
            durable: Wait until it is on the disk.

        Raises:
            OSError: It could not be written; what was there before is there still.
        """
        self.remove(_TEMPORARY)
        fd = self.open_file(_TEMPORARY, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            try:
                write_all(fd, data)
                if durable:
                    sync(fd)
            finally:
                os.close(fd)
            os.rename(_TEMPORARY, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        except BaseException:
            self.remove(_TEMPORARY)
            raise
        if durable:
            sync(self.fd)

    def remove(self, name: str) -> None:
        """Remove a name; that it is not there is fine."""
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.fd)


@contextmanager
def locked(folder: Folder, name: str, *, timeout_seconds: float, code: str) -> Iterator[None]:
    """Hold an advisory lock against other processes and other threads.

    The lock file stays where it is: whoever removed it would lock another file than the one who waits.

    Args:
        folder: Where the lock file is, or is made.
        name: Its name.
        timeout_seconds: How long to wait for someone else.
        code: The error's code.

    Raises:
        StoreAccessError: With ``code`` when someone else held the lock all the time; trying again may help.
        OSError: The lock file cannot be opened.
    """
    # Opened anew each time: a descriptor that is kept would be shared with forked children, and the lock too.
    fd = folder.open_file(name, os.O_RDWR | os.O_CREAT)
    try:
        _wait_for_lock(fd, folder.path / name, timeout_seconds, code)
        try:
            yield
        finally:
            fcntl.flock(fd, fcntl.LOCK_UN)
    finally:
        os.close(fd)


def _wait_for_lock(fd: int, path: Path, timeout_seconds: float, code: str) -> None:
    deadline = time.monotonic() + timeout_seconds
    wait = _FIRST_WAIT_SECONDS
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise StoreAccessError(
                    f"Another process has held {path} for {timeout_seconds:g} s. Nothing was written; try"
                    " again when it is done.",
                    code=code,
                    details={"path": str(path), "timeout_seconds": timeout_seconds},
                    retryable=True,
                    cause=error,
                ) from error
            time.sleep(wait)
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
        else:
            return


@contextmanager
def scratch(parent: Path | None, prefix: str) -> Iterator[Path]:
    """Make a private folder, and remove it with all that is in it.

    Unlike `tempfile.TemporaryDirectory` it never fails for what cannot be removed.

    Args:
        parent: Where; the system's folder for temporary files when None.
        prefix: How its name begins.

    Raises:
        OSError: It cannot be made.
    """
    folder = tempfile.mkdtemp(prefix=prefix, dir=parent)
    try:
        yield Path(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_all(fd: int, data: bytes) -> None:
    """Write bytes to a new file that nobody else writes to.

    Raises:
        OSError: Not all of them could be written.
    """
    rest = memoryview(data)
    while rest:
        rest = rest[write(fd, rest) :]


def require_regular(mode: int, path: Path) -> None:
    """Refuse what is no regular file.

    Raises:
        OSError: ``EINVAL``.
    """
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def is_link_error(error: OSError) -> bool:
    """Tell whether opening failed because of a link, a pipe or another kind of file than a regular one."""
    return error.errno in (errno.ELOOP, errno.ENOTDIR, errno.EINVAL, errno.EISDIR, errno.ENXIO)


def _open_below(fd: int, name: str, *, create: bool) -> int:
    if create:
        with suppress(FileExistsError):
            os.mkdir(name, FOLDER_MODE, dir_fd=fd)
    return os.open(name, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=fd)
