"""How a resolver feels over a slow and lossy internet: time to answer and packets, into an empty cache."""

from __future__ import annotations

import asyncio
import statistics
import struct
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support import dns
from tests.support.tally import Tally
from tests.versus.world import ServedWorld, WorldQuestion

PER_SECOND = 100
PATIENCE_SECONDS = 10.0

MEDIAN_OF_BEST, TAIL_OF_BEST, PACKETS_OF_LEANEST = 1.0, 0.7, 1.1


@dataclass
class Figures:
    name: str
    milliseconds: list[float]
    failed: int
    unanswered: int
    packets: float  # a question
    slowest: list[tuple[float, int, str]]  # milliseconds, RCODE, question

    def percentile(self, percent: int) -> float:
        return statistics.quantiles(self.milliseconds, n=100)[percent - 1]

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)


class _Client(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future] = {}

    def connection_made(self, transport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address) -> None:
        future = self.waiting.pop(struct.unpack(">H", data[:2])[0], None)
        if future and not future.done():
            future.set_result(data)

    def error_received(self, error) -> None:
        pass


async def _over_tcp(server: tuple[str, int], query: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(*server)
    try:
        writer.write(struct.pack(">H", len(query)) + query)
        return await reader.readexactly(struct.unpack(">H", await reader.readexactly(2))[0])
    finally:
        writer.close()


async def _ask(client: _Client, server: tuple[str, int], id: int, question: WorldQuestion) -> tuple[float, int]:
    """Milliseconds, and the RCODE; -1 without an answer."""
    query = dns.query(question.name, dns.TYPE_NAMES.get(question.type, f"TYPE{question.type}"), id=id)
    began = time.monotonic()
    future = client.waiting[id] = asyncio.get_running_loop().create_future()
    client.transport.sendto(query)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            reply = await future
            if reply[2] & 0x02:
                reply = await _over_tcp(server, query)
        return (time.monotonic() - began) * 1000, reply[3] & 15
    except (TimeoutError, OSError, asyncio.IncompleteReadError):
        return PATIENCE_SECONDS * 1000, -1


async def _ask_all(server: tuple[str, int], questions: list[WorldQuestion]) -> list[tuple[float, int]]:
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(_Client, remote_addr=server)
    began, tasks = loop.time(), []
    for id, question in enumerate(questions):
        await asyncio.sleep(max(0.0, began + id / PER_SECOND - loop.time()))
        tasks.append(loop.create_task(_ask(client, server, id, question)))
    found = await asyncio.gather(*tasks)
    transport.close()
    return found


def measure(kind, world: ServedWorld, folder: Path, address: str, questions: list[WorldQuestion]) -> Figures:
    with kind(folder, address, world.hints, world.anchor) as resolver:
        before = world.packets()
        found = asyncio.run(_ask_all(resolver.server, questions))
        packets = world.packets() - before
    return Figures(kind.name, [milliseconds for milliseconds, _ in found], sum(rcode == 2 for _, rcode in found),
                   sum(rcode < 0 for _, rcode in found), packets / len(questions),
                   sorted((*answer, str(question)) for answer, question in zip(found, questions))[:-101:-1])


def run(folder: Path, kinds: list, seed: int, count: int, details: Path | None, tally: Tally) -> None:
    figures = []
    for number, kind in enumerate(kinds):  # the world begins anew for each, and so do its losses
        with ServedWorld(seed, folder / f"feel{seed}-{kind.name}", feel=True) as world:
            questions = world.questions[:count]
            figures.append(measure(kind, world, folder / f"feel{seed}-{kind.name}" / "run", f"10.55.0.{number + 1}",
                                   questions))
    print(f"how world {seed} feels: {len(questions)} questions, {len(world.addresses)} servers")
    print("             median ms     p90     p95     p99  SERVFAIL  none  packets/question")
    for one in figures:
        print(f"  {one.name:10} {one.median:9.0f} {one.percentile(90):7.0f} {one.percentile(95):7.0f} "
              f"{one.percentile(99):7.0f} {one.failed:9} {one.unanswered:5} {one.packets:17.2f}", flush=True)
    if details:
        with open(details, "a") as file:
            for one in figures:
                for milliseconds, rcode, question in one.slowest:
                    print(f"world {seed}, {one.name}: {milliseconds:.0f} ms, RCODE {rcode}, {question}", file=file)
    ours, peers = figures[0], figures[1:]
    if ours.name != "weir" or not peers:
        return
    bounds = [("median", ours.median, MEDIAN_OF_BEST * min(peer.median for peer in peers)),
              ("p99", ours.percentile(99), TAIL_OF_BEST * min(peer.percentile(99) for peer in peers)),
              ("packets", ours.packets, PACKETS_OF_LEANEST * min(peer.packets for peer in peers))]
    for what, value, bound in bounds:
        if value <= bound:
            tally.passed += 1
        else:
            tally.fail(f"world {seed}, {what}: {value:.2f}, at most {bound:.2f} was to be")
