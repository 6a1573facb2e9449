#!/usr/bin/env python3
"""The decision log beside SQLite laid out as Pi-hole's and ClickHouse: octets a decision, decisions a second, questions.

    python3 tests/bench/log.py --names FILE [--decisions 5000000] [--only weir,sqlite,clickhouse] [--weir-decisions N]

FILE: names, a line each, the most frequent first. The same decisions of 30 days by 5,000 clients go into each
(weir_measure_log makes them); then each is asked with cold caches. Writes build/log.json. Every process started here is
ended here; the data lies in a folder that goes at the end. weir_measure_log must be built (ninja weir_measure_log).
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
TEXT = "zzqxzz"  # in no name
CLIENT = 2500  # as kAskedClient in weir_measure_log
FIRST_MS = 20_000 * 86_400_000
DAY_MS = FIRST_MS + 10 * 86_400_000
STEP = 50_000  # rows of one insert
COLUMNS = ("ms", "class", "name", "type", "client", "group", "list", "generation", "action", "mode", "latency")


def client_address() -> str:
    number = 0x0A000000 + CLIENT * 7 + 3
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def octets_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def forget_pages(folder: Path) -> None:
    os.sync()
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


class Timed:
    def __init__(self) -> None:
        self.rows: dict[str, dict] = {}

    def put(self, question: str, begun: float, found) -> None:
        self.rows[question] = {"ms": round((time.monotonic() - begun) * 1000, 1), "found": found}


def decisions_of(arguments):
    """Lists of rows, each a tuple of texts, as weir_measure_log dumps them."""
    dump = subprocess.Popen([str(arguments.build / "weir_measure_log"), "dump", str(arguments.decisions), str(arguments.names)],
                            stdout=subprocess.PIPE, text=True, bufsize=1 << 20)
    rows = []
    for line in dump.stdout:
        rows.append(line.rstrip("\n").split("\t"))
        if len(rows) == STEP:
            yield rows
            rows = []
    if rows:
        yield rows
    if dump.wait() != 0:
        raise RuntimeError("weir_measure_log dump failed")


def measure_weir(arguments, folder: Path, name: str) -> dict:
    tool = str(arguments.build / "weir_measure_log")
    log = folder / "weir"
    count = arguments.weir_decisions or arguments.decisions
    out = subprocess.run([tool, "write", str(log), str(count), str(arguments.names)], check=True, capture_output=True, text=True)
    wrote: dict = {}
    for line in out.stdout.splitlines():
        wrote.update(json.loads(line))
    asked = subprocess.run([tool, "ask", str(log), name, TEXT], check=True, capture_output=True, text=True)
    questions = {row["question"]: {"ms": row["ms"], "found": row["found"]} for row in map(json.loads, asked.stdout.splitlines())}
    return {"decisions": count, "octets": wrote["on_disk_per_decision"], "per_second": wrote["ingest_per_second"],
            "peak_mb": wrote["peak_mb"], "questions": questions}


PIHOLE = """
PRAGMA journal_mode = WAL;
CREATE TABLE query_storage (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL, type INTEGER NOT NULL,
  status INTEGER NOT NULL, domain INTEGER NOT NULL, client INTEGER NOT NULL, forward INTEGER, additional_info INTEGER,
  reply_type INTEGER, reply_time REAL, dnssec INTEGER, list_id INTEGER);
CREATE TABLE domain_by_id (id INTEGER PRIMARY KEY, domain TEXT NOT NULL);
CREATE TABLE client_by_id (id INTEGER PRIMARY KEY, ip TEXT NOT NULL, name TEXT);
CREATE INDEX idx_queries_timestamps ON query_storage (timestamp);
CREATE UNIQUE INDEX domain_by_id_domain_idx ON domain_by_id(domain);
CREATE UNIQUE INDEX client_by_id_client_idx ON client_by_id(ip,name);
CREATE VIEW queries AS SELECT q.id, timestamp, type, status, d.domain AS domain, c.ip AS client, reply_time, list_id
  FROM query_storage q JOIN domain_by_id d ON d.id = q.domain JOIN client_by_id c ON c.id = q.client;
