"""A running process whose n-th system call is its last, or fails: nth_call.cc, built when it is first wanted."""

from __future__ import annotations

import errno
import functools
import os
import subprocess
import tempfile
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "nth_call.cc"
# What changes a disk, in the order of what goes wrong there.
WRITES = ("write", "writev", "pwrite64", "pwritev", "ftruncate", "fallocate", "copy_file_range", "sendfile", "mkdir",
          "mkdirat", "link", "linkat", "rename", "renameat", "renameat2")
# Not sync_file_range: RocksDB asks by it, with nothing to sync, whether there is such a call, and asserts the answer.
SYNCS = ("fsync", "fdatasync")
REMOVALS = ("unlink", "unlinkat", "rmdir")
OPENS = ("open", "openat", "creat")
SECONDS = 60


@functools.cache
def program() -> Path:
    """In the folder of the run where there is one."""
    folder = Path(os.environ.get("WEIR_E2E_FOLDER") or tempfile.mkdtemp(prefix="weir-nth-call-"))
    built = folder / "nth_call"
    subprocess.run(["c++", "-std=c++20", "-O1", "-pthread", "-o", str(built), str(SOURCE)], check=True, timeout=120)
    return built


class NthCall:
    """Holds the process from its construction on, until stop() or the process's own end."""

    def __init__(self, process: int, calls: tuple[str, ...] = (), *, kill: int = 0, fail: int = 0, error: int = errno.EIO,
                 goes_on: bool = False, below: Path | None = None) -> None:
        """The `kill`-th or `fail`-th of `calls` (none: all) on files below `below` (None: anywhere); neither: counts.

        `goes_on`: the calls behind it fail too.
        """
        deed = ["kill", str(kill)] if kill else ["fail", str(fail), str(error), "on" if goes_on else "once"] if fail else [
            "count", "0"]
        self._process = subprocess.Popen(
            [str(program()), str(process), *deed, str(below or "-"), ",".join(calls) or "all"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self._process.stdout.readline() != "attached\n":
            self._process.kill()
            raise RuntimeError(f"process {process} cannot be held")
        self.calls, self.hit = 0, ""  # how many there were; the one that was hit, "": it did not come to it

    def stop(self) -> "NthCall":
        """Lets the process go on, where it still is."""
        out, _ = self._process.communicate(timeout=SECONDS)
        for line in out.splitlines():
            word, _, rest = line.partition(" ")
            if word == "calls":
                self.calls = int(rest)
            elif word == "hit":
                self.hit = rest
        return self
