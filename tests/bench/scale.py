#!/usr/bin/env python3
"""Many rules in many lists: how fast they come in, what an update costs, what they take on the disk and in memory.

    python3 tests/bench/scale.py                     200,000 rules in 20 lists, to see that it runs
    python3 tests/bench/scale.py --rules 10000000    what issue 5 asks for

A sidecar of its own imports every list at its start, then is asked to update each when one rule in a hundred of it is
another one, and when one list alone has changed. weir_measure_store then measures the store that they left: octets a
rule, publish, look-ups. Writes build/scale.json. Every process started here is ended here, by its id.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
UPDATES_AT_ONCE = 3  # as the sidecar's own schedule


class Scale:
    """A sidecar of its own over list files. `names`: of the lists, with what else their sections say."""

    def __init__(self, folder: Path, build: Path, names: dict[str, str], patience: float) -> None:
        self.folder, self.build, self.patience = folder, build, patience
        self.sources = folder / "lists"
        self.store = folder / "store"
        for path in (self.sources, self.store, folder / "run"):
            path.mkdir(parents=True)
        self.names = list(names)
        self.config = folder / "weir.toml"
        self.config.write_text(f"""[resolver]
listen = ["127.0.0.1:5399"]
[run]
path = {json.dumps(str(folder / "run"))}
[store]
path = {json.dumps(str(self.store))}
[fetch]
max_bytes = "2GiB"
max_decoded_bytes = "2GiB"
""" + "".join(f"""[[list]]
name = "{name}"
source = {json.dumps(str(self.sources / (name + ".list")))}
{options}
""" for name, options in names.items()) + f"""[[policy]]
name = "default"
lists = {json.dumps(self.names)}
""")
        self.sidecar: subprocess.Popen | None = None

    def measure(self, *arguments: str) -> str:
        return subprocess.run([str(self.build / "weir_measure_store"), *arguments], check=True, capture_output=True,
                              text=True, timeout=self.patience).stdout

    def command(self, *arguments: str) -> dict:
        ran = subprocess.run([str(self.build / "tools" / "weir"), "--config", str(self.config), *arguments, "--json"],
                             capture_output=True, text=True, timeout=self.patience)
        if ran.returncode != 0:
            raise RuntimeError(f"weir {' '.join(arguments)}: {ran.stderr or ran.stdout}")
        return json.loads(ran.stdout)

    def start(self) -> None:
        self.log = open(self.folder / "sidecar.log", "w")
        self.sidecar = subprocess.Popen([str(self.build / "tools" / "weir-sidecar"), "--config", str(self.config)],
                                        stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)

    def stop(self) -> None:
        if self.sidecar is not None:
            self.sidecar.terminate()
            self.sidecar.wait(60)
            self.sidecar = None

    def wait_for(self, *patterns: str) -> None:
        """Until the log holds all of them; an update that failed is an error."""
        deadline = time.monotonic() + self.patience
        while True:
            text = (self.folder / "sidecar.log").read_text()
            if self.sidecar.poll() is not None:
                raise RuntimeError(text[-2000:])
            if all(re.search(pattern, text) for pattern in patterns):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"not in the log after {self.patience} s: {patterns}")
            time.sleep(0.02)

    def status_kb(self, key: str) -> int:
        text = Path(f"/proc/{self.sidecar.pid}/status").read_text()
        return int(re.search(rf"{key}:\s+(\d+) kB", text).group(1))

    def forget_peak(self) -> None:
        Path(f"/proc/{self.sidecar.pid}/clear_refs").write_text("5")

    def timed(self, what) -> tuple[float, float, float]:
        """Seconds, peak of the sidecar's memory meanwhile in MB, its CPU seconds."""
        self.forget_peak()
        cpu, begun = self.cpu_seconds(), time.monotonic()
        what()
        return time.monotonic() - begun, self.status_kb("VmHWM") / 1000, self.cpu_seconds() - cpu

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.sidecar.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def update(self, names: list[str]) -> int:
        """How many rules came and went."""
        with ThreadPoolExecutor(UPDATES_AT_ONCE) as pool:
            reports = list(pool.map(lambda name: self.command("list", "update", name), names))
        return sum(report["added"] + report["removed"] for report in reports)


