#!/usr/bin/env python3
"""tests/fuzz/make_corpus.py [-t TARGET]... [PATH...]: makes tests/fuzz/corpus anew, small; of some targets alone.

Inputs are scenario files (tests/scenario/own, those of WEIR_FIELD, PATHs), the bad packets of support/bad_packets.cc,
the configurations of tests/tools/migrate/data, the corpus as it is, and what earlier runs of tests/run fuzz have found. Of each target's inputs so many files stay that
every edge of the code that they reach together is reached, the smallest first, at most MOST_FILES.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.support import fuzzing, suites  # noqa: E402

MOST_FILES = 40
MOST_OCTETS = 2048  # of one input; scenarios are longer
LONGER = {"scenario": 8192, "migrate": 4096}
SECONDS = 900


def merge(folder: Path, target: str, inputs: list[Path], out: Path) -> None:
    longest = LONGER.get(target, MOST_OCTETS)
    command = [str(folder / f"fuzz_{target}"), "-set_cover_merge=1", "-use_counters=0", f"-max_len={longest}", str(out),
               *(str(path) for path in inputs if path.is_dir())]
    command.insert(1, f"-artifact_prefix={folder}/broken-{target}-")
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   timeout=SECONDS)


# Octets of tests/fuzz/targets/migrate.cc: the system, the name of the file, the names in archives.
SYSTEMS = {"pihole": 0, "adguardhome": 1, "technitium": 2, "blocky": 3, "unbound": 4, "dnsmasq": 5}
NAMED = {"pihole.toml": 0, "setupVars.conf": 8, "allowed.txt": 16, "blocked.txt": 24, "a.conf": 32}
ARCHIVED = 128
PIHOLE_FILES = ["adlist.json", "group.json", "client.json", "adlist_by_group.json", "domainlist_by_group.json",
                "client_by_group.json", "whitelist.exact.json", "blacklist.exact.json", "whitelist.regex.json",
                "blacklist.regex.json", "setupVars.conf", "custom.list", "05-pihole-custom-cname.conf"]
CONFIGURATIONS = {"AdGuardHome.yaml": "adguardhome", "blocky.yml": "blocky", "technitium-app.json": "technitium",
                  "technitium-settings.json": "technitium", "unbound.conf": "unbound", "unbound.d/more.conf": "unbound",
                  "dnsmasq.conf": "dnsmasq", "dnsmasq.d/a.conf": "dnsmasq"}
WRITTEN = [("pihole", "pihole.toml", '[dns]\nupstreams = ["192.0.2.1#53"]\nhosts = ["192.0.2.9 nas.example"]\n'
                                     'cnameRecords = ["a.example,b.example"]\n[dns.blocking]\nmode = "NODATA"\n'),
           ("technitium", "allowed.txt", "a.example\n# why\n*.b.example\n"),
           ("technitium", "blocked.txt", "c.example\n"),
           ("unbound", "a.conf", 'server:\n  local-zone: "a.example" redirect\n  local-data: "a.example A 192.0.2.1"\n'
                                 'forward-zone:\n  name: "."\n  forward-addr: 192.0.2.2@853#dns.example\n'),
           ("dnsmasq", "a.conf", "address=/a.example/b.example/#\nserver=/c.example/192.0.2.1\nconf-dir=.,*.conf\n")]


def small_gravity() -> bytes:
    """A database as Pi-hole has it, of pages as small as they can be."""
    database = sqlite3.connect(":memory:")
    database.executescript(
        "PRAGMA page_size = 512; CREATE TABLE adlist (id, address, enabled, type);"
        "CREATE TABLE domainlist (id, type, domain, enabled); INSERT INTO adlist VALUES (1, 'https://a.example/l', 1, 0);"
        "INSERT INTO domainlist VALUES (1, 3, '(^|\\.)ads[0-9]\\.example$;querytype=A', 1), (2, 0, 'b.example', 1);")
    return database.serialize()


def make_migrate_seeds(folder: Path) -> None:
    """Writes inputs for the target `migrate`."""
    data = ROOT / "tests/tools/migrate/data"
    seeds = [bytes([SYSTEMS[system]]) + (data / name).read_bytes() for name, system in CONFIGURATIONS.items()]
    # Files beside it are not read: without them each line counts.
    seeds += [b"".join(line for line in seed.splitlines(keepends=True) if b"include" not in line and b"conf-" not in line)
              for seed in seeds]
    seeds += [bytes([SYSTEMS[system] + NAMED[name]]) + text.encode() for system, name, text in WRITTEN]
    archive = bytes([SYSTEMS["pihole"] + ARCHIVED])
    for at, name in enumerate(PIHOLE_FILES):
        content = (data / "pihole5" / name).read_bytes()
        entry = bytes([at]) + len(content).to_bytes(2, "big") + content
        archive += entry
        seeds.append(bytes([SYSTEMS["pihole"] + ARCHIVED]) + entry)
    gravity = small_gravity()
    seeds += [archive, bytes([SYSTEMS["pihole"]]) + gravity,
              bytes([SYSTEMS["technitium"] + ARCHIVED, 3]) + (2).to_bytes(2, "big") + b"{}"]
    folder.mkdir(parents=True)
    for at, seed in enumerate(seeds):
        (folder / str(at)).write_bytes(seed)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-t", dest="targets", action="append", choices=fuzzing.names())
    parser.add_argument("paths", nargs="*", metavar="PATH")
    arguments = parser.parse_args()
    targets = arguments.targets or fuzzing.names()
    folder = suites.configure("fuzz")
    suites.build(folder, ["weir_fuzz_seeds", *(f"fuzz_{name}" for name in targets)])
    paths = [str(ROOT / "tests/scenario/own"), *(os.path.abspath(path) for path in arguments.paths)]
    field = os.environ.get("WEIR_FIELD")
    if field and (Path(field) / "scenarios").is_dir():
        paths.append(str(Path(field) / "scenarios"))
    corpus = ROOT / "tests/fuzz/corpus"
    with tempfile.TemporaryDirectory(prefix="weir-corpus-") as scratch:
        seeds = Path(scratch) / "seeds"
        subprocess.run([str(folder / "weir_fuzz_seeds"), str(seeds), *paths], check=True, stdin=subprocess.DEVNULL,
                       timeout=SECONDS)
        make_migrate_seeds(seeds / "migrate")
        for target in targets:
            merged = Path(scratch) / "merged" / target
            merged.mkdir(parents=True)
            merge(folder, target, [seeds / target, corpus / target, folder / "corpus" / target], merged)
            kept = sorted(merged.iterdir(), key=lambda path: (path.stat().st_size, path.name))[:MOST_FILES]
            shutil.rmtree(corpus / target, ignore_errors=True)
            (corpus / target).mkdir(parents=True)
            for path in kept:
                octets = path.read_bytes()
                (corpus / target / hashlib.sha256(octets).hexdigest()[:16]).write_bytes(octets)
            print(f"{target:20} {len(kept):4} files, {sum(path.stat().st_size for path in kept):7,} octets", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
