#!/usr/bin/env python3
"""weir beside its peers and the socket floor, in one run: tests/run bench.

Makes a network namespace of its own, one authority in it, then measures one system after the other: CPU microseconds a
query for cached answers and for names that a list blocks (closed loop and at a fixed 20,000 a second), memory with and
without the list, time from start to the first filtered answer, and a list reload under load. Figures are medians of
--runs runs; what counts are the ratios to the floor of the same run. Writes build/bench.json.

Load loops are bounded by --seconds; every process started here is ended here, by pid.
"""

import argparse
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import misses
import systems as peers

ROOT = Path(__file__).resolve().parents[2]
CACHED_NAMES = 2000
EXISTING_NAMES = 20000  # those and more, which nothing asks for but reload.py
BLOCKED_SAMPLE = 10000


def in_own_namespace() -> None:
    """Runs this program again inside a fresh network namespace, which goes with its last process."""
    if os.environ.get("WEIR_BENCH_INSIDE") != "1":
        os.environ["WEIR_BENCH_INSIDE"] = "1"
        os.execvp("unshare", ["unshare", "--net", "--", sys.executable, *sys.argv])
    for command in (["ip", "link", "set", "lo", "up"], *(["ip", "addr", "add", f"10.53.9.{n}/32", "dev", "lo"] for n in (1, 2, 3, 4, 10, 20))):
        subprocess.run(command, check=True)


def start_authority(folder: Path) -> subprocess.Popen:
    """NSD with one zone, the root, that holds every name that exists."""
    with open(folder / "root.zone", "w") as out:
        out.write("$TTL 86400\n. SOA a.root. host.root. 1 3600 600 86400 300\n. NS a.root.\na.root. A 10.53.9.1\n")
        for number in range(EXISTING_NAMES):
            out.write(f"host{number}.bench. A 192.0.2.{number % 250 + 1}\n")
    return peers.start_authority(folder, [peers.AUTHORITY], {".": "root.zone"})


def write_names(folder: Path, rules: int) -> tuple[Path, Path, Path]:
    """The block list and the two question files, from a fixed seed."""
    cached = folder / "cached.names"
    cached.write_text("".join(f"host{number}.bench\n" for number in range(CACHED_NAMES)))
    source = random.Random(7)
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    names = set()
    while len(names) < rules:
        label = "".join(source.choices(alphabet, k=source.randint(5, 14)))
        names.add(f"{label}.zone{source.randint(0, 5000)}.blocked")
    ordered = sorted(names)
    blocklist = folder / "blocked.list"
    blocklist.write_text("\n".join(ordered) + "\n")
    sample = folder / "blocked.names"
    sample.write_text("\n".join(source.sample(ordered, min(BLOCKED_SAMPLE, len(ordered)))) + "\n")
    return cached, blocklist, sample


