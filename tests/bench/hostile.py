#!/usr/bin/env python3
"""Lists that were made to hurt: what the sidecar makes of each, how long a line takes and how far its memory grows.

    python3 tests/bench/hostile.py                    4 MB of each, to see that it runs
    python3 tests/bench/hostile.py --megabytes 500    what issue 5 asks for: at most 300 MB more, at most 10 us a line

Each shape is a list of its own, imported by a sidecar of its own. It ends in counted buckets, whose sum is the lines, or in
a refusal with a reason. Writes build/hostile.json. Every process started here is ended here, by its id.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Callable, Iterator

from scale import ROOT, Scale

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
GROWTH_MB = 300
MICROSECONDS_A_LINE = 10.0
OCTETS_OF_A_LONG_LINE = 50


def base36(number: int) -> str:
    out = ""
    while True:
        out = ALPHABET[number % 36] + out
        number //= 36
        if number == 0:
            return out


def garbage(number: int, source: random.Random) -> bytes:
    return source.randbytes(source.randint(1, 200)).replace(b"\0", b"x") + b"\n"


# What each makes of a line's number. The first lines say what the list claims to be.
SHAPES: dict[str, tuple[str, bytes, Callable[[int, random.Random], bytes]]] = {
    "short_names": ("", b"", lambda i, _: f"{base36(i)}.x\n".encode()),
    "one_name": ("", b"", lambda i, _: b"a.example\n"),
    "deep_names": ("", b"", lambda i, _: (".".join(base36(i)) + ".a" * 100 + "\n").encode()),
    "one_name_many_conditions": ("", b"! adblock\n", lambda i, _: f"||a.example^$denyallow={base36(i)}.a.example\n".encode()),
    "many_conditions": ("", b"! adblock\n", lambda i, _: f"||{base36(i)}.example^$dnstype=A|AAAA|TYPE{i % 60000}\n".encode()),
    "long_conditions": ("", b"! adblock\n", lambda i, _: f"||{base36(i)}.example^$denyallow={'|'.join(f'n{k}.{base36(i)}.example' for k in range(1500))}\n".encode()),
    "cancelled": ("", b"||a.example^\n||b.example^\n", lambda i, _: f"||{base36(i)}.example^$badfilter\n".encode()),
    "patterns": ("", b"||a.example^\n", lambda i, _: f"/^{base36(i)}(a|b)*c+[0-9]{{1,30}}$/\n".encode()),
    "globs": ("", b"||a.example^\n", lambda i, _: f"||{base36(i)}*x*y*z.example^\n".encode()),
    "redirects": ("", b"", lambda i, _: f'local-zone: "{base36(i)}.example" redirect\n'.encode()),
    "garbage": ("", b"||a.example^\n" * 30, garbage),
    "long_lines": ("", b"||a.example^\n", lambda i, _: b"x" * 70_000 + b"\n"),
    "hosts_of_many_names": ("", b"", lambda i, _: b"0.0.0.0 " + b" ".join(f"{base36(i * 40 + k)}.h".encode() for k in range(40)) + b"\n"),
    "addresses": ('kind = "address"', b"", lambda i, _: f"{1 + i % 9}.{i >> 18 & 255}.{i >> 10 & 255}.{i >> 2 & 255}\n".encode()),
    "zone_of_answers": ('kind = "rpz"', b"$TTL 60\n@ SOA a. b. 1 2 3 4 5\n",
                        lambda i, _: f'{base36(i)} TXT "{base36(i)} and some more of what is to be kept"\n'.encode()),
    "zone_of_prefixes": ('kind = "rpz"', b"$TTL 60\n@ SOA a. b. 1 2 3 4 5\n",
                         lambda i, _: f"32.{i & 255}.{i >> 8 & 255}.{i >> 16 & 255}.10.rpz-client-ip CNAME rpz-drop.\n".encode()),
}


def lines_of(shape: str) -> Iterator[bytes]:
    _, first, make = SHAPES[shape]
    yield first
    source = random.Random(5)
    number = 0
    while True:
        yield make(number, source)
        number += 1


def write(path: Path, shape: str, octets: int) -> int:
    """The list, and how many lines it has."""
    written = lines = 0
    with open(path, "wb", buffering=1 << 20) as out:
        for line in lines_of(shape):
            out.write(line)
            written += len(line)
            lines += line.count(b"\n")
            if written >= octets:
                return lines


def measure(scale: Scale, shape: str, lines: int) -> dict[str, object]:
    before = scale.status_kb("VmRSS") / 1000
    scale.forget_peak()
    cpu = scale.cpu_seconds()
    ran = subprocess.run([str(scale.build / "tools" / "weir"), "--config", str(scale.config), "list", "update", shape, "--json"],
                         capture_output=True, text=True, timeout=scale.patience)
    if scale.sidecar.poll() is not None:
        raise RuntimeError(f"{shape}: the sidecar has ended\n{(scale.folder / 'sidecar.log').read_text()[-2000:]}")
    figures = {"lines": lines, "growth_mb": scale.status_kb("VmHWM") / 1000 - before,
               "us_a_line": (scale.cpu_seconds() - cpu) * 1e6 / lines}
    if ran.returncode == 0:
        report = json.loads(ran.stdout)
        buckets = {name: count for name, count in report["buckets"].items() if count}
        if sum(buckets.values()) != report["lines"]:
            raise RuntimeError(f"{shape}: {buckets} are not {report['lines']} lines")
        return figures | {"end": " ".join(f"{name} {count}" for name, count in buckets.items())}
    return figures | {"end": f"refused ({ran.returncode}): " + (ran.stderr or ran.stdout).strip()[-160:]}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=4)
    parser.add_argument("--only", nargs="*", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--folder", type=Path, help="where the lists and the store are made; default: a temporary one")
    options = parser.parse_args()
    subprocess.run(["ninja", "-C", str(options.build), "--quiet", "weir-sidecar", "weir"], check=True)
    folder = Path(tempfile.mkdtemp(prefix="weir-hostile-", dir=options.folder))
    figures = {}
    bad = 0
    try:
        for shape in options.only:
            scale = Scale(folder / shape, options.build, {shape: SHAPES[shape][0]}, 900)
            scale.start()
            try:
                scale.wait_for("1 in force")
                lines = write(scale.folder / "made", shape, options.megabytes * 1_000_000)
                (scale.folder / "made").rename(scale.sources / f"{shape}.list")
                figures[shape] = measure(scale, shape, lines)
            finally:
                scale.stop()
                shutil.rmtree(scale.folder, ignore_errors=True)
            row = figures[shape]
            # A line as long as many others is measured as that many.
            longer = max(1.0, options.megabytes * 1e6 / row["lines"] / OCTETS_OF_A_LONG_LINE)
            kept = row["growth_mb"] <= GROWTH_MB and row["us_a_line"] <= MICROSECONDS_A_LINE * longer
            bad += not kept
            print(f"{shape:25} {row['lines']:>10} lines {row['growth_mb']:7.0f} MB {row['us_a_line']:8.2f} us a line  "
                  f"{'' if kept else 'TOO MUCH  '}{row['end']}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    (options.build / "hostile.json").write_text(json.dumps({"megabytes": options.megabytes} | figures, indent=1))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
