"""The control protocol (zones/link/control.h), as far as tests speak it themselves."""

from __future__ import annotations

import json
import socket
from pathlib import Path


class Refused(Exception):
    def __init__(self, error: dict) -> None:
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.code = error.get("code")


def request(path: Path, verb: str, timeout: float = 60, **arguments):
    """The result of one request; progress lines are skipped. Raises Refused, OSError."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(timeout)
        stream.connect(str(path))
        stream.sendall(json.dumps({"verb": verb, "args": arguments, "who": "test"}).encode() + b"\n")
        with stream.makefile("rb") as lines:
            for line in lines:
                reply = json.loads(line)
                if "progress" in reply:
                    continue
                if reply.get("ok"):
                    return reply.get("result")
                raise Refused(reply["error"])
    raise ConnectionError(f"{path}: closed without an answer to {verb}")