def load(build: Path, names: Path, *options: str) -> dict:
    done = subprocess.run(["taskset", "-c", "1", str(build / "bench/bench_load"), "--server", f"{peers.SERVER}:{peers.PORT}", "--names", str(names),
                           *options], capture_output=True, text=True)
    if not done.stdout.strip():
        raise RuntimeError(f"load generator: {done.stderr.strip()}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def is_answered(name: str, expect: str) -> bool:
    """One A query, waited for 20 ms."""
    question = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0\0\1\0\1"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.02)
        try:
            probe.connect((peers.SERVER, peers.PORT))
            probe.send(b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + question)
            reply = probe.recv(4096)
        except OSError:  # nothing there yet, or nothing said yet
            return False
    rcode, answers = reply[3] & 15, int.from_bytes(reply[6:8])
    if expect == "answer":
        return rcode == 0 and answers > 0
    if expect == "blocked":
        return (answers == 0 and rcode in (0, 3)) or (answers > 0 and reply[12 + len(question) + 12:][:4] == bytes(4))
    return True


def wait_answer(names: Path, expect: str, seconds: float = 180) -> float:
    """Seconds until the first name of the file is answered as expected."""
    with open(names) as lines:
        name = lines.readline().strip()
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        if is_answered(name, expect):
            return time.monotonic() - start
        time.sleep(0.002)
    raise RuntimeError(f"no answer as expected ({expect}) for {name} within {seconds} s")


def measure(system, build: Path, names: Path, expect: str, seconds: float, rate: int, *options: str) -> dict:
    """CPU microseconds an answer, and the generator's own report."""
    loop = ["--rate", str(rate)] if rate else ["--window", "64"]
    before = system.cpu_ns()
    report = load(build, names, *loop, "--seconds", str(seconds), "--expect", expect, *options)
    report["cpu_us"] = (system.cpu_ns() - before) / 1000 / max(1, report["received"])
    if report["wrong"]:
        raise RuntimeError(f"{system.name}: {report['wrong']} wrong answers, first: {report['first_wrong']}")
    return report


def median(values):
    return round(statistics.median(values), 3)


def bench_system(system, build, folder, cached, blocklist, sample, arguments, table):
    def put(workload, value):
        table.setdefault(workload, {})[system.name] = value

    echo = isinstance(system, peers.Echo)
    # Without the list: cached answers, and the memory to subtract.
    system.configure(None)
    system.start()
    try:
        wait_answer(cached, "any" if echo else "answer")
        if not echo:
            load(build, cached, "--warmup", "--window", "32", "--seconds", "0.2", "--expect", "answer")
        expect = "any" if echo else "answer"
        for workload, rate in (("cached", 0), ("cached_20k", 20000)):
            runs = [measure(system, build, cached, expect, arguments.seconds, rate) for _ in range(arguments.runs)]
            put(workload, median([run["cpu_us"] for run in runs]))
            put(workload + "_p99_us", median([run["p99_us"] for run in runs]))
            put(workload + "_lost", sum(run["lost"] for run in runs))
        rss_without = system.rss_kb()
    finally:
        system.stop()
    if echo:
        for workload in ("blocked", "blocked_20k"):
            put(workload, table[workload.replace("blocked", "cached")][system.name])
        return
    # With the list: blocked answers, memory, start.
    system.configure(blocklist)
    starts = []
    for run in range(arguments.runs):
        system.start()
        starts.append(wait_answer(sample, "blocked"))
        if run + 1 < arguments.runs:
            system.stop()
    try:
        put("start", median(starts))
        load(build, sample, "--window", "32", "--seconds", "0.5", "--expect", "blocked")
        for workload, rate in (("blocked", 0), ("blocked_20k", 20000)):
            runs = [measure(system, build, sample, "blocked", arguments.seconds, rate) for _ in range(arguments.runs)]
            put(workload, median([run["cpu_us"] for run in runs]))
        put("rss", round((system.rss_kb() - rss_without) / 1024, 1))
        if type(system).reload is not peers.System.reload:
            put("reload", bench_reload(system, build, folder, blocklist, sample, arguments))
    finally:
        system.stop()


def bench_reload(system, build, folder, blocklist, sample, arguments) -> dict:
    """One added name under 5,000 queries a second: what was lost, the longest wait, and when the name was blocked."""
    changed = folder / "changed.list"
    shutil.copyfile(blocklist, changed)
    with open(changed, "a") as out:
        out.write(f"host{CACHED_NAMES - 1}.bench\n")
    probe = folder / "probe.names"
    probe.write_text(f"host{CACHED_NAMES - 1}.bench\n")  # one that exists: what does not would look blocked at once
    shutil.copyfile(blocklist, folder / "kept.list")
    report = folder / "reload.report"
    with open(report, "w") as out:
        generator = subprocess.Popen(["taskset", "-c", "1", str(build / "bench/bench_load"), "--server", f"{peers.SERVER}:{peers.PORT}", "--names",
                                      str(sample), "--rate", "5000", "--seconds", str(arguments.reload_seconds), "--expect", "blocked"], stdout=out)
    try:
        os.replace(changed, blocklist)
        system.configure(blocklist)
        start = time.monotonic()
        system.reload()
        wait_answer(probe, "blocked", arguments.reload_seconds)
        effect = time.monotonic() - start
        generator.wait(arguments.reload_seconds + 30)
    finally:
        if generator.poll() is None:
            generator.terminate()
            generator.wait()
        os.replace(folder / "kept.list", blocklist)
    load_report = json.loads(report.read_text().strip().splitlines()[-1])
    return {"lost": load_report["lost"], "sent": load_report["sent"], "effect_seconds": round(effect, 3),
            "longest_wait_ms": round(load_report["max_us"] / 1000, 2), "longest_turn_ms": system.longest_turn_ms(),
            "peak_mb": round(system.rss_kb() / 1024, 1)}


def print_table(table: dict, names: list[str]) -> None:
    print(f"\n{'':24}" + "".join(f"{name:>13}" for name in names))
    for workload, figures in table.items():
        if workload == "reload":
            for key in ("lost", "effect_seconds", "longest_wait_ms", "longest_turn_ms", "peak_mb"):
                cells = (str(figures[name][key]) if name in figures else "-" for name in names)
                print(f"{'reload ' + key:24}" + "".join(f"{cell:>13}" for cell in cells))
            continue
        print(f"{workload:24}" + "".join(f"{figures.get(name, '-'):>13}" for name in names))
        if workload in ("cached", "cached_20k", "blocked", "blocked_20k"):
            floor = figures.get("floor")
            print(f"{'  times the floor':24}" + "".join(f"{round(figures[name] / floor, 2) if name in figures else '-':>13}" for name in names))


def is_chosen(system, part: str, only: str) -> bool:
    if isinstance(system, peers.Echo):
        return part == "hits"
    return (system.filters if part == "hits" else system.resolves) and (not only or system.name in only.split(","))


def bench_hits(systems, build: Path, folder: Path, arguments, table: dict, measured: list[str]) -> int:
    cached, blocklist, sample = write_names(folder, arguments.rules)
    authority = start_authority(folder)
    try:
        return bench_each(systems, measured, lambda system: bench_system(system, build, folder, cached, blocklist, sample, arguments, table))
    finally:
        authority.terminate()
        authority.wait()


def bench_misses(systems, build: Path, folder: Path, arguments, table: dict, measured: list[str]) -> int:
    misses.write_names(folder, arguments.entries)
    anchors = misses.write_zones(folder, arguments.entries)
    authority = misses.start_authority(folder)

    def one(system):
        misses.put_misses(system, build, folder, anchors, sys.modules[__name__], arguments, table)
        if arguments.entries:
            misses.put_memory(system, build, folder, anchors, sys.modules[__name__], arguments, table)

    try:
        return bench_each(systems, measured, one)
    finally:
        authority.terminate()
        authority.wait()


def bench_each(systems, measured: list[str], bench_one) -> int:
    """How many failed."""
    failed = 0
    for system in systems:
        if not system.available():
            print(f"{system.name}: not installed, left out", flush=True)
            continue
        print(f"measuring {system.name}", flush=True)
        try:
            bench_one(system)
            if system.name not in measured:
                measured.append(system.name)
        except (RuntimeError, OSError, subprocess.SubprocessError) as fault:
            failed += 1
            print(f"{system.name}: FAILED: {fault}", flush=True)
            log = system.folder / "log"
            if log.exists():
                print("".join(log.read_text(errors="replace").splitlines(keepends=True)[-5:]), flush=True)
    return failed


PARTS = {"hits": bench_hits, "misses": bench_misses}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--rules", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--reload-seconds", type=float, default=30)
    parser.add_argument("--entries", type=int, default=1_000_000, help="RRsets for the measuring of memory; 0: none")
    parser.add_argument("--only", default="", help="systems, separated by commas")
    parser.add_argument("--parts", default=",".join(PARTS), help="hits (and lists), misses")
    arguments = parser.parse_args()
    in_own_namespace()
    build = arguments.build.resolve()
    table: dict = {}
    failed = 0
    measured: list[str] = []
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as temporary:
        for part in arguments.parts.split(","):
            folder = Path(temporary) / part
            folder.mkdir(mode=0o755)
            os.chmod(temporary, 0o755)
            chosen = [system for system in peers.all_systems(folder, build) if is_chosen(system, part, arguments.only)]
            failed += PARTS[part](chosen, build, folder, arguments, table, measured)
    print_table(table, measured)
    units = {"unit": {"cached": "CPU us a query", "blocked": "CPU us a query", "miss": "CPU us a query", "miss_signed": "CPU us a query",
                      "miss_wildcard": "CPU us a query", "rrset_bytes": "octets an RRset", "rss": "MB above no list", "start": "s to the first filtered answer"},
             "runs": arguments.runs, "rules": arguments.rules}
    (build / "bench.json").write_text(json.dumps(table | units, indent=1) + "\n")
    print(f"\n{len(measured)} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
