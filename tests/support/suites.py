"""Builds and runs the suites of tests/run, and adds their figures up.

python3 -m tests.support.suites SUITE... [PATH...]: from the root of the tree; tests/run has installed the packages.
Paths and options belong to the suite before them; only `scenarios`, `simulation`, `versus` and `fuzz` take any.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.attack import words as attack_words
from tests.support import fuzzing, simulating, tally, tidy, unittests
from tests.support.tally import Tally
from tests.versus import options as versus_options

ROOT = Path(__file__).resolve().parent.parent.parent
JOBS = str(os.cpu_count() or 1)
PROGRAMS = ["weir-resolver", "weir-sidecar", "weir"]
SECONDS_PER_PROGRAM = 300  # of unit tests, also under a sanitizer
SECONDS_OF_E2E = 900
SECONDS_OF_CONSOLE = 600
SECONDS_OF_FAULTS = 4 * 3600
SECONDS_OF_BENCH = 3600
SECONDS_OF_ATTACKS = 1800
SECONDS_OF_SCENARIOS = 600
SECONDS_OF_CONFORMANCE = 60
SECONDS_OF_VERSUS = 4 * 3600  # 200 worlds take about an hour on two cores

# The sizes that are promised; what is set in the environment counts more.
SIZES_OF_FAULTS = {"WEIR_KILLS": "200", "WEIR_LAST_CALLS": "2000", "WEIR_FAULT_POINTS": "10000",
                   "WEIR_FLIPS": "10000"}
MODULES_OF_FAULTS = ["crash", "kills", "last_calls", "disk_faults", "damage"]

SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": f"halt_on_error=0:second_deadlock_stack=1:suppressions={ROOT}/tests/support/tsan.supp",
}


class BuildFailed(Exception):
    pass


def run(command: list[str], **options) -> int:
    print("+ " + " ".join(str(word) for word in command), flush=True)
    return subprocess.run(command, stdin=subprocess.DEVNULL, **options).returncode


def configure(preset: str) -> Path:
    folder = ROOT / "build" if preset == "release" else ROOT / "build" / preset
    command = ["cmake", "--preset", preset, "-DWEIR_TESTS=ON"]
    if shutil.which("ccache"):
        command.append("-DCMAKE_CXX_COMPILER_LAUNCHER=ccache")
    if preset == "release" and not (folder / "CMakeCache.txt").exists():
        # Who builds once has all of it sooner; who changes files builds each of them alone (cmake --preset release).
        command.append("-DWEIR_UNITY=ON")
    if run(command, cwd=ROOT, stdout=subprocess.DEVNULL) != 0:
        raise BuildFailed(f"configuring {preset} failed")
    return folder


def build(folder: Path, targets: list[str]) -> None:
    began = time.monotonic()
    if run(["ninja", "-C", str(folder), "-j", JOBS, "--quiet", *targets]) != 0:
        raise BuildFailed(f"building in {folder.relative_to(ROOT)} failed")
    print(f"built in {time.monotonic() - began:.0f} s", flush=True)


def unit_programs(folder: Path) -> list[str]:
    """Names of the test programs; each is also the name of its target."""
    listing = subprocess.run(["ctest", "--test-dir", str(folder), "--show-only=json-v1"], capture_output=True,
                             text=True, check=True, stdin=subprocess.DEVNULL)
    return [test["name"] for test in json.loads(listing.stdout)["tests"]]


def run_unit_programs(folder: Path) -> Tally:
    """All gtest programs by ctest; cases are counted from their reports, a program without a report as one failure."""
    programs = unit_programs(folder)
    build(folder, programs)
    reports = folder / "gtest"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir()
    run(["ctest", "--test-dir", str(folder), "-j", JOBS, "--timeout", str(SECONDS_PER_PROGRAM), "--output-on-failure"],
        env={**os.environ, **SANITIZER_OPTIONS, "GTEST_OUTPUT": f"json:{reports}/"})
    total = Tally()
    for program in programs:
        try:
            cases = tally.of_gtest(reports / f"{program}.json")
            total.add(cases)
        except (OSError, ValueError, KeyError):
            total.fail(f"{program}: ended without a report (crash, sanitizer or time limit)")
            continue
        if not cases.failed and not ended_well(folder, program):
            total.fail(f"{program}: all cases passed, but the program failed (sanitizer at its end?)")
    if not programs:
        total.fail(f"no test program in {folder}")
    return total


def ended_well(folder: Path, program: str) -> bool:
    """Whether ctest counted the program as passed: a leak is found after the report is written."""
    log = folder / "Testing" / "Temporary" / "LastTestsFailed.log"
    return not log.exists() or not any(line.endswith(":" + program) for line in log.read_text().splitlines())


def python_tests(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).glob("*_test.py"))


def unit() -> Tally:
    total = unittests.run([ROOT / "tests/arrows_test.py", *python_tests("tests/deploy", "tests/support")])
    total.add(run_unit_programs(configure("release")))
    return total


def show(line: str) -> None:
    print(line, end="", flush=True)


def run_child(command: list[str], seconds: int, show: Callable[[str], None] = show, **options) -> Tally:
    """A program of ours that ends with the summary line; its output is passed on."""
    show("+ " + " ".join(command) + "\n")
    lines: list[str] = []
    child = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, text=True, errors="replace", **options)
    watchdog = threading.Timer(seconds, child.kill)
    watchdog.start()
    for line in child.stdout:
        lines.append(line)
        if not tally.SUMMARY.match(line):
            show(line)
    status = child.wait()
    watchdog.cancel()
    found = tally.of_output("".join(lines))
    if found is None:
        found = Tally()
        found.fail(f"{command[-1]} ended without a summary line (status {status})")
    elif status != 0 and not found.failed:
        found.fail(f"{command[-1]} ended with status {status}")
    return found


def e2e(preset: str = "release") -> Tally:
    folder = configure(preset)
    build(folder, PROGRAMS)
    environment = {**os.environ, **SANITIZER_OPTIONS, "WEIR_BUILD": str(folder)}
    slower = 1 if preset == "release" else 3
    # Most of it waits, so two share the modules; what the second one prints comes behind the first.
    turns = folder / "e2e.turns"
    turns.write_text("")
    command = [sys.executable, "-m", "tests.e2e", "--turns", str(turns)]
    printed: list[str] = []
    with ThreadPoolExecutor() as threads:
        second = threads.submit(run_child, command, slower * SECONDS_OF_E2E, printed.append, env=environment)
        total = run_child(command, slower * SECONDS_OF_E2E, env=environment)
        total.add(second.result())
    show("".join(printed))
    return total


def console() -> Tally:
    """The console in a browser. What drives it is installed here: inside the namespace of e2e there is no network."""
    folder = configure("release")
    build(folder, PROGRAMS)
    modules = folder / "console-modules"
    modules.mkdir(exist_ok=True)
    wanted = {name: (ROOT / "tests" / "console" / name).read_bytes() for name in ("package.json", "package-lock.json")}
    installed = all((modules / name).exists() and (modules / name).read_bytes() == text for name, text in wanted.items())
    environment = {**os.environ, "WEIR_BUILD": str(folder)}
    if not shutil.which("npm"):
        print("npm is not installed: the console's tests are skipped", flush=True)
    elif not installed or not (modules / "node_modules" / "playwright-core").exists():
        for name, text in wanted.items():
            (modules / name).write_bytes(text)
        if run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"], cwd=modules) != 0:
            (modules / "package-lock.json").unlink()
            raise BuildFailed("npm ci in tests/console failed")
    if shutil.which("npm"):
        environment["WEIR_CONSOLE_MODULES"] = str(modules)
    return run_child([sys.executable, "-m", "tests.e2e", "console"], SECONDS_OF_CONSOLE, env=environment)


def faults() -> Tally:
    folder = configure("release")
    build(folder, PROGRAMS)
    return run_child([sys.executable, "-m", "tests.e2e", *MODULES_OF_FAULTS], SECONDS_OF_FAULTS,
                     env={**SIZES_OF_FAULTS, **os.environ, "WEIR_BUILD": str(folder)})


def sanitized(preset: str) -> Tally:
    return run_unit_programs(configure(preset))


def bench() -> Tally:
    build(configure("release"), ["all"])
    return run_child([sys.executable, "tests/bench/bench.py"], SECONDS_OF_BENCH)


def scenarios(paths: list[str] | None = None) -> Tally:
    """The project's own scenarios and the field's where WEIR_FIELD names them; only `paths` where there are any."""
    skipped = Tally()
    if not paths:
        paths = ["tests/scenario/own"]
        field = os.environ.get("WEIR_FIELD")
        if field and (Path(field) / "scenarios").is_dir():
            paths.append(str(Path(field) / "scenarios"))
        else:
            print("skipped: the field's scenarios; set WEIR_FIELD to the folder that holds scenarios/", flush=True)
            skipped.skipped += 1
    folder = configure("release")
    build(folder, ["weir_scenarios"])
    total = run_child([str(folder / "weir_scenarios"), "--expected-failures", "tests/scenario/expected_failures.txt",
                       *paths], SECONDS_OF_SCENARIOS)
    total.add(skipped)
    return total


def conformance() -> Tally:
    return run_child([sys.executable, "-m", "tests.conformance"], SECONDS_OF_CONFORMANCE)


def fuzz(words: list[str] | None = None) -> Tally:
    folder = configure("fuzz")
    build(folder, [f"fuzz_{name}" for name in fuzzing.read_words(words or []).targets])
    return fuzzing.run(folder, words or [], SANITIZER_OPTIONS)


def versus(words: list[str] | None = None) -> Tally:
    folder = configure("release")
    build(folder, [*PROGRAMS, "weir_world_servers"])
    return run_child([sys.executable, "-m", "tests.versus", *(words or [])], SECONDS_OF_VERSUS,
                     env={**os.environ, "WEIR_BUILD": str(folder)})


def attacks(words: list[str] | None = None) -> Tally:
    build(configure("release"), [*PROGRAMS, "bench_load", "bench_echo"])
    return run_child([sys.executable, "-m", "tests.attack", *(words or [])], SECONDS_OF_ATTACKS)


def simulation(words: list[str] | None = None) -> Tally:
    folder = configure("release")
    build(folder, simulating.targets(words or []))
    total = Tally()
    for command, seconds in simulating.commands(folder, words or []):
        total.add(run_child(command, seconds))
    return total


SUITES = {
    "unit": unit,
    "e2e": e2e,
    "asan": lambda: sanitized("asan"),
    "tsan": lambda: sanitized("tsan"),
    "e2e-asan": lambda: e2e("asan"),
    "e2e-tsan": lambda: e2e("tsan"),
    "console": console,
    "faults": faults,
    "bench": bench,
    "attacks": attacks,
    "scenarios": scenarios,
    "conformance": conformance,
    "fuzz": fuzz,
    "versus": versus,
    "simulation": simulation,
    "tidy": lambda: tidy.run(configure("release")),
}
TAKES_PATHS = {"scenarios"}
# All that follows and is no suite; they raise ValueError.
TAKES_WORDS = {"fuzz": fuzzing.read_words, "attacks": attack_words.read_words, "simulation": simulating.read_words,
               "versus": versus_options.read_words}


def read_words(words: list[str]) -> list[tuple[str, list[str]]]:
    """Suites, each with its paths or words: those that follow it, where it takes any.

    Raises ValueError for a word that is neither.
    """
    wanted: list[tuple[str, list[str]]] = []
    for word in words:
        takes = bool(wanted) and wanted[-1][0] in TAKES_PATHS
        if takes and word not in SUITES and Path(word).exists():
            wanted[-1][1].append(os.path.abspath(word))
        elif wanted and wanted[-1][0] in TAKES_WORDS and word not in SUITES:
            wanted[-1][1].append(word)
        elif word in SUITES:
            wanted.append((word, []))
        elif takes:
            raise ValueError(f"{word}: no such path, and no suite; there are: {' '.join(SUITES)}")
        else:
            raise ValueError(f"unknown suite: {word}; there are: {' '.join(SUITES)}")
    for name, words_of_suite in wanted:
        if name in TAKES_WORDS:
            TAKES_WORDS[name](words_of_suite)
    return wanted


def main() -> int:
    try:
        wanted = read_words(sys.argv[1:])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    os.chdir(ROOT)
    total = Tally()
    began = time.monotonic()
    for name, paths in wanted:
        print(f"== {name}", flush=True)
        start = time.monotonic()
        try:
            found = SUITES[name](paths) if paths else SUITES[name]()
        except (BuildFailed, subprocess.CalledProcessError) as error:
            found = Tally()
            found.fail(str(error))
        for failure in found.failures:
            print(f"FAILED {failure}")
        print(f"{name}: {time.monotonic() - start:.0f} s")
        print(found, flush=True)
        total.add(found)
    print(f"== all of {' '.join(name for name, _ in wanted)}: {time.monotonic() - began:.0f} s")
    print(total, flush=True)
    return 1 if total.failed or not total.passed else 0


if __name__ == "__main__":
    sys.exit(main())
