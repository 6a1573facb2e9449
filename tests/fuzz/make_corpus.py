#!/usr/bin/env python3
"""tests/fuzz/make_corpus.py [PATH...]: makes tests/fuzz/corpus anew, small.

Inputs are scenario files (tests/scenario/own, those of WEIR_FIELD, PATHs), the bad packets of support/bad_packets.cc,
the corpus as it is, and what earlier runs of tests/run fuzz have found. Of each target's inputs so many files stay that
every edge of the code that they reach together is reached, the smallest first, at most MOST_FILES.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tests.support import fuzzing, suites  # noqa: E402

MOST_FILES = 40
MOST_OCTETS = 2048  # of one input; scenarios are longer
MOST_OCTETS_OF_SCENARIOS = 8192
SECONDS = 900


def merge(folder: Path, target: str, inputs: list[Path], out: Path) -> None:
    longest = MOST_OCTETS_OF_SCENARIOS if target == "scenario" else MOST_OCTETS
    command = [str(folder / f"fuzz_{target}"), "-set_cover_merge=1", "-use_counters=0", f"-max_len={longest}", str(out),
               *(str(path) for path in inputs if path.is_dir())]
    command.insert(1, f"-artifact_prefix={folder}/broken-{target}-")
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                   timeout=SECONDS)


def main() -> int:
    folder = suites.configure("fuzz")
    suites.build(folder, ["weir_fuzz_seeds", *(f"fuzz_{name}" for name in fuzzing.names())])
    paths = [str(ROOT / "tests/scenario/own"), *(os.path.abspath(path) for path in sys.argv[1:])]
    field = os.environ.get("WEIR_FIELD")
    if field and (Path(field) / "scenarios").is_dir():
        paths.append(str(Path(field) / "scenarios"))
    corpus = ROOT / "tests/fuzz/corpus"
    with tempfile.TemporaryDirectory(prefix="weir-corpus-") as scratch:
        seeds = Path(scratch) / "seeds"
        subprocess.run([str(folder / "weir_fuzz_seeds"), str(seeds), *paths], check=True, stdin=subprocess.DEVNULL,
                       timeout=SECONDS)
        for target in fuzzing.names():
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
