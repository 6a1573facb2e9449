"""Sinks of decisions: what is in the log is in each of them, row for row, whatever dies meanwhile.

WEIR_SINK_DECISIONS: how many decisions are compared (default 20,000; 1,000,000 take some minutes).
WEIR_SINK_AWAY_SECONDS: how long ClickHouse is away (default 3).
WEIR_SINK_KILLS: how often the sidecar is killed (default 4).
"""

from __future__ import annotations

import json
import os
import random
import socket
import struct
import subprocess
import threading
import time
import unittest
from collections import Counter
from pathlib import Path

from tests.e2e.case import NULL, Case
from tests.support import clickhouse, clients, control, dns
from tests.support.clickhouse import ClickHouse
from tests.support.load import Load
from tests.support.small_internet import CLIENT

DECISIONS = int(os.environ.get("WEIR_SINK_DECISIONS", "20000"))
AWAY_SECONDS = float(os.environ.get("WEIR_SINK_AWAY_SECONDS", "3"))
KILLS = int(os.environ.get("WEIR_SINK_KILLS", "4"))
SEED = int(os.environ.get("WEIR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
SETTLED_SECONDS = 120 + DECISIONS / 2000
RATE = 1000  # a second, while something is away

LISTS = """
[[list]]
name = "trackers"
source = "{lists}/trackers.adblock"
category = "tracking"

[[policy]]
name = "default"
lists = ["trackers"]
"""

SINKS = """
[[sink]]
name = "lines"
kind = "json"
to = "{folder}/decisions.json"

[[sink]]
name = "tap"
kind = "dnstap"
to = "{folder}/decisions.tap"

[[sink]]
name = "house"
kind = "clickhouse"
to = "{url}"
database = "decisions-of-weir"
user = "{user}"
password_file = "{password_file}"
"""


def tapped(file: Path) -> list[bytes]:
    """The data frames of a Frame Streams file, in which there is one stream."""
    octets, at, frames, controls = file.read_bytes(), 0, [], []
    while at < len(octets):
        (size,) = struct.unpack_from(">I", octets, at)
        at += 4
        if size:
            frames.append(octets[at:at + size])
        else:
            (size, kind) = struct.unpack_from(">II", octets, at)
            controls.append(kind)
            at += 4
        at += size
    assert at == len(octets) and controls in ([2], [2, 3]), f"{file}: control frames {controls}, {at} of {len(octets)}"
    return frames


@unittest.skipUnless(clickhouse.PROGRAM, "clickhouse-server is not installed")
class SinksTest(Case):
    LISTS = {"trackers.adblock": "# one\n||tracker.example^\n"}
    START = False

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        cls.house = ClickHouse(cls.folder / "clickhouse").start()
        cls.addClassCleanup(cls.house.kill)
        cls.sinks = SINKS.format(folder=cls.folder, url=cls.house.url, user=clickhouse.USER,
                                 password_file=cls.house.password_file)
        cls.body = LISTS.format(lists=cls.lists)
        cls.weir.write_config(cls.body + cls.sinks)
        cls.weir.start()
        cls.weir.done("list", "update", "trackers")
        cls.weir.until("ready.tracker.example", NULL, source=CLIENT)

    # What each of them holds.

    def state(self) -> dict:
        return self.weir.done("status", "--json").json

    def asked(self, sql: str) -> int:
        return self.house.number(sql, database="decisions-of-weir")

    def lines(self) -> Counter[str]:
        """Names in the JSON files, also the renamed ones; no row is there twice."""
        names: Counter[str] = Counter()
        ids = set()
        for file in sorted(self.folder.glob("decisions*.json")):
            for line in file.read_text().splitlines():
                row = json.loads(line)
                names[row["name"]] += 1
                ids.add(row["id"])
        self.assertEqual(len(ids), names.total(), "a row is there twice")
        return names

    def log_rows(self) -> list[dict]:
        out = self.weir.done("log", "export", "--format", "jsonl", timeout=600).out
        return [row for row in map(json.loads, out.splitlines()) if "name" in row]

    def assert_rollups(self, rows: list[dict]) -> None:
        """The log's own rollups say what its rows say."""
        timeline = self.weir.done("log", "timeline", "--since", "2d", "--step", "1m", "--by", "class", "--json").json["rows"]
        self.assertEqual({(row["time"][:16], row["key"]): row["decisions"] for row in timeline if row["decisions"]},
                         Counter((row["time"][:16], row["class"]) for row in rows))
        domains = self.weir.done("log", "top", "--by", "domain", "--since", "2d", "--limit", "1000", "--json").json["rows"]
        self.assertEqual(sum(row["decisions"] for row in domains), len(rows))

    def settled(self) -> int:
        """Rows of the log, once every sink has taken as many."""
        def quiet():
            state = self.state()
            rows = state["log"]["rows"]
            enough = all(sink["sent"] == rows and not sink["waiting"] for sink in state["sinks"])
            return rows if enough and rows == self.rows_before else setattr(self, "rows_before", rows)
        self.rows_before = -1
        try:
            return dns.wait_until(quiet, SETTLED_SECONDS, "every sink has what the log has", every=0.5)
        except TimeoutError:
            state = self.state()
            self.fail(f"the log has {state['log']}, the sinks {state['sinks']}\n{self.weir.sidecar.output()[-2000:]}")

    def agree(self) -> int:
        rows = self.settled()
        for sink in self.state()["sinks"]:
            self.assertEqual((sink["dropped"], sink["fault"]), (0, ""), sink)
        log_rows = self.log_rows()
        in_log = Counter(row["name"] for row in log_rows)
        self.assertEqual(len(log_rows), rows)
        # The resolver began to count with this log.
        self.assertEqual((self.weir.figure("weir_decisions_total"), self.weir.figure("weir_decision_drops_total")),
                         (rows, self.state()["log"]["dropped"]))
        self.assert_rollups(log_rows)
        self.assertEqual(self.lines(), in_log)
        self.assertEqual(len(tapped(self.folder / "decisions.tap")), rows)
        self.assertEqual(self.asked("SELECT count() FROM decisions FINAL"), rows)
        answer = self.house.ask("SELECT name, count() FROM decisions FINAL GROUP BY name", database="decisions-of-weir")
        self.assertEqual(Counter({name: int(count) for name, count in (line.split("\t") for line in answer.splitlines())}),
                         in_log)
        for rollup in ("minutes", "domain_hours"):
            self.assertEqual(self.asked(f"SELECT sum(decisions) FROM {rollup} FINAL"), rows, rollup)
        return rows

    # What happens to them.

    def test_1_counts_agree(self):
        names = [f"host{number % 997}.site{number % 31}.tracker.example" for number in range(DECISIONS)]
        begun = time.monotonic()
        clients.dnsperf(self.weir.server, [f"{name} A" for name in names], rate=20_000, source=CLIENT, seconds=600)
        dns.wait_until(lambda: self.state()["log"]["rows"] + self.state()["log"]["dropped"] > DECISIONS,
                       SETTLED_SECONDS, "all decisions arrived", every=0.2)
        rows = self.agree()
        twice = self.asked("SELECT count() FROM decisions") - rows
        print(f"    {rows} rows agree, {self.state()['log']['dropped']} found the ring full, {twice} were sent twice, in "
              f"{time.monotonic() - begun:.1f} s")
        row = json.loads(self.house.ask("SELECT * FROM decisions FINAL WHERE name = 'ready.tracker.example' LIMIT 1 "
                                        "FORMAT JSONEachRow", database="decisions-of-weir"))
        self.assertEqual((row["list"], row["category"], row["line"], row["client"], row["domain"], row["class"]),
                         ("trackers", "tracking", "2", "10.53.1.0/24", "tracker.example", "blocked"), row)
        dumped = subprocess.run(["fstrm_dump", str(self.folder / "decisions.tap")], capture_output=True, timeout=60)
        self.assertEqual((dumped.returncode, dumped.stdout.count(b"\n")), (0, rows), dumped.stderr[-500:])
        tap = tapped(self.folder / "decisions.tap")[-1]
        self.assertIn(b"trackers: ", tap)
        metrics = control.request(self.weir.run_folder / "sidecar.sock", "metrics")["text"]
        self.assertIn(f'weir_sink_sent_total{{sink="house"}} {rows}\n', metrics)
        self.assertIn('weir_sink_up{sink="tap"} 1\n', metrics)

    def load(self) -> Load:
        names = [f"host{number}.while.tracker.example" for number in range(211)]
        return Load(self.folder / "load", self.weir.server, names, RATE, CLIENT)

    def test_2_clickhouse_goes_away_and_returns_and_a_file_is_renamed(self):
        load = self.load()
        time.sleep(1.0)
        self.house.kill()
        (self.folder / "decisions.json").rename(self.folder / "decisions.1.json")
        time.sleep(AWAY_SECONDS)
        house = next(sink for sink in self.state()["sinks"] if sink["name"] == "house")
        self.assertGreater(house["waiting"], 0, house)
        self.assertIn("ClickHouse", house["fault"])
        self.assertIn("waiting", self.weir.done("status").out)
        shown = self.weir.done("sink", "list").out
        self.assertRegex(shown, r"house +clickhouse +http://127.0.0.1:8123 +down since 20")
        self.assertRegex(shown, r"lines +json +\S+decisions.json +up ")
        self.assertRegex(self.weir.done("sink", "show", "house").out, r"state: down since 20\S+: ClickHouse")
        self.house.start()
        time.sleep(1.0)
        load.stop()
        print(f"    {self.agree()} rows agree, {house['waiting']} waited")

    def test_3_the_sidecar_is_killed(self):
        print(f"    WEIR_SEED={SEED}")
        dice = random.Random(SEED)
        load = self.load()
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.2, 1.5))  # the random moment
            self.weir.sidecar.kill()
            self.weir.sidecar.start()
        load.stop()
        rows = self.agree()
        print(f"    {rows} rows agree, {self.asked('SELECT count() FROM decisions') - rows} were sent twice")

    def test_4_sinks_come_and_go_by_reload(self):
        pipe, syslog = self.folder / "pipe", self.folder / "syslog"
        os.mkfifo(pipe)
        piped: list[bytes] = []
        reader = threading.Thread(target=lambda: piped.extend(pipe.open("rb")), daemon=True)
        reader.start()
        log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(log.close)
        log.bind(str(syslog))
        log.settimeout(20)
        tap = self.folder / "tap.sock"
        capture = subprocess.Popen(["fstrm_capture", "-t", "protobuf:dnstap.Dnstap", "-u", str(tap), "-w",
                                    str(self.folder / "captured.tap")], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(capture.wait)
        self.addCleanup(capture.kill)
        dns.wait_until(tap.exists, 10, "fstrm_capture listens")
        more = "".join(f'\n[[sink]]\nname = "{name}"\nkind = "{kind}"\nto = "{to}"\n' for name, kind, to in
                       (("pipe", "json", pipe), ("messages", "syslog", f"unix:{syslog}"), ("live", "dnstap", f"unix:{tap}")))
        self.weir.write_config(self.body + self.sinks + more)
        self.weir.done("reload")
        for number in range(10):
            self.weir.until(f"new{number}.tracker.example", NULL, source=CLIENT)
        sent = dns.wait_until(lambda: (lambda them: them if all(s["sent"] == 10 for s in them) else None)(
            [s for s in self.state()["sinks"] if s["name"] in ("pipe", "messages", "live")]), 20, "the new sinks have theirs")
        self.assertEqual([s["dropped"] for s in sent], [0, 0, 0])
        messages = [log.recv(65536) for _ in range(10)]
        self.assertTrue(all(m.startswith(b"<30>1 ") and b"tracker.example" in m for m in messages), messages[0])
        self.weir.write_config(self.body + self.sinks)
        self.weir.done("reload")
        self.assertEqual([sink["name"] for sink in self.state()["sinks"]], ["house", "lines", "tap"])
        self.assertEqual(sorted(path.name for path in (self.weir.store / "spool").iterdir()), ["house", "lines", "tap"])
        reader.join(20)
        self.assertEqual(sorted(json.loads(line)["name"] for line in piped), [f"new{n}.tracker.example" for n in range(10)])
        capture.terminate()
        capture.wait(20)
        self.assertEqual(len(tapped(self.folder / "captured.tap")), 10)
        self.agree()