"""


def measure_sqlite(arguments, folder: Path, name: str) -> dict:
    folder = folder / "sqlite"
    folder.mkdir()
    database = sqlite3.connect(folder / "pihole-FTL.db")
    database.executescript(PIHOLE)
    domains: dict[str, int] = {}
    clients: dict[str, int] = {}
    spent = 0.0
    count = 0
    for rows in decisions_of(arguments):
        begun = time.process_time()
        made = []
        for row in rows:
            domain = domains.setdefault(row[2], len(domains) + 1)
            client = clients.setdefault(row[4], len(clients) + 1)
            made.append((int(row[0]) // 1000, int(row[3]), int(row[1]), domain, client, int(row[10]) / 1e6, int(row[6])))
        database.executemany("INSERT INTO query_storage (timestamp, type, status, domain, client, reply_time, list_id) "
                             "VALUES (?, ?, ?, ?, ?, ?, ?)", made)
        database.commit()
        spent += time.process_time() - begun
        count += len(rows)
    begun = time.process_time()
    database.executemany("INSERT INTO domain_by_id VALUES (?, ?)", [(number, text) for text, number in domains.items()])
    database.executemany("INSERT INTO client_by_id VALUES (?, ?, '')", [(number, text) for text, number in clients.items()])
    database.commit()
    spent += time.process_time() - begun
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    timed = Timed()

    def ask(question: str, sql: str, *values) -> None:
        forget_pages(folder)
        connection = sqlite3.connect(folder / "pihole-FTL.db")
        begun = time.monotonic()
        found = connection.execute(sql, values).fetchall()
        timed.put(question, begun, len(found) if len(found) != 1 else found[0][-1])
        connection.close()

    day = DAY_MS // 1000
    page = "SELECT * FROM queries WHERE {} = ? ORDER BY timestamp DESC LIMIT 100"
    ask("name: newest 100", page.format("domain"), name)
    ask("client: newest 100", page.format("client"), client_address())
    ask("text in no name: all names", "SELECT count(*) FROM queries WHERE domain LIKE ?", f"%{TEXT}%")
    ask("top 100 names of a day", "SELECT domain, count(*) AS n FROM queries WHERE timestamp >= ? AND timestamp < ? "
        "GROUP BY domain ORDER BY n DESC LIMIT 100", day, day + 86400)
    ask("timeline of 30 days by hour and class", "SELECT timestamp / 3600, status, count(*) FROM query_storage GROUP BY 1, 2")
    ask("sql: count, latency > 1000", "SELECT count(*) FROM query_storage WHERE reply_time > 0.001")
    return {"decisions": count, "octets": round(octets_in(folder) / count, 2), "per_second": round(count / spent),
            "questions": timed.rows}


TABLE = """CREATE TABLE decisions (time DateTime, ms UInt16, class UInt8, name String, type UInt16, client String,
  client_group UInt8, list UInt32, generation UInt32, action UInt8, mode UInt8, latency_us UInt32)
  ENGINE = MergeTree PARTITION BY toYYYYMM(time) ORDER BY (time) """


def measure_clickhouse(arguments, folder: Path, name: str) -> dict:
    from tests.support.clickhouse import ClickHouse
    server = ClickHouse(folder / "clickhouse", port=18123).start()
    try:
        server.ask(TABLE)
        spent = 0.0
        count = 0
        for rows in decisions_of(arguments):
            text = "\n".join("\t".join((str(int(row[0]) // 1000), str(int(row[0]) % 1000), *row[1:])) for row in rows)
            begun = time.monotonic()
            server.ask("INSERT INTO decisions FORMAT TabSeparated\n" + text)
            spent += time.monotonic() - begun
            count += len(rows)
        server.ask("OPTIMIZE TABLE decisions FINAL")
        octets = server.number("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'decisions'")
        timed = Timed()

        def ask(question: str, sql: str) -> None:
            server.kill()
            forget_pages(folder / "clickhouse")
            server.start()
            begun = time.monotonic()
            found = server.ask(sql).splitlines()
            timed.put(question, begun, len(found) if len(found) != 1 else found[0])

        day = f"time >= toDateTime({DAY_MS // 1000}) AND time < toDateTime({DAY_MS // 1000 + 86400})"
        ask("name: newest 100", f"SELECT * FROM decisions WHERE name = '{name}' ORDER BY time DESC LIMIT 100")
        ask("client: newest 100", f"SELECT * FROM decisions WHERE client = '{client_address()}' ORDER BY time DESC LIMIT 100")
        ask("text in no name: all names", f"SELECT count() FROM decisions WHERE name LIKE '%{TEXT}%'")
        ask("top 100 names of a day", f"SELECT name, count() AS n FROM decisions WHERE {day} GROUP BY name ORDER BY n DESC LIMIT 100")
        ask("timeline of 30 days by hour and class", "SELECT toStartOfHour(time) AS t, class, count() FROM decisions GROUP BY t, class")
        ask("sql: count, latency > 1000", "SELECT count() FROM decisions WHERE latency_us > 1000")
        ask("sql: count, type and list =", "SELECT count() FROM decisions WHERE type = 65 AND list = 17")
        ask("sql: groups by class over rows", "SELECT class, count() FROM decisions GROUP BY class")
        return {"decisions": count, "octets": round(octets / count, 2), "per_second": round(count / spent), "questions": timed.rows}
    finally:
        server.kill()


SYSTEMS = {"weir": measure_weir, "sqlite": measure_sqlite, "clickhouse": measure_clickhouse}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--names", type=Path, required=True)
    parser.add_argument("--decisions", type=int, default=5_000_000)
    parser.add_argument("--weir-decisions", type=int, default=0, help="of weir alone, if it is another number")
    parser.add_argument("--only", default="weir,sqlite,clickhouse")
    arguments = parser.parse_args()
    arguments.build = arguments.build.resolve()
    names = arguments.names.read_text().splitlines()
    name = names[min(len(names), 30_000) - 1]
    table = {}
    for system in arguments.only.split(","):
        with tempfile.TemporaryDirectory(prefix="weir-log-bench-") as folder:
            print(f"measuring {system}", file=sys.stderr, flush=True)
            table[system] = SYSTEMS[system](arguments, Path(folder), name)
    (arguments.build / "log.json").write_text(json.dumps(table, indent=1) + "\n")
    print(f"{'':42}" + "".join(f"{system:>14}" for system in table))
    for figure in ("decisions", "octets", "per_second"):
        print(f"{figure:42}" + "".join(f"{row[figure]:>14}" for row in table.values()))
    for question in dict.fromkeys(question for row in table.values() for question in row["questions"]):
        cells = [row["questions"].get(question) for row in table.values()]
        print(f"{question + ', ms':42}" + "".join(f"{'-' if cell is None else cell['ms']:>14}" for cell in cells))
    return 0


if __name__ == "__main__":
    sys.exit(main())
