"""Ten of twenty authoritative servers die while names are asked for, and return.

WEIR_DEATHS_SECONDS: how long they are away (default 6; 60 takes a minute and a half).
"""

import os
import time
from pathlib import Path

from tests.e2e.case import Case
from tests.support.load import Exchange, Load
from tests.support.mortal_servers import MortalServers, address_of
from tests.support.small_internet import CLIENT

AWAY_SECONDS = float(os.environ.get("WEIR_DEATHS_SECONDS", "6"))
WARM_SECONDS, AFTER_SECONDS = 3.0, 9.0
RECOVERY_SECONDS = 5.0
STALE_MS = 1800 + 300  # [cache] stale_wait, and what the machine takes
RATE = 100  # a second
SERVERS = [f"10.57.0.{number}" for number in range(1, 21)]
DYING = set(SERVERS[:10])
# One to four servers each; 40 zones, so that some lose all of theirs, most some, and some none.
ZONES = {f"z{number}": [SERVERS[(number * 3 + i * (1 if number % 3 == 0 else 6)) % 20] for i in range(number % 4 + 1)]
         for number in range(40)}
ORPHANED = {zone for zone, servers in ZONES.items() if set(servers) <= DYING}


def zone_of(name: str) -> str:
    return name.rsplit(".", 1)[1]


def milliseconds(exchange: Exchange) -> float:
    return (exchange.received_ns - exchange.sent_ns) / 1e6


class DeathsUnderLoadTest(Case):
    @classmethod
    def setUpClass(cls) -> None:
        cls.servers = MortalServers(Path(os.environ["WEIR_E2E_FOLDER"]) / "mortal", "10.57.0.100", ZONES)
        cls.enterClassContext(cls.servers)
        super().setUpClass()

    @classmethod
    def hints(cls):
        return cls.servers.hints

    def judge(self, exchanges: list[Exchange], died_ns: int, returned_ns: int) -> None:
        """What may fail: names of zones without a live server that are asked for or answered while theirs are away, but
        for those that were answered before (RFC 8767)."""
        recovered_ns = returned_ns + int(RECOVERY_SECONDS * 1e9)
        failed_meanwhile = 0
        stale: list[float] = []
        for exchange in exchanges:
            right = exchange.outcome == address_of(exchange.name)
            where = f"{exchange.name}: {exchange.outcome}, asked {(exchange.sent_ns - died_ns) / 1e9:.1f} s after they died"
            self.assertTrue(exchange.received_ns, where)
            self.assertLess(milliseconds(exchange), 5500, where)
            orphaned = zone_of(exchange.name) in ORPHANED
            if orphaned and exchange.name.startswith("t1-stale.") and died_ns + 1e9 <= exchange.sent_ns < returned_ns:
                self.assertTrue(right, where)
                stale.append(milliseconds(exchange))
                self.assertLess(stale[-1], STALE_MS, where)
            elif orphaned and exchange.received_ns >= died_ns and exchange.sent_ns < recovered_ns:
                failed_meanwhile += not right
                self.assertIn(exchange.outcome, (address_of(exchange.name), "SERVFAIL"), where)
            else:
                self.assertTrue(right, where)
        self.assertGreater(failed_meanwhile, 0, "no zone lost all of its servers: this shows nothing")
        self.assertTrue(stale, "no old answer stood in: this shows nothing")
        waits = sorted(milliseconds(exchange) for exchange in exchanges
                       if died_ns <= exchange.sent_ns < returned_ns and zone_of(exchange.name) not in ORPHANED)
        late = sorted(milliseconds(exchange) for exchange in exchanges if exchange.sent_ns >= recovered_ns)
        print(f"    {len(exchanges)} queries, {failed_meanwhile} failed in zones without a server; with one alive: median "
              f"{waits[len(waits) // 2]:.1f} ms, 99th percentile {waits[len(waits) * 99 // 100]:.1f} ms, longest "
              f"{waits[-1]:.1f} ms; {RECOVERY_SECONDS:.0f} s after the return: longest {late[-1]:.1f} ms; {len(stale)} old answers, longest {max(stale):.1f} ms")

    def test_a_live_server_is_enough_and_nothing_lasts(self):
        zones = list(ZONES)
        count = int(RATE * (WARM_SECONDS + AWAY_SECONDS + AFTER_SECONDS) * 2)
        # Each zone by turns a name that is in the cache, one that is not, one that is asked for again and again though it
        # may have failed, and one whose old answer may stand in.
        names = [f"{('hit', f'miss{number}', 't0-again', 't1-stale')[number // len(zones) % 4]}"
                 f".{zones[number % len(zones)]}" for number in range(count)]
        load = Load(self.folder / "load", self.weir.server, names, RATE, CLIENT)
        time.sleep(WARM_SECONDS)
        died_ns = time.monotonic_ns()
        self.servers.kill(sorted(DYING))
        time.sleep(AWAY_SECONDS)
        self.servers.revive(sorted(DYING))
        returned_ns = time.monotonic_ns()
        time.sleep(AFTER_SECONDS)
        self.judge(load.stop(), died_ns, returned_ns)
