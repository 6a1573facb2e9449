"""The suite `fuzz`: every libFuzzer target of tests/fuzz/targets for some seconds, from the corpus in the tree on.

run(folder, words): `folder` is the configured build with clang; words are `--seconds N` and names of targets. What a
run finds to be new stays below `folder`, so that the next one goes on there; what breaks an invariant is named, and
stays there too.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.support.tally import Tally

ROOT = Path(__file__).resolve().parent.parent.parent
AT_ONCE = 2
SECONDS = 60
# A limit of the tools, far above what any input may take: 20 s, 2 GiB.
LIMITS = ["-timeout=20", "-rss_limit_mb=2048", "-max_len=4096"]
GRACE_SECONDS = 120  # to read the corpus and to end


def names() -> list[str]:
    return sorted(path.stem for path in (ROOT / "tests/fuzz/targets").glob("*.cc"))


@dataclass
class Wanted:
    seconds: int
    targets: list[str]


def read_words(words: list[str]) -> Wanted:
    """Raises ValueError for what is neither an option nor a target."""
    parser = argparse.ArgumentParser(prog="tests/run fuzz", exit_on_error=False, add_help=False)
    parser.add_argument("--seconds", type=int, default=SECONDS)
    parser.add_argument("targets", nargs="*")
    try:
        found, unknown = parser.parse_known_args(words)
    except argparse.ArgumentError as error:
        raise ValueError(f"fuzz: {error}") from error
    unknown += [name for name in found.targets if name not in names()]
    if unknown:
        raise ValueError(f"fuzz: {unknown[0]}: no such option or target; there are: --seconds N {' '.join(names())}")
    if found.seconds < 1:
        raise ValueError("fuzz: --seconds takes a number from 1 on")
    return Wanted(found.seconds, found.targets or names())


@dataclass
class Found:
    target: str
    status: int
    executions: int
    edges: int
    log: Path

    def __str__(self) -> str:
        verdict = "clean" if self.status == 0 else f"BROKEN, see {self.log}"
        return f"{self.target:20} {self.executions:>12,} executions, {self.edges:>6,} edges, {verdict}"


def _number(pattern: str, text: str) -> int:
    numbers = re.findall(pattern, text)
    return int(numbers[-1]) if numbers else 0


def _run(folder: Path, target: str, seconds: int, environment: dict[str, str]) -> Found:
    work = folder / "corpus" / target
    work.mkdir(parents=True, exist_ok=True)
    log = folder / f"fuzz_{target}.log"
    command = [str(folder / f"fuzz_{target}"), f"-max_total_time={seconds}", "-print_final_stats=1",
               f"-artifact_prefix={folder}/broken-{target}-", *LIMITS, str(work), str(ROOT / "tests/fuzz/corpus" / target)]
    with log.open("wb") as out:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environment)
        watchdog = threading.Timer(seconds + GRACE_SECONDS, child.kill)
        watchdog.start()
        status = child.wait()
        watchdog.cancel()
    text = log.read_text(errors="replace")
    return Found(target, status, _number(r"stat::number_of_executed_units:\s+(\d+)", text),
                 _number(r"\bcov: (\d+)", text), log)


def run(folder: Path, words: list[str], environment: dict[str, str]) -> Tally:
    """`environment`: the sanitizers' options."""
    wanted = read_words(words)
    total = Tally()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for found in pool.map(lambda name: _run(folder, name, wanted.seconds, {**os.environ, **environment}),
                              wanted.targets):
            print(found, flush=True)
            if found.status == 0 and found.executions > 0:
                total.passed += 1
            else:
                print(found.log.read_text(errors="replace")[-4000:], flush=True)
                total.fail(f"fuzz target {found.target}: status {found.status}; its input is {folder}/broken-{found.target}-*")
    return total
