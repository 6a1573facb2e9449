"""A tour of weir in a small internet of its own: every step says what it does, and checks what it sees.

Started by deploy/quickstart --demo. Exit status 0 only if each step showed what it should.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from deploy.demo import example
from tests.support import clients, namespace
from tests.support.daemons import Weir
from tests.support.load import Load, Timeline, longest_wait_ms, wrong_answers
from tests.support.small_internet import CLIENT, KID, RESOLVER, SmallInternet

BIG_LIST = 200_000
RATE = 2000
OPEN, NULL = "198.51.100.100", "0.0.0.0"


class Tour:
    def __init__(self, weir: Weir, folder: Path) -> None:
        self.weir, self.folder = weir, folder
        self.failed: list[str] = []
        self.number = 0

    def step(self, title: str) -> None:
        self.number += 1
        self.title = title
        print(f"\n{self.number}. {title}", flush=True)

    def expect(self, what: str, good: bool, seen: object = "") -> None:
        print(f"   {'ok  ' if good else 'FAIL'} {what}", flush=True)
        if not good:
            print(f"        seen: {seen}", flush=True)
            self.failed.append(f"{self.number}. {self.title}: {what}")

    def dig(self, name: str, type: str = "A", source: str = CLIENT) -> clients.Seen:
        seen = clients.dig(self.weir.server, name, type, source=source)
        shown = ", ".join(f"{kind} {data}" for _, kind, data in seen.answer) or "no records"
        error = "".join(f"   [EDE {code}: {text}]" for code, text in seen.ede)
        print(f"   $ dig @{RESOLVER} {name} {type}   # from {source}\n     {seen.status}: {shown}{error}", flush=True)
        return seen

    def command(self, *arguments: str, lines: int = 12, statuses: tuple[int, ...] = (0,)) -> str:
        print(f"   $ weir {' '.join(arguments)}", flush=True)
        ran = self.weir.command(*arguments)
        shown = (ran.out + ran.err).rstrip().splitlines()
        for line in shown[:lines]:
            print(f"     {line}")
        if len(shown) > lines:
            print(f"     ... {len(shown) - lines} lines more")
        if ran.status not in statuses:
            self.expect(f"weir {' '.join(arguments)} ends with {statuses}", False, f"status {ran.status}")
        return ran.out + ran.err

    def resolve(self) -> None:
        self.step("Resolve: from the root servers down, over referrals with and without glue")
        self.expect("two addresses, two referrals deep", self.dig("www.shop.example").data("A") ==
                    ["192.0.2.11", "192.0.2.12"])
        self.expect("a zone whose servers live in another domain", self.dig("www.bank.example").data("A") == ["192.0.2.41"])
        seen = self.dig("images.shop.example", "AAAA")
        self.expect("an alias over three zones", seen.data("AAAA") == ["2001:db8:cd::7"] and len(seen.data("CNAME")) == 2,
                    seen.text)
        seen = self.dig("www.moved.example")
        self.expect("a whole domain that moved (DNAME)", seen.data("A") == ["192.0.2.11", "192.0.2.12"], seen.text)
        self.expect("a name that does not exist", self.dig("nothing.shop.example").status == "NXDOMAIN")

    def block(self) -> None:
        self.step("Block: lists decide by client, name, alias and address")
        for name, why in example.BLOCKED_NAMES.items():
            seen = self.dig(name)
            self.expect(f"blocked: {why}", seen.data("A") == [NULL] and [code for code, _ in seen.ede] == [15], seen.text)
        for name, why in example.OPEN_NAMES.items():
            seen = self.dig(name)
            self.expect(f"answered: {why}", seen.status == "NOERROR" and seen.data("A") not in ([], [NULL]), seen.text)
        seen = self.dig("ads.example", source=KID)
        self.expect("the group `kids` has a policy of its own: without the list of ads", seen.data("A") == ["198.51.100.66"],
                    seen.text)
        seen = self.dig(example.KIDS_BLOCKED, source=KID)
        self.expect("and another block answer: NXDOMAIN", seen.status == "NXDOMAIN", seen.text)

    def explain(self) -> None:
        self.step("Explain: which list, which line, which import")
        text = self.command("explain", example.BLOCKED, "--client", CLIENT, statuses=(1,))
        self.expect("names the list", example.BLOCKED_BY in text, text)
        self.expect("and the line", str(example.line_of(example.BLOCKED)) in text, text)

    def own_rules(self) -> None:
        self.step("Own rules: in force when the command returns")
        self.dig("www.news.example")
        began = time.monotonic()
        self.command("rule", "add", "news.example")
        took = (time.monotonic() - began) * 1000
        self.expect(f"blocked, {took:.0f} ms after the command began", self.dig("www.news.example").data("A") == [NULL])
        self.command("rule", "remove", "news.example")
        self.expect("answered again", self.dig("www.news.example").data("A") == ["192.0.2.20"])
        self.command("rule", "add", "203.0.113.0/24")
        self.expect("an answer with an address in a blocked network", self.dig("suspect.shop.example").data("A") == [NULL])

    def import_under_load(self) -> None:
        self.step(f"Import {BIG_LIST:,} rules, replace and roll them back, while {RATE:,} queries a second are asked")
        names = [f"h{number}.bulk.test" for number in range(300)]
        for name in names:
            self.weir.ask(name)
        listed = {1: names[:200], 2: names[100:]}
        path = self.folder / "big.hosts"

        def write(version: int) -> None:
            path.write_text("".join(f"0.0.0.0 filler{number}.example\n" for number in range(BIG_LIST)) +
                            "".join(f"0.0.0.0 {name}\n" for name in listed[version]))

        timelines = {name: Timeline(OPEN) for name in names}
        load = Load(self.folder / "load", self.weir.server, names, RATE, CLIENT)

        def change(blocked: list[str], command: tuple[str, ...]) -> None:
            begin = time.monotonic_ns()
            self.command(*command, lines=3)
            end = time.monotonic_ns()
            for name in names:
                timelines[name].change(begin, end, NULL if name in blocked else OPEN)
            print(f"     ({(end - begin) / 1e9:.2f} s)")

        write(1)
        change(listed[1], ("list", "add", "big", str(path)))
        self.expect("blocked by it", self.dig("h0.bulk.test").data("A") == [NULL])
        write(2)
        change(listed[2], ("list", "update", "big"))
        self.expect("no longer on it", self.dig("h0.bulk.test").data("A") == [OPEN])
        first = min(entry["import"] for entry in self.weir.done("list", "history", "big", "--json").json["imports"])
        change(listed[1], ("list", "rollback", "big", str(first)))
        self.expect("rolled back", self.dig("h0.bulk.test").data("A") == [NULL])
        exchanges = load.stop()
        lost = sum(not exchange.received_ns for exchange in exchanges)
        wrong = wrong_answers(exchanges, timelines)
        self.expect(f"{len(exchanges):,} queries meanwhile: none lost", lost == 0, f"{lost} lost")
        self.expect("each answered as the generation before or after would", not wrong, wrong[:3])
        print(f"     longest wait {longest_wait_ms(exchanges):.1f} ms")

    def rollback(self) -> None:
        self.step("Roll back: everything as it was a few generations ago, at once")
        self.command("rule", "add", "shop.example")
        self.expect("a mistake: the whole shop is blocked", self.dig("www.shop.example").data("A") == [NULL])
        numbers = [g["number"] for g in self.weir.done("generation", "show", "--json").json["generations"]]
        self.command("generation", "rollback", str(numbers[1]))
        self.expect("undone", self.dig("www.shop.example").data("A") == ["192.0.2.11", "192.0.2.12"])

    def log(self) -> None:
        self.step("The log: who asked for what was blocked, and by which line")
        deadline = time.monotonic() + 10
        while example.BLOCKED not in self.weir.done("log", "search", "--name", example.BLOCKED).out:
            if time.monotonic() > deadline:
                break
        text = self.command("log", "search", "--name", example.BLOCKED, lines=4)
        self.expect("the block is there", example.BLOCKED in text, text)
        self.expect("with its list", example.BLOCKED_BY in text, text)
        self.expect("and the client only as its /24: the privacy level", "10.53.1.0" in text and CLIENT not in text, text)

    def without_sidecar(self) -> None:
        self.step("Kill the sidecar: the resolver goes on by the last generation")
        self.weir.sidecar.kill()
        self.expect("still blocked", self.dig(example.BLOCKED).data("A") == [NULL])
        self.expect("still resolved", self.dig("login.bank.example").data("A") == ["192.0.2.42"])
        self.weir.sidecar.start()
        self.command("status", lines=6)

    def run(self) -> int:
        for part in (self.resolve, self.block, self.explain, self.own_rules, self.import_under_load, self.rollback,
                     self.log, self.without_sidecar):
            part()
        return len(self.failed)


def main() -> int:
    namespace.enter(sys.argv)
    with tempfile.TemporaryDirectory(prefix="weir-demo-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with SmallInternet(folder / "internet") as internet:
            print("a small internet: root, two top-level domains, two hosters of twenty zones; weir in the middle")
            weir = Weir(folder / "weir", listen=[f"{RESOLVER}:53"], hints=internet.hints,
                        body=example.LISTS_AND_POLICIES + example.KIDS)
            tour = Tour(weir, folder)
            try:
                weir.start()
                for list_name in example.LIST_NAMES:
                    weir.done("list", "update", list_name)
                tour.run()
            except (RuntimeError, TimeoutError) as error:
                tour.expect("goes on to the end", False, error)
            finally:
                weir.stop()
    print()
    if tour.failed:
        print("not as it should be:")
        for failure in tour.failed:
            print(f"  {failure}")
        return 1
    print(f"all {tour.number} steps showed what they should")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        print("\nstopped")
        sys.exit(130)
