"""What a cache miss costs: weir beside the resolvers, in the same namespace as bench.py.

One NSD serves the root and three zones on addresses of their own: `plain.`, unsigned; `signed.`, each name with its own
ECDSA P-256 signature; `wild.`, signed, with nothing but a wildcard. Every name is asked once into caches that know the
delegations. Validation is on everywhere, with the two signed zones' keys as trust anchors, so that `plain.` is insecure
without a question.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import systems as peers

MISSES = {"miss": ("plain", "answer", 60_000), "miss_signed": ("signed", "secure", 20_000), "miss_wildcard": ("wild", "secure", 20_000)}
ADDRESSES = {"plain": "10.53.9.2", "signed": "10.53.9.3", "wild": "10.53.9.4"}
SECONDS = 120  # the longest that one run may take


def write_names(folder: Path, entries: int) -> None:
    """FOLDER/miss*.names, asked in this order, and entries.names for the measuring of memory."""
    source = random.Random(11)
    for workload, (zone, _, count) in MISSES.items():
        names = [f"n{number}.{zone}" for number in range(count)]
        source.shuffle(names)
        (folder / f"{workload}.names").write_text("\n".join(["first." + zone, *names]) + "\n")
    (folder / "entries.names").write_text("".join(f"e{number}.plain\n" for number in range(entries)))


def write_zones(folder: Path, entries: int) -> str:
    """The zones' files; returns the DS of the signed ones, one a line."""
    def head(zone: str) -> str:
        return f"$ORIGIN {zone}.\n$TTL 86400\n@ SOA ns host 1 3600 600 86400 300\n@ NS ns\nns A {ADDRESSES[zone]}\nfirst A 192.0.2.1\n"

    with open(folder / "root.zone", "w") as out:
        out.write("$TTL 86400\n. SOA a.root. host.root. 1 3600 600 86400 300\n. NS a.root.\na.root. A 10.53.9.1\n")
        for zone, address in ADDRESSES.items():
            out.write(f"{zone}. NS ns.{zone}.\nns.{zone}. A {address}\n")
    with open(folder / "plain.zone", "w") as out:
        out.write(head("plain"))
        out.writelines(f"n{number} A 192.0.2.{number % 250 + 1}\n" for number in range(MISSES["miss"][2]))
        out.writelines(f"e{number} A 192.0.2.{number % 250 + 1}\n" for number in range(entries))
    with open(folder / "signed.zone", "w") as out:
        out.write(head("signed"))
        out.writelines(f"n{number} A 192.0.2.{number % 250 + 1}\n" for number in range(MISSES["miss_signed"][2]))
    (folder / "wild.zone").write_text(head("wild") + "* A 192.0.2.1\n")
    return "".join(sign(folder, zone) for zone in ("signed", "wild"))


def sign(folder: Path, zone: str) -> str:
    """Signs FOLDER/ZONE.zone in place with one ECDSA P-256 key; returns its DS."""
    key = subprocess.run(["ldns-keygen", "-a", "ECDSAP256SHA256", "-k", f"{zone}."], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(["ldns-signzone", "-f", f"{zone}.signed", f"{zone}.zone", key], cwd=folder, check=True, capture_output=True)
    os.replace(folder / f"{zone}.signed", folder / f"{zone}.zone")
    fields = (folder / f"{key}.ds").read_text().split()
    return f"{zone}. IN DS {' '.join(fields[-4:])}\n"


def start_authority(folder: Path) -> subprocess.Popen:
    return peers.start_authority(folder, [peers.AUTHORITY, *ADDRESSES.values()],
                                 {".": "root.zone"} | {zone: f"{zone}.zone" for zone in ADDRESSES})


def put_misses(system, build: Path, folder: Path, anchors: str, bench, arguments, table: dict) -> None:
    """CPU microseconds a miss, of caches that are cold but for the delegations (medians of the runs)."""
    system.anchors = anchors.splitlines()
    for workload, (zone, expect, _) in MISSES.items():
        runs = []
        for _ in range(arguments.runs):
            shutil.rmtree(system.folder, ignore_errors=True)
            system.folder.mkdir()
            system.configure(None)
            system.start()
            try:
                names = folder / f"{workload}.names"
                bench.wait_answer(names, "answer")
                runs.append(bench.measure(system, build, names, expect, SECONDS, 0, "--once", "--dnssec"))
            finally:
                system.stop()
        table.setdefault(workload, {})[system.name] = bench.median([run["cpu_us"] for run in runs])
        table.setdefault(workload + "_p99_us", {})[system.name] = bench.median([run["p99_us"] for run in runs])
        table.setdefault(workload + "_lost", {})[system.name] = sum(run["lost"] for run in runs)


def put_memory(system, build: Path, folder: Path, anchors: str, bench, arguments, table: dict) -> None:
    """Octets of resident memory an RRset, over as many as --entries, each asked once."""
    shutil.rmtree(system.folder, ignore_errors=True)
    system.folder.mkdir()
    system.anchors, system.cache_mb = anchors.splitlines(), 2048
    system.configure(None)
    system.start()
    try:
        bench.wait_answer(folder / "entries.names", "answer")
        before = system.rss_kb()
        report = bench.measure(system, build, folder / "entries.names", "answer", SECONDS, 0, "--once")
        table.setdefault("rrset_bytes", {})[system.name] = round((system.rss_kb() - before) * 1024 / max(1, report["received"]))
    finally:
        system.stop()
