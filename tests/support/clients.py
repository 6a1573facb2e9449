"""dig and kdig, as people ask, and dnsperf, as crowds do: their output taken apart into one shape each."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field

_STATUS = re.compile(r"->>HEADER<<-.*status: (\w+)")
_FLAGS = re.compile(r"^;; flags: ([a-z ]*);", re.MULTILINE | re.IGNORECASE)
_EDE = re.compile(r"^;+ EDE: (\d+) \(([^)]*)\)(?:[:,] *)?(.*)$", re.MULTILINE)
_SECTION = re.compile(r"^;; (ANSWER|AUTHORITY) SECTION:\n(.*?)(?:\n\n|\n;;|\Z)", re.MULTILINE | re.DOTALL)


@dataclass
class Seen:
    status: str
    flags: set[str]
    answer: list[tuple[str, str, str]] = field(default_factory=list)  # owner, type, data
    authority: list[tuple[str, str, str]] = field(default_factory=list)
    ttls: list[int] = field(default_factory=list)
    ede: list[tuple[int, str]] = field(default_factory=list)
    text: str = ""
    over_tcp: bool = False

    def data(self, type: str) -> list[str]:
        return sorted(data for _, kind, data in self.answer if kind == type)


def _read(text: str) -> Seen:
    status = _STATUS.search(text)
    if not status:
        return Seen("NO ANSWER", set(), text=text)
    flags = _FLAGS.search(text)
    seen = Seen(status.group(1), set(flags.group(1).split()) if flags else set(), text=text)
    for section, lines in _SECTION.findall(text):
        for line in lines.splitlines():
            if not line.strip() or line.startswith(";"):
                continue
            owner, ttl, _, kind, data = line.split(None, 4)
            (seen.answer if section == "ANSWER" else seen.authority).append((owner, kind, data))
            seen.ttls.append(int(ttl))
    seen.ede = [(int(code), extra.strip("()' \"")) for code, _, extra in _EDE.findall(text)]
    # dig: "(TCP)" behind the server; kdig: "From ADDRESS@53(TCP)".
    seen.over_tcp = "(TCP)" in text
    return seen


def dig(server: tuple[str, int], name: str, type: str = "A", *options: str, source: str | None = None) -> Seen:
    command = ["dig", f"@{server[0]}", "-p", str(server[1]), "+tries=1", "+time=12", "+nocookie", *options]
    command += ["-b", source] if source else []
    return _run([*command, name, type])


def kdig(server: tuple[str, int], name: str, type: str = "A", *options: str, source: str | None = None) -> Seen:
    command = ["kdig", f"@{server[0]}", "-p", str(server[1]), "+retry=0", "+time=12", "+bufsize=1232", *options]
    command += ["-b", source] if source else []
    return _run([*command, name, type])


def _run(command: list[str]) -> Seen:
    ran = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    return _read(ran.stdout + ran.stderr)


_SENT = re.compile(r"^ *Queries (sent|completed|lost): +(\d+)", re.MULTILINE)
_CODES = re.compile(r"^ *Response codes: +(.*)$", re.MULTILINE)
_CODE = re.compile(r"(\w+) (\d+) \(")


@dataclass
class Report:
    """What dnsperf says at its end."""
    sent: int
    completed: int
    lost: int
    rcodes: dict[str, int]
    text: str


def dnsperf(server: tuple[str, int], questions: list[str], *options: str, rate: int, source: str,
            seconds: int = 60) -> Report:
    """Asks each of `questions` ("NAME TYPE") once, `rate` a second at most; it gives up after `seconds`."""
    command = ["dnsperf", "-s", server[0], "-p", str(server[1]), "-a", source, "-n", "1", "-l", str(seconds), "-Q", str(rate),
               "-W", *options]
    ran = subprocess.run(command, input="".join(question + "\n" for question in questions), capture_output=True, text=True,
                         timeout=seconds + 30)
    text = ran.stdout + ran.stderr
    counts = {what: int(number) for what, number in _SENT.findall(text)}
    codes = _CODES.search(text)
    if ran.returncode != 0 or counts.keys() != {"sent", "completed", "lost"}:
        raise RuntimeError(f"dnsperf ended with {ran.returncode}:\n{text}")
    rcodes = {code: int(number) for code, number in _CODE.findall(codes.group(1) if codes else "")}
    return Report(counts["sent"], counts["completed"], counts["lost"], rcodes, text)
