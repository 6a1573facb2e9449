"""A network namespace of one's own: addresses and ports that no other program on the machine sees.

The process that calls enter() goes on inside a fresh network and process namespace with `lo` up. Namespace and all
processes in it go when that process ends, however it ends. The only addresses are loopback's and those added here.
"""

from __future__ import annotations

import os
import subprocess
import sys

_MARK = "WEIR_INSIDE_NAMESPACE"


def inside() -> bool:
    return os.environ.get(_MARK) == "1" and os.getpid() == 1


def enter(arguments: list[str]) -> None:
    """Runs `python3 arguments` (what this process was started with) again inside; returns only there."""
    if not inside():
        command = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]
        if os.geteuid() != 0:
            command += ["--user", "--map-root-user"]
        os.environ[_MARK] = "1"
        sys.stdout.flush()
        os.execvp(command[0], [*command, "--", sys.executable, *arguments])
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def add_addresses(*addresses: str) -> None:
    """Plain addresses on `lo`; IPv6 without duplicate detection, so that they are usable at once."""
    if not inside():
        raise RuntimeError("addresses are added inside a namespace of our own only")
    for address in addresses:
        if ":" in address:
            command = ["ip", "-6", "addr", "replace", f"{address}/128", "dev", "lo", "nodad"]
        else:
            command = ["ip", "addr", "replace", f"{address}/32", "dev", "lo"]
        subprocess.run(command, check=True)
