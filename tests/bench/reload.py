#!/usr/bin/env python3
"""weir and its peers take a changed list while they answer: tests/bench/reload.py [--rules N] [--rate N] [--only NAMES].

Each system blocks the same list and answers the same open loop of questions. For each of --rounds pairs it is loaded
once in peace and once while it takes the list with some names more, by its own way of doing so. Names that no cache
holds are asked for meanwhile, to see when the first is blocked, and in peace as long as the reload before took, so that
the two differ by the reload alone. Told are: queries lost, seconds until the first of the new names is blocked, memory
above that of just before, latencies as medians over the runs beside their spread without reloads; of weir also a `rule
add` and the longest turn of a worker's loop in CPU time.

The system has core 0, the load generator core 1. weir's sidecar runs beside the resolver, each with the nice value of
its unit. Writes build/reload.json. Ends with 1 where weir misses what is promised of it (PROMISES).
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
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import bench
import systems as peers

ROOT = Path(__file__).resolve().parents[2]
PROBES = 999  # names that a reload adds; each is asked for once
FIRST_PEACE_SECONDS = 1.5  # of asking without a reload, before the first one tells how long they take
LISTED = "host0.bench"  # exists, and is on the list from the start
START_SECONDS = 300  # BIND reads a million rules for minutes
# Between two probes. Each new name is resolved, which takes as long as ten cached answers: seldom, so that the load is
# not measured beside those.
STEP_SECONDS = {"effect_s": 0.025, "rule_add_s": 0.005}
PROMISES = {"lost": 0, "effect_s": 2.0, "rule_add_s": 0.1, "longest_turn_ms": 1.0, "rss_above_mb": 10.0}


def nice_of(unit: str) -> int:
    lines = (ROOT / f"deploy/systemd/{unit}.service").read_text().splitlines()
    return next((int(line.removeprefix("Nice=")) for line in lines if line.startswith("Nice=")), 0)


class WeirBesideItsSidecar(peers.Weir):
    def start(self) -> None:
        super().start()
        for process, unit in ((self.helpers[-1], "weir-sidecar"), (self.process, "weir-resolver")):
            nice = nice_of(unit)
            for task in Path(f"/proc/{process.pid}/task").iterdir():  # the sidecar's were started with the generator's core
                try:
                    os.sched_setaffinity(int(task.name), {0})
                    if os.getpriority(os.PRIO_PROCESS, int(task.name)) == 0:  # not one that has ranked itself
                        os.setpriority(os.PRIO_PROCESS, int(task.name), nice)
                except ProcessLookupError:
                    pass  # one that has just ended

    def command_line(self, *words: str) -> None:
        subprocess.run([str(self.build / "tools/weir"), "--config", str(self.folder / "weir.toml"), *words], check=True,
                       stdout=subprocess.DEVNULL, timeout=600)

    def reload(self) -> None:
        self.command_line("list", "update", "big")


class BindWithPolicyZone(peers.Bind):
    filters = True

    def configure(self, blocklist):
        super().configure(blocklist)
        peers.write_rpz(self.folder / "rpz.zone", blocklist)
        path = self.folder / "named.conf"
        key = 'key "k" { algorithm hmac-sha256; secret "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="; };\n'
        text = path.read_text().replace("controls { };", 'controls { inet 127.0.0.1 port 9953 allow { 127.0.0.1; } keys { "k"; }; };')
        text = text.replace("  recursion yes;", '  recursion yes;\n  response-policy { zone "rpz" min-update-interval 0; } qname-wait-recurse no;')
        path.write_text(key + text + f'zone "rpz" {{ type primary; file "{self.folder}/rpz.zone"; allow-query {{ none; }}; }};\n')
        (self.folder / "rndc.conf").write_text(key + 'options { default-key "k"; default-server 127.0.0.1; default-port 9953; };\n')

    def reload(self) -> None:
        subprocess.run(["/usr/sbin/rndc", "-c", str(self.folder / "rndc.conf"), "reload", "rpz"], check=True,
                       stdout=subprocess.DEVNULL, timeout=600)


class KnotThatWatches(peers.Knot):
    """It reads its policy zone again when the file is replaced."""

    def configure(self, blocklist):
        super().configure(blocklist)
        path = self.folder / "kresd.conf"
        path.write_text(path.read_text().replace("rpz.zone', false)", "rpz.zone', true)"))

    def reload(self) -> None:
        os.replace(self.folder / "rpz.zone", self.folder / "rpz.new")
        os.replace(self.folder / "rpz.new", self.folder / "rpz.zone")


class DnsdistByConsole(peers.Dnsdist):
    KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

    def configure(self, blocklist):
        super().configure(None)
        with open(self.folder / "dnsdist.conf", "a") as out:
            out.write(f"""
