"""An honest internet: it must reach no limit, and be served while attacks go on.

2,000 zones at servers of their own with delays, losses and dead ones, as the Internet has them.
"""

from __future__ import annotations

import json
import random
import subprocess

from tests.attack.arena import Arena, Case, Outcome
from tests.attack.messages import NXDOMAIN, Query, Reply, Rr, soa
from tests.attack.mixture import attack_names
from tests.attack.systems import ADDRESS
from tests.attack.world import World
from tests.support import dns
from tests.support.daemons import BUILD
from tests.support.load import Load

ZONES = 2000
FIRST_NETWORK = 64  # 10.53.64. and on
NAMES = 30_000
ONE_IN = 10_000  # names may reach a limit
ECHO_PORT = 5399
CACHED_RATE = 2000
MISS_RATE = 100
ATTACK_RATE = 200
LOAD_SECONDS = 10
TIMES_ECHO = 2.0

_noise = random.Random(9)


def servers_of(zone: int) -> list[str]:
    """Two to four addresses; one of a tenth of the zones is dead."""
    return [f"10.53.{FIRST_NETWORK + zone % 64}.{(zone // 64) * 4 % 248 + i + 1}" for i in range(2 + zone % 3)]


DEAD = {servers_of(zone)[0] for zone in range(0, ZONES, 10)}


def _number(query: Query) -> int:
    return int(query.labels[-2].removeprefix("zone"))


def _answer(query: Query):
    zone = f"zone{_number(query)}.good."
    first = query.labels[0]
    if query.name == zone:
        return Reply([Rr(zone, "NS", f"ns{i}.{zone}") for i, _ in enumerate(servers_of(_number(query)))]) \
            if query.is_a("NS") else Reply(authority=[soa(zone)])
    if first.startswith("no"):
        return Reply(authority=[soa(zone)], rcode=NXDOMAIN)
    if not query.is_a("A"):
        return Reply(authority=[soa(zone)])
    if first.startswith("alias"):
        return Reply([Rr(query.name, "CNAME", f"host{first[5:]}.{zone}")])
    if first.startswith("far"):  # to a content network
        return Reply([Rr(query.name, "CNAME", f"edge{first[3:]}.zone{(_number(query) + 7) % ZONES}.good.")])
    if first.startswith("ns") and first[2:].isdigit() and int(first[2:]) < 4:
        return Reply([Rr(query.name, "A", servers_of(_number(query))[int(first[2:])])])
    return Reply([Rr(query.name, "A", "192.0.2.1", 3600)])


def _handle(query: Query):
    if query.server in DEAD or not query.labels[-2].startswith("zone"):
        return None
    if _noise.random() < 0.02:
        return None
    return [(_noise.choice((0.001, 0.003, 0.008)), _answer(query))]


def install(world: World) -> None:
    for zone in range(ZONES):
        world.delegate(f"zone{zone}.good.", [(f"ns{i}.zone{zone}.good.", [address])
                                             for i, address in enumerate(servers_of(zone))])
    for network in range(64):
        world.serve(f"10.53.{FIRST_NETWORK + network}.", _handle)


def names(count: int, mark: str) -> list[str]:
    kinds = ("host", "host", "host", "alias", "far", "no", "deep.er.host")
    return [f"{kinds[n % len(kinds)]}{mark}{n}.zone{n * 7919 % ZONES}.good" for n in range(count)]


def _limits(arena: Arena) -> dict[str, float]:
    return {name: value for name, value in arena.system.counters_after().items()
            if name.startswith("weir_limits_reached_total")}


def _reaches_no_limit(arena: Arena) -> Outcome:
    outcome = Outcome()
    before = _limits(arena)
    answers = dns.ask_many(arena.system.server, names(NAMES, "x"), source=arena.system.client, window=64)
    after = _limits(arena)
    reached = {name.partition('"')[2].rstrip('"}'): int(after[name] - before[name]) for name in after
               if after[name] > before[name]}
    failed = sum(answer.rcode == "SERVFAIL" for answer in answers)
    outcome.expect(sum(reached.values()) < NAMES / ONE_IN, f"of {NAMES} names: {reached}")
    outcome.figures = {"names": NAMES, "reached": sum(reached.values()), "failed": failed, "which": str(reached)}
    return outcome


def _cached_load(server: tuple[str, int], path, seconds: float, expect: str) -> dict:
    ran = subprocess.run([str(BUILD / "bench" / "bench_load"), "--server", f"{server[0]}:{server[1]}", "--names",
                          str(path), "--rate", str(CACHED_RATE), "--seconds", str(seconds), "--expect", expect],
                         capture_output=True, text=True, timeout=seconds + 60)
    if not ran.stdout.strip():
        raise RuntimeError(f"load generator: {ran.stderr}")
    return json.loads(ran.stdout.strip().splitlines()[-1])


def _under_attack(arena: Arena) -> Outcome:
    """The same cached questions first at an echo server, then at weir; attack and honest misses go to weir in both."""
    outcome = Outcome()
    known = [f"kept{n}.zone{n}.good" for n in range(1, 500) if n % 10]
    dns.ask_many(arena.system.server, known, source=arena.system.client, window=50)
    path = arena.folder / "cached.names"
    path.write_text("".join(f"{name}\n" for name in known))
    echo = subprocess.Popen([str(BUILD / "bench" / "bench_echo"), ADDRESS, str(ECHO_PORT), "loop"],
                            stdin=subprocess.DEVNULL)
    misses = names(MISS_RATE * (2 * LOAD_SECONDS + 20), "m")
    try:
        attack = Load(arena.folder / "attack", arena.system.server,
                      attack_names(ATTACK_RATE * (2 * LOAD_SECONDS + 20), 1000), ATTACK_RATE, "10.53.210.1")
        honest = Load(arena.folder / "honest", arena.system.server, misses, MISS_RATE, "10.53.211.1", patience=6)
        at_echo = _cached_load((ADDRESS, ECHO_PORT), path, LOAD_SECONDS, "echo")
        at_weir = _cached_load(arena.system.server, path, LOAD_SECONDS, "answer")
        asked = honest.stop()
        attacked = attack.stop()
    finally:
        echo.terminate()
        echo.wait(10)
    lost_misses = sum(exchange.outcome in ("lost", "SERVFAIL") for exchange in asked)
    outcome.expect(at_weir["lost"] == 0, f"{at_weir['lost']} of {at_weir['sent']} cached questions lost")
    outcome.expect(lost_misses <= len(asked) / 100, f"{lost_misses} of {len(asked)} honest misses lost")
    for figure in ("p50_us", "p99_us"):
        outcome.expect(at_weir[figure] <= TIMES_ECHO * at_echo[figure],
                       f"{figure}: {at_weir[figure]:.0f}, the echo server has {at_echo[figure]:.0f}")
    outcome.figures = {"cached": at_weir["sent"], "lost": at_weir["lost"], "misses": len(asked),
                       "misses lost": lost_misses, "attacks": len(attacked),
                       **{f"{figure} (echo)": f"{at_weir[figure]:.0f} ({at_echo[figure]:.0f})"
                          for figure in ("p50_us", "p99_us", "max_us")}}
    return outcome


CASES = [
    Case("honest-limits", "an honest internet: 2000 zones, 2 % loss, a tenth with a dead server",
         "fewer than 1 name in 10000 reaches a limit", _reaches_no_limit, quick=False),
    Case("under-attack", f"{ATTACK_RATE} attack queries a second beside honest clients",
         "no cached query lost, <= 1 % of misses, cached wait <= 2 x an echo server", _under_attack, quick=False),
]
