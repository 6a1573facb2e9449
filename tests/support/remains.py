"""What a running daemon and its folders hold: every octet of files and memory, looked through for addresses."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from pathlib import Path

CHUNK = 16 << 20
OVERLAP = 64  # longer than any address as text

# They begin with letters that stand still, which makes the search ten times as fast.
TEXTS = (re.compile(rb"10\.53\.[0-9]{1,3}\.[0-9]{1,3}"), re.compile(rb"fd53:[0-9a-f:]{2,34}"),
         re.compile(rb"FD53:[0-9A-F:]{2,34}"))


def memory(process: int) -> Iterator[tuple[str, bytes]]:
    """What of a process's memory is there, in pieces that overlap."""
    regions: list[tuple[int, int, str]] = []
    with open(f"/proc/{process}/smaps") as smaps:
        for line in smaps:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (r)?\S* \S+ \S+ \S+ *(.*)", line)
            if head:
                at = (int(head[1], 16), int(head[2], 16), head[4]) if head[3] and not head[4].startswith("[v") else None
            elif line.startswith("Rss:") and at and int(line.split()[1]) > 0:
                regions.append(at)
    with open(f"/proc/{process}/mem", "rb", buffering=0) as mem:
        for begin, end, name in regions:
            for offset in range(begin, end, CHUNK):
                try:
                    mem.seek(offset)
                    yield name or "heap", mem.read(min(CHUNK + OVERLAP, end - offset))
                except OSError:
                    pass  # unmapped meanwhile


def files(*folders: Path) -> Iterator[tuple[str, bytes]]:
    for folder in folders:
        for path in sorted(folder.rglob("*")) if folder.is_dir() else [folder]:
            try:
                if path.is_file():
                    yield str(path), path.read_bytes()
            except FileNotFoundError:
                pass  # RocksDB's own are taken away at any moment


def addresses_in(octets: bytes, wanted: set, first_octets: bytes) -> set:
    """Those of `wanted` (in 10.53.0.0/16 and fd53::/16) in `octets`: as text, and IPv6 in binary, where all of them begin
    with `first_octets`.

    IPv4 in binary would be found by chance.
    """
    found = set()
    for pattern in TEXTS:
        for text in set(pattern.findall(octets)):
            try:
                address = ipaddress.ip_address(text.decode())
            except ValueError:
                continue
            if address in wanted:
                found.add(address)
    at = octets.find(first_octets)
    while at >= 0:
        if len(octets) >= at + 16 and (address := ipaddress.IPv6Address(octets[at:at + 16])) in wanted:
            found.add(address)
        at = octets.find(first_octets, at + 1)
    return found