def run(scale: Scale, rules: int) -> dict[str, float]:
    figures: dict[str, float] = {}

    def write(share: int, folder: Path) -> None:
        scale.measure("write", str(folder), str(rules), str(len(scale.names)), str(share))

    write(0, scale.sources)
    try:
        begun = time.monotonic()
        scale.start()
        scale.wait_for(*(rf"list {name}: \d+ rules" for name in scale.names))
        took = time.monotonic() - begun
        figures["first import, lines a second"] = rules / took
        figures["first import, sidecar's peak MB"] = scale.status_kb("VmHWM") / 1000
        figures["first import, CPU seconds"] = scale.cpu_seconds()

        write(1, scale.sources)
        changed = 0

        def all_of_them() -> None:
            nonlocal changed
            changed = scale.update(scale.names)

        figures["1 % of each list, seconds"], figures["1 % of each list, sidecar's peak MB"], figures[
            "1 % of each list, CPU seconds"] = scale.timed(all_of_them)
        if changed < rules // 60:
            raise RuntimeError(f"only {changed} rules came and went")

        new = scale.folder / "new"
        new.mkdir()
        write(20, new)
        (new / "list0.list").rename(scale.sources / "list0.list")
        figures["20 % of one list, seconds"], figures["20 % of one list, sidecar's peak MB"], _ = scale.timed(
            lambda: scale.update(["list0"]))
        figures["sidecar's memory afterwards, MB"] = scale.status_kb("VmRSS") / 1000
    finally:
        scale.stop()
    at_once, text = scale.measure("read", str(scale.store), str(rules)).split("settled")
    for family, octets in re.findall(r"disk (\S+)\s+([\d.]+) octets", text):
        if float(octets) >= 0.01:
            figures[f"disk, octets a rule in {family}"] = float(octets)
    publishes = sorted(float(value) for value in re.findall(r"publish\s+([\d.]+) ms", text))
    figures["publish, ms"] = publishes[len(publishes) // 2]
    for kind, what in (("miss", "misses"), ("hit", "matches")):
        for when, part in (("", text), (" (before compaction)", at_once)):
            figures[f"look-up that {what}, us{when}"] = min(
                float(value) for value in re.findall(rf"match {kind}\s+([\d.]+) us", part))
    return figures


GOALS = {
    "first import, lines a second": (">=", 500_000),
    "1 % of each list, seconds": ("<=", 10),
    "1 % of each list, sidecar's peak MB": ("<=", 300),
    "20 % of one list, seconds": ("<=", 10),
    "20 % of one list, sidecar's peak MB": ("<=", 300),
    "disk, octets a rule in names": ("<=", 2 * 9.3),
    "publish, ms": ("<=", 50),
    "look-up that misses, us": ("<=", 2 * 1.2),
    "look-up that matches, us": ("<=", 2 * 4.4),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=int, default=200_000)
    parser.add_argument("--lists", type=int, default=20)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--folder", type=Path, help="where the lists and the store are made; default: a temporary one")
    parser.add_argument("--keep", action="store_true", help="leave the folder where it is")
    parser.add_argument("--patience", type=float, default=900, help="seconds that one step may take")
    options = parser.parse_args()
    subprocess.run(["ninja", "-C", str(options.build), "--quiet", "weir-sidecar", "weir", "weir_measure_store"], check=True)
    folder = Path(tempfile.mkdtemp(prefix="weir-scale-", dir=options.folder))
    try:
        names = {f"list{number}": 'match = "subtree"' for number in range(options.lists)}
        figures = run(Scale(folder, options.build, names, options.patience), options.rules)
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(f"{options.rules} rules in {options.lists} lists")
    missed = 0
    for what, value in figures.items():
        goal = ""
        if what in GOALS:
            sign, bound = GOALS[what]
            met = value >= bound if sign == ">=" else value <= bound
            missed += not met
            goal = f"goal {sign} {bound:g}: {'met' if met else 'MISSED'}"
        print(f"  {what:48} {value:12,.2f}  {goal}".rstrip())
    (options.build / "scale.json").write_text(json.dumps({"rules": options.rules, "lists": options.lists} | figures, indent=1))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
