#!/usr/bin/env python3
"""The decision log under load: tests/bench/log_load.py [--seconds 600] [--rate 50000].

weir answers an open loop of questions from its cache and logs each of them (`all = true`), with a log that is at its
size limit soon.
  1. Pairs of short runs with and without logging: CPU time of the resolver a query.
  2. --seconds with all of them logged while questions are put to the log one after the other: no record may be lost.
  3. The sidecar is stopped (SIGSTOP) for as long as a short run takes, which is many times what the ring holds: what it
     costs the resolver, what is lost, and whether the log tells of all of that later.

The resolver has core 0, the load generator core 1; the sidecar runs beside the resolver, each with the nice value of
its unit. Writes build/log_load.json. Ends with 1 where a promise is broken.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import bench
import systems as peers
from reload import WeirBesideItsSidecar

ROOT = Path(__file__).resolve().parents[2]
LOG_SIZE = "2MiB"  # reached after some 20 seconds
QUESTIONS = [["log", "search", "--name", "host7.bench", "--limit", "50"],
             ["log", "top", "--by", "name", "--since", "1h", "--limit", "20"],
             ["log", "timeline", "--since", "1h", "--by", "class"],
             ["log", "search", "--text", "st99", "--limit", "20"],
             ["log", "sql", "SELECT type, count(*) FROM decisions WHERE name = 'host3.bench' GROUP BY 1"]]


class LoggingWeir(WeirBesideItsSidecar):
    logs_all = True

    def configure(self, blocklist):
        super().configure(blocklist)
        with open(self.folder / "weir.toml", "a") as out:
            out.write(f'[log]\nall = {str(self.logs_all).lower()}\nsize = "{LOG_SIZE}"\nprivacy = "full"\n')

    def wait_for_lists(self, config):
        deadline = time.monotonic() + 60
        while not (self.run / "sidecar.sock").exists():
            if time.monotonic() > deadline:
                raise RuntimeError("weir's sidecar does not answer; see sidecar.log")
            time.sleep(0.05)

    def ask(self, *words: str):
        # Whoever asks may sit elsewhere: that must hold up neither the resolver nor who measures it.
        done = subprocess.run(["nice", "-n", "19", str(self.build / "tools/weir"), "--config", str(self.folder / "weir.toml"), "--json", *words],
                              capture_output=True, text=True, timeout=120)
        return json.loads(done.stdout.splitlines()[0]) if done.returncode == 0 else None


class Run:
    """One system under a load of some seconds."""

    def __init__(self, system, names: Path, rate: int, seconds: float) -> None:
        cpu = system.cpu_ns()
        self.report = bench.load(system.build, names, "--rate", str(rate), "--seconds", str(seconds), "--expect", "answer")
        self.sent, self.lost = self.report["sent"], self.report["lost"]
        self.cpu_us = (system.cpu_ns() - cpu) / 1000 / self.sent


def started(folder: Path, build: Path, names: Path, logs_all: bool):
    folder.mkdir()
    (folder / "root.hints").symlink_to(folder.parent / "root.hints")
    system = LoggingWeir(folder, build)
    system.logs_all = logs_all
    system.configure(None)
    system.start()
    bench.wait_answer(names, "answer")
    bench.load(build, names, "--window", "32", "--seconds", "1", "--expect", "answer", "--warmup")
    return system


def compare_cost(folder: Path, build: Path, names: Path, arguments) -> dict:
    cost: dict[bool, list[float]] = {True: [], False: []}
    for pair in range(arguments.pairs):
        for logs_all in ((True, False) if pair % 2 == 0 else (False, True)):
            system = started(folder / f"cost{pair}{logs_all}", build, names, logs_all)
            try:
                cost[logs_all].append(Run(system, names, arguments.rate, arguments.short).cpu_us)
            finally:
                system.stop()
    logged, silent = (statistics.median(cost[each]) for each in (True, False))
    return {"cpu_us_logged": round(logged, 3), "cpu_us_silent": round(silent, 3), "ratio": round(logged / silent, 3),
            "runs_logged": [round(each, 3) for each in cost[True]], "runs_silent": [round(each, 3) for each in cost[False]]}


def ask_on(system, stop: threading.Event, times: dict[str, list[float]]) -> None:
    while not stop.is_set():
        for words in QUESTIONS:
            begun = time.monotonic()
            if system.ask(*words) is None:
                times.setdefault("failed", []).append(0)
            times.setdefault(" ".join(words[:3]), []).append(time.monotonic() - begun)


def hold(system, names: Path, arguments) -> dict:
    """The long run."""
    time.sleep(1)  # what warmed it up came faster than anything can be drained
    before = system.figure("weir_decisions_total")
    drops = system.figure("weir_decision_drops_total")
    stop = threading.Event()
    times: dict[str, list[float]] = {}
    asking = threading.Thread(target=ask_on, args=(system, stop, times))
    asking.start()
    try:
        run = Run(system, names, arguments.rate, arguments.seconds)
    finally:
        stop.set()
        asking.join()
    time.sleep(2)
    status = system.ask("status")
    log = status["log"]
    return {"sent": run.sent, "lost": run.lost, "p99_us": run.report["p99_us"],
            "records": system.figure("weir_decisions_total") - before, "drops": system.figure("weir_decision_drops_total") - drops,
            "log_rows": log["rows"], "log_mb": round(log["bytes"] / (1 << 20), 1), "log_dropped": log["dropped"],
            "questions": sum(len(each) for key, each in times.items() if key != "failed"),
            "questions_failed": len(times.get("failed", [])),
            "question_median_ms": {key: round(statistics.median(each) * 1000) for key, each in times.items() if key != "failed"}}


def stop_sidecar(system, names: Path, arguments) -> dict:
    sidecar = system.helpers[-1]
    beside = [Run(system, names, arguments.rate, arguments.short).cpu_us for _ in range(2)]
    time.sleep(2)
    drops = system.figure("weir_decision_drops_total")
    told = system.ask("status")["log"]["dropped"]
    sidecar.send_signal(signal.SIGSTOP)
    try:
        alone = [Run(system, names, arguments.rate, arguments.short) for _ in range(2)]
    finally:
        sidecar.send_signal(signal.SIGCONT)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        lost = system.figure("weir_decision_drops_total") - drops
        found = system.ask("status")["log"]["dropped"] - told
        if found == lost:
            break
        time.sleep(0.5)
    return {"cpu_us_beside": round(statistics.median(beside), 3),
            "cpu_us_stopped": round(statistics.median(run.cpu_us for run in alone), 3),
            "answers_lost": sum(run.lost for run in alone), "sent": sum(run.sent for run in alone), "drops": lost,
            "drops_in_log": found}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--seconds", type=float, default=600, help="of the long run")
    parser.add_argument("--short", type=float, default=10, help="of the others")
    parser.add_argument("--pairs", type=int, default=5)
    arguments = parser.parse_args()
    bench.in_own_namespace()
    build = arguments.build.resolve()
    with tempfile.TemporaryDirectory(prefix="weir-log-load-") as temporary:
        os.chmod(temporary, 0o755)
        folder = Path(temporary)
        names, _, _ = bench.write_names(folder, 1)
        authority = bench.start_authority(folder)
        try:
            found = {"cost": compare_cost(folder, build, names, arguments)}
            print("cost", json.dumps(found["cost"]), flush=True)
            system = started(folder / "long", build, names, True)
            try:
                found["long"] = hold(system, names, arguments)
                print("long", json.dumps(found["long"]), flush=True)
                found["stopped"] = stop_sidecar(system, names, arguments)
                print("stopped", json.dumps(found["stopped"]), flush=True)
            finally:
                system.stop()
        finally:
            authority.terminate()
            authority.wait()
    (build / "log_load.json").write_text(json.dumps(found, indent=1) + "\n")
    broken = []
    if found["cost"]["ratio"] > 1.05:
        broken.append(f"a query costs {found['cost']['ratio']} times as much with logging, promised 1.05")
    if found["long"]["drops"] or found["long"]["lost"] or found["long"]["questions_failed"]:
        broken.append("the long run lost something, or a question failed")
    if found["stopped"]["cpu_us_stopped"] > 1.05 * found["stopped"]["cpu_us_beside"] or found["stopped"]["answers_lost"]:
        broken.append("the resolver slows down without the sidecar")
    if found["stopped"]["drops"] == 0 or found["stopped"]["drops"] != found["stopped"]["drops_in_log"]:
        broken.append("the log does not tell of what was lost")
    for line in broken:
        print(f"weir: {line}")
    print(f"{0 if broken else 1} passed, {1 if broken else 0} failed, 0 skipped")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
