"""Real lists where WEIR_FIELD names them, a corpus made here everywhere: counts, and four formats that decide alike."""

import os
import random
import unittest
from pathlib import Path

from tests.e2e.case import NULL, Case
from tests.support import dns

FIELD = Path(os.environ["WEIR_FIELD"]) / "lists" if os.environ.get("WEIR_FIELD") else None
FORMATS = {"hosts": "0.0.0.0 {}", "domains": "{}", "adblock": "||{}^", "dnsmasq": "server=/{}/"}
CLIENTS = {format: f"10.53.30.{number}" for number, format in enumerate(FORMATS, 1)}


def name_of(line: str, format: str) -> str | None:
    """The name that a line of one of the four formats carries."""
    before, after = FORMATS[format].split("{}")
    line = line.strip()
    if line.startswith(("#", "!")) or not line.startswith(before) or not line.endswith(after) or not line:
        return None
    return line[len(before):len(line) - len(after)].strip().lower()


def corpus() -> list[str]:
    """Names as lists have them: deep ones, hyphens, underscores, digits, punycode, ancestors of each other."""
    dice = random.Random(1)
    names = {"xn--bcher-kva.example", "_dmarc.bulk.test", "0--0.bulk.test", "a.example", "b.a.example", "c.b.a.example"}
    while len(names) < 2000:
        labels = ["".join(dice.choice("abcdefghijklmnop0123456789-_") for _ in range(dice.randint(1, 20))).strip("-") or "x"
                  for _ in range(dice.randint(1, 4))]
        names.add(".".join(labels + [dice.choice(["bulk.test", "invalid", "example"])]))
    return sorted(names)


class FourFormatsTest(Case):
    """One list in four formats, each in force for one client."""

    ADDRESSES = tuple(CLIENTS.values())
    BODY = '[fetch]\nmax_bytes = "256MiB"\n' + "".join(f"""
[[list]]
name = "{format}"
source = "{{lists}}/redirect.{format}"

[[policy]]
name = "{format}"
lists = ["{format}"]

[[group]]
name = "{format}"
clients = ["{client}"]
policy = "{format}"
""" for format, client in CLIENTS.items())

    @classmethod
    def setUpClass(cls):
        if FIELD:
            cls.LISTS = {f"redirect.{format}": (FIELD / f"redirect.{format}").read_text() for format in FORMATS}
        else:
            cls.LISTS = {f"redirect.{format}": "# Title: corpus\n" + "".join(line.format(name) + "\n" for name in corpus())
                         for format, line in FORMATS.items()}
        super().setUpClass()

    def test_decide_alike_name_by_name(self):
        carried = [{name_of(line, format) for line in self.LISTS[f"redirect.{format}"].splitlines()} - {None, ""}
                   for format in FORMATS]
        names = sorted(set.intersection(*carried))
        self.assertGreater(len(names), 1000)

        def blocked(reply: bytes) -> bool:
            return reply[3] & 15 == 0 and reply[7] == 1 and b"\0\4\0\0\0\0" in reply[12:]

        decisions = {format: dns.ask_many(self.weir.server, names, source=client, read=blocked)
                     for format, client in CLIENTS.items()}
        different = [name for name, *found in zip(names, *decisions.values()) if len(set(found)) != 1]
        self.assertEqual(different[:10], [])
        open = [name for name, found in zip(names, decisions["hosts"]) if not found]
        self.assertEqual(open[:10], [], "carried by all four, blocked by none")
        print(f"    {len(names)} names, four formats: {len(names) * len(FORMATS)} answers agree"
              f"{'' if FIELD else ' (corpus; WEIR_FIELD is not set)'}")

    def test_every_line_accounted_for(self):
        self.account([self.lists / f"redirect.{format}" for format in FORMATS])

    @unittest.skipUnless(FIELD, "WEIR_FIELD names no folder of real lists")
    def test_every_line_of_real_lists_accounted_for(self):
        self.account([FIELD / name for name in ("phishing.domains", "tracking.adblock", "scam.dnsmasq")])

    def account(self, paths: list[Path]) -> None:
        for path in paths:
            with self.subTest(path=path.name):
                shown = self.weir.done("list", "check", str(path), "--json", timeout=300).json
                content = path.read_bytes()
                lines = content.count(b"\n") + (not content.endswith(b"\n"))
                self.assertEqual((shown["lines"], sum(shown["buckets"].values())), (lines, lines))
                self.assertGreater(shown["buckets"]["rule"], lines * 0.9)
                print(f"    {path.name}: {lines} lines, {shown['buckets']['rule']} rules")


class AddressesAsNamesTest(Case):
    BODY = """
[[list]]
name = "malware"
source = "{lists}/malware.ip"

[[list]]
name = "addresses"
source = "{lists}/malware.ip"
kind = "address"

[[policy]]
name = "default"
lists = ["malware", "addresses"]
"""

    @classmethod
    def setUpClass(cls):
        text = (FIELD / "malware.ip").read_text() if FIELD else "# addresses\n" + "".join(
            f"198.18.{number // 250}.{number % 250}\n" for number in range(1000)) + "203.0.113.66\n"
        cls.LISTS = {"malware.ip": text}
        super().setUpClass()

    @classmethod
    def await_lists(cls):
        cls.weir.done("list", "update", "addresses")

    def test_refused_as_names_taken_as_addresses(self):
        ran = self.weir.command("list", "update", "malware")
        self.assertEqual(ran.status, 3, str(ran))
        self.assertIn("address", ran.err)
        self.assertIn("kind", ran.err)  # what to do about it
        if not FIELD:
            self.shows(("suspect.shop.example", "A", NULL), ("v4.shop.example", "A", ["192.0.2.13"]))
