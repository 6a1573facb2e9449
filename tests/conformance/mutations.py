"""Small breakages of the code, each of which must make the test fail that is said to prove a sentence (mutations.toml).

One copy of the tree is kept under build/mutants: a mutation is written into it, the one test program built and run,
and the file put back.
"""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import subprocess
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.proofs import ROOT
from tests.conformance.sentences import Quotations, Sentence
from tests.support.tally import Tally

LIST = Path(__file__).resolve().parent / "mutations.toml"
COPY = ROOT / "build" / "mutants"
SECONDS_TO_BUILD = 1800
SECONDS_TO_RUN = 120


@dataclass(frozen=True)
class Mutation:
    item: str
    sentence: str  # its beginning
    file: str
    old: str
    new: str
    test: str  # "tests/zones/verdict_test.cc: Suite.case"

    @property
    def program(self) -> str:
        return "test_" + str(Path(self.test.partition(": ")[0]).parent.relative_to("tests")).replace("/", "_")

    @property
    def case(self) -> str:
        return self.test.partition(": ")[2]


def read(path: Path = LIST) -> list[Mutation]:
    return [Mutation(entry["item"], entry["sentence"], entry["file"], entry["from"], entry["to"], entry["test"])
            for entry in tomllib.loads(path.read_text())["mutation"]]


def faults(mutations: list[Mutation], sentences: list[Sentence]) -> list[str]:
    """What the tree has outgrown: text that is no longer there, a test that no longer names the sentence."""
    quotations = Quotations(sentences)
    found = []
    for mutation in mutations:
        what = f"mutations.toml: {mutation.item}: {mutation.sentence}"
        meant = quotations.find(mutation.item, mutation.sentence)
        if not any(mutation.test in sentence.tests for sentence in meant):
            found.append(f"{what}: not named by {mutation.test}")
        path = ROOT / mutation.file
        times = path.read_text().count(mutation.old) if path.is_file() else 0
        if times != 1:
            found.append(f"{what}: `{mutation.old}` stands {times} times in {mutation.file}, expected once")
    return found


def run(mutations: list[Mutation], count: int, seed: int, word: str) -> Tally:
    """Passed: the test failed. Failed: it did not, or the broken code does not build or the sound code fails."""
    tally = Tally()
    fitting = [mutation for mutation in mutations
               if any(word in text for text in (mutation.sentence, mutation.file, mutation.test))]
    drawn = random.Random(seed).sample(fitting, min(count, len(fitting)))
    drawn.sort(key=lambda mutation: mutation.program)  # a program's sound build serves all its mutations
    COPY.mkdir(parents=True, exist_ok=True)
    lock = (COPY / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # held until this process ends
    except BlockingIOError:
        tally.fail(f"another run uses {COPY}")
        return tally
    try:
        make_copy()
    except subprocess.SubprocessError as error:
        tally.fail(f"no copy of the tree: {error}")
        return tally
    for mutation in drawn:
        began = time.monotonic()
        outcome = try_one(mutation)
        print(f"{mutation.item}: {mutation.sentence}\n    {mutation.file}: {mutation.test}: "
              f"{outcome or 'fails, as it must'} ({time.monotonic() - began:.0f} s)", flush=True)
        if outcome:
            tally.fail(f"{mutation.item}: {mutation.sentence}: {outcome}")
        else:
            tally.passed += 1
    return tally


def make_copy() -> None:
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=60,
                           stdin=subprocess.DEVNULL).stdout.decode().split("\0")
    for name in filter(None, names):
        source, target = ROOT / name, COPY / name
        if not source.is_file() or (target.exists() and target.read_bytes() == source.read_bytes()):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, target)
        os.utime(target)  # newer than whatever was built from a broken version
    command = ["cmake", "--preset", "release", "-DWEIR_TESTS=ON"]
    if shutil.which("ccache"):
        command.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
    subprocess.run(command, cwd=COPY, check=True, timeout=SECONDS_TO_RUN, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)


def try_one(mutation: Mutation) -> str:
    """What was not as it must be; "" when the sound code passes and the broken one fails."""
    path = COPY / mutation.file
    sound = path.read_text()
    if sound.count(mutation.old) != 1:
        return "its text does not stand once in the file"
    if not build(mutation.program) or not passes(mutation):
        return "the sound code does not build or does not pass"
    path.write_text(sound.replace(mutation.old, mutation.new))
    try:
        if not build(mutation.program):
            return "the broken code does not build"
        return "passes over broken code" if passes(mutation) else ""
    finally:
        path.write_text(sound)


def build(program: str) -> bool:
    command = ["ninja", "-C", str(COPY / "build"), "-j", str(min(2, os.cpu_count() or 1)), "--quiet", program]
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              timeout=SECONDS_TO_BUILD).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def passes(mutation: Mutation) -> bool:
    """Also false for a program that crashes or does not end."""
    command = [str(COPY / "build" / mutation.program), f"--gtest_filter={mutation.case}"]
    try:
        done = subprocess.run(command, cwd=COPY, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              errors="replace", timeout=SECONDS_TO_RUN)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0 and "[  PASSED  ] 1 test." in done.stdout