setKey('{self.KEY}')
controlSocket('127.0.0.1:5199')
function takeList()
  local blocked = newSuffixMatchNode()
  for line in io.lines('{blocklist}') do blocked:add(newDNSName(line)) end
  clearRules()
  addAction(SuffixMatchNodeRule(blocked), SpoofAction({{'0.0.0.0', '::'}}))
end
takeList()
""")

    def reload(self) -> None:
        subprocess.run(["/usr/bin/dnsdist", "-C", str(self.folder / "dnsdist.conf"), "-e", "takeList()"], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=600)


class Dnsmasq(peers.System):
    """A hosts file, which it reads again at SIGHUP."""

    name = "dnsmasq"
    program = "dnsmasq"
    resolves = False

    def configure(self, blocklist):
        with open(self.folder / "hosts", "w") as out:
            out.writelines(f"0.0.0.0 {line}\n" for line in blocklist.read_text().splitlines())

    def command(self):
        return ["/usr/sbin/dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts",
                f"--addn-hosts={self.folder}/hosts", f"--server={peers.AUTHORITY}", f"--listen-address={peers.SERVER}",
                f"--port={peers.PORT}", "--bind-interfaces", "--user=root", "--cache-size=10000", "--pid-file="]

    def reload(self) -> None:
        self.process.send_signal(signal.SIGHUP)


KINDS = [WeirBesideItsSidecar, peers.Unbound, BindWithPolicyZone, KnotThatWatches, peers.PowerDns, DnsdistByConsole, Dnsmasq]


class Probing:
    """Asks for names that exist, each once, until one of them is blocked."""

    def __init__(self, names: list[str], step_seconds: float) -> None:
        self._names, self._step_seconds = iter(names), step_seconds

    def seconds_until_blocked(self, begun: float, seconds: float) -> float | None:
        for name in self._names:
            if bench.is_answered(name, "blocked"):
                return time.monotonic() - begun
            passed = time.monotonic() - begun
            if passed > seconds:
                return None
            time.sleep(self._step_seconds)
        return None


def write_new_list(path: Path, names: Path, added: list[str]) -> Path:
    """As a whole under another name, and on the disk: what its writing costs is not what taking it costs."""
    temporary = path.with_suffix(".new")
    with open(temporary, "w") as out:
        out.write(names.read_text() + "".join(f"{name}\n" for name in [LISTED, *added]))
        out.flush()
        os.fsync(out.fileno())
    return temporary


def write_list(path: Path, names: Path, added: list[str]) -> None:
    os.replace(write_new_list(path, names, added), path)


def high_water_kb(process: int) -> int:
    return int(next(line.split()[1] for line in Path(f"/proc/{process}/status").read_text().splitlines()
                    if line.startswith("VmHWM:")))


@dataclass
class Change:
    file: Path  # the list with them
    added: list[str]
    removed: str  # no longer on it


class Measured:
    """One system under the load, in peace or not."""

    def __init__(self, system, arguments, folder: Path, names: Path, blocklist: Path, sample: Path) -> None:
        self.system, self.arguments, self.folder = system, arguments, folder
        self.names, self.blocklist, self.sample = names, blocklist, sample
        self.is_weir = isinstance(system, peers.Weir)
        self.seconds = arguments.seconds if self.is_weir else arguments.peer_seconds
        self.rows: dict[str, list] = {}
        self.unlisted = [f"host{number}.bench" for number in range(bench.CACHED_NAMES, bench.EXISTING_NAMES)]

    def put(self, key: str, value) -> None:
        self.rows.setdefault(key, []).append(value)

    def under_load(self, work) -> dict:
        report = self.folder / "load.report"
        with open(report, "w") as out:
            generator = subprocess.Popen(
                ["taskset", "-c", "1", str(self.system.build / "bench/bench_load"), "--server", f"{peers.SERVER}:{peers.PORT}",
                 "--names", str(self.sample), "--rate", str(self.arguments.rate), "--seconds", str(self.seconds), "--expect",
                 "blocked"], stdout=out)
        try:
            work()
            generator.wait(self.seconds + 60)
        finally:
            if generator.poll() is None:
                generator.terminate()
                generator.wait()
        return json.loads(report.read_text().strip().splitlines()[-1])

    def wait_into_load(self) -> None:
        time.sleep(min(1.0, self.seconds / 4))

    def ask_in_peace(self) -> None:
        self.wait_into_load()
        before = [seconds for seconds in self.rows.get("effect_s", []) if seconds is not None]
        names = [self.unlisted.pop() for _ in range(min(PROBES, len(self.unlisted)))]
        probing = Probing(names, STEP_SECONDS["effect_s"])
        probing.seconds_until_blocked(time.monotonic(), before[-1] if before else FIRST_PEACE_SECONDS)

    def take_list(self, change: Change) -> None:
        self.wait_into_load()
        steady = self.system.rss_kb()
        Path(f"/proc/{self.system.process.pid}/clear_refs").write_text("5")
        os.replace(change.file, self.blocklist)
        self.system.configure(self.blocklist)
        begun = time.monotonic()
        asked = threading.Thread(target=self.system.reload)  # some answer when it is done, some at once
        asked.start()
        # Names enough for all of the run.
        probing = Probing(change.added, max(STEP_SECONDS["effect_s"], self.seconds / len(change.added)))
        self.put("effect_s", probing.seconds_until_blocked(begun, self.seconds))
        asked.join(600)
        if self.is_weir:
            begun = time.monotonic()
            asked = threading.Thread(target=self.system.command_line, args=("rule", "add", change.removed))
            asked.start()
            probing = Probing([change.removed] * 1000, STEP_SECONDS["rule_add_s"])
            self.put("rule_add_s", probing.seconds_until_blocked(begun, 5))
            asked.join(60)
            self.system.command_line("rule", "remove", change.removed)
        self.put("rss_above_mb", (high_water_kb(self.system.process.pid) - steady) / 1024)

    def write_change(self, round: int) -> Change:
        hosts = [f"host{number}.bench" for number in range(1, bench.CACHED_NAMES)]
        begin = PROBES * (round % 2)  # the others are there from the round before, and go
        added = hosts[begin:begin + PROBES]
        return Change(write_new_list(self.blocklist, self.names, added), added, hosts[0 if begin else PROBES])

    def run(self, rounds: int) -> None:
        for round in range(rounds):
            for busy in ((False, True) if round % 2 == 0 else (True, False)):  # what drifts falls on both
                report = self.under_load(partial(self.take_list, self.write_change(round)) if busy else self.ask_in_peace)
                suffix = "" if busy else "_quiet"
                self.put("lost" + suffix, report["lost"])
                self.put("sent" + suffix, report["sent"])
                for figure in ("p50_us", "p99_us", "max_us"):
                    self.put(figure + suffix, report[figure])
        turn = self.system.longest_turn_ms()
        if turn is not None:
            self.put("longest_turn_ms", turn)

    def summary(self) -> dict:
        def worst(key: str):
            values = self.rows.get(key)
            return None if not values else None if None in values else round(max(values), 3)

        found = {key: sum(self.rows[key]) for key in ("sent", "lost", "lost_quiet")}
        for key in ("effect_s", "rule_add_s", "rss_above_mb", "longest_turn_ms"):
            found[key] = worst(key)
        found["effect_median_s"] = None if None in self.rows["effect_s"] else round(statistics.median(self.rows["effect_s"]), 3)
        for figure in ("p50_us", "p99_us", "max_us"):
            quiet = self.rows[figure + "_quiet"]
            found[figure] = round(statistics.median(self.rows[figure]), 1)
            found[figure + "_quiet"] = round(statistics.median(quiet), 1)
            found[figure + "_noise"] = round(max(quiet) - min(quiet), 1)
        return found


def broken_promises(found: dict) -> list[str]:
    broken = [f"{key} {found[key]}, promised {most}" for key, most in PROMISES.items()
              if found[key] is None or found[key] > most]
    for figure in ("p50_us", "p99_us"):
        if found[figure] - found[figure + "_quiet"] > found[figure + "_noise"]:
            broken.append(f"{figure} {found[figure]} with reloads, {found[figure + '_quiet']} without, which vary by "
                          f"{found[figure + '_noise']}")
    return broken


def print_table(table: dict[str, dict]) -> None:
    keys = list(next(iter(table.values())))
    print(f"\n{'':20}" + "".join(f"{name:>11}" for name in table))
    for key in keys:
        print(f"{key:20}" + "".join(f"{'-' if row[key] is None else row[key]:>11}" for row in table.values()))


def wait_for_filter(system) -> None:
    """Until a name of the list that exists is blocked: one that does not looks blocked by anybody."""
    deadline = time.monotonic() + START_SECONDS
    while not bench.is_answered(LISTED, "blocked"):
        if system.process.poll() is not None:
            raise RuntimeError(f"it ended with {system.process.returncode}")
        if time.monotonic() > deadline:
            raise RuntimeError(f"it does not filter within {START_SECONDS} s of its start")
        time.sleep(0.01)


def measure(kind, arguments, folder: Path, build: Path, names: Path, sample: Path) -> dict:
    system = kind(folder, build)
    blocklist = folder / f"{system.name}.list"
    write_list(blocklist, names, [])
    system.configure(blocklist)
    system.start()
    try:
        wait_for_filter(system)
        bench.load(build, sample, "--window", "32", "--seconds", "1", "--expect", "blocked")
        measured = Measured(system, arguments, folder, names, blocklist, sample)
        measured.run(arguments.rounds if measured.is_weir else arguments.peer_rounds)
        return measured.summary()
    finally:
        system.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--rules", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=10, help="pairs of runs of weir, one reload each")
    parser.add_argument("--seconds", type=float, default=10, help="of a run of weir")
    parser.add_argument("--peer-rounds", type=int, default=1)
    parser.add_argument("--peer-seconds", type=float, default=40, help="of a run of a peer, most of which take long")
    parser.add_argument("--only", default="", help="systems, separated by commas: " + " ".join(kind.name for kind in KINDS))
    arguments = parser.parse_args()
    bench.in_own_namespace()
    build = arguments.build.resolve()
    chosen = [kind for kind in KINDS if not arguments.only or kind.name in arguments.only.split(",")]
    table: dict[str, dict] = {}
    failed = skipped = 0
    load_average = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="weir-reload-") as temporary:
        os.chmod(temporary, 0o755)
        folder = Path(temporary)
        _, names, sample = bench.write_names(folder, arguments.rules)
        authority = bench.start_authority(folder)
        try:
            for kind in chosen:
                if not kind(folder, build).available():
                    print(f"{kind.name}: not installed, left out", flush=True)
                    skipped += 1
                    continue
                print(f"measuring {kind.name}", flush=True)
                try:
                    table[kind.name] = measure(kind, arguments, folder, build, names, sample)
                except (RuntimeError, OSError, StopIteration, subprocess.SubprocessError) as fault:
                    failed += 1
                    print(f"{kind.name}: FAILED: {type(fault).__name__} {fault}", flush=True)
                    log = folder / kind.name / "log"
                    if log.exists():
                        print("".join(log.read_text(errors="replace").splitlines(keepends=True)[-5:]), flush=True)
        finally:
            authority.terminate()
            authority.wait()
    if table:
        print_table(table)
    print(f"\n{arguments.rules} rules, {arguments.rate} queries a second; load average at the start {load_average:.2f}")
    broken = broken_promises(table["weir"]) if "weir" in table else []
    for line in broken:
        print(f"weir: {line}")
    (build / "reload.json").write_text(json.dumps(
        {"rules": arguments.rules, "rate": arguments.rate, "load_average": load_average, "systems": table}, indent=1) + "\n")
    print(f"{len(table) - bool(broken)} passed, {failed + bool(broken)} failed, {skipped} skipped")
    return 1 if failed or broken else 0


if __name__ == "__main__":
    sys.exit(main())
