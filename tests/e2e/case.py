"""What e2e tests share: a folder of their own, and weir in it."""

from __future__ import annotations

import os
import re
import subprocess
import unittest
from pathlib import Path

from tests.support import namespace
from tests.support.daemons import Weir
from tests.support.small_internet import RESOLVER, RESOLVER_IPV6

NULL = ["0.0.0.0"]
BULK = ["198.51.100.100"]  # what every name below bulk.test has
PARKED = ["198.51.100.66"]  # what every name below ads.example, tracker.example, malware.example has


class Case(unittest.TestCase):
    """Daemons are started once for a class, from `LISTS` and `BODY`, and must end well after its tests."""

    LISTS: dict[str, str] = {}  # file below lists/ -> contents
    BODY = ""  # weir.toml behind the shared sections; {lists} is the folder of LISTS
    ADDRESSES: tuple[str, ...] = ()  # of clients, beside those of the small internet
    RESOLVER_KEYS = ""
    START = True

    weir: Weir
    folder: Path

    @classmethod
    def setUpClass(cls) -> None:
        root = Path(os.environ["WEIR_E2E_FOLDER"])
        cls.folder = root / cls.__name__
        cls.lists = cls.folder / "lists"
        cls.lists.mkdir(parents=True)
        for name, text in cls.LISTS.items():
            cls.write_list(name, text)
        namespace.add_addresses(*cls.ADDRESSES)
        cls.weir = Weir(cls.folder, listen=[f"{RESOLVER}:53", f"[{RESOLVER_IPV6}]:53"],
                        hints=cls.hints(), body=cls.BODY.format(lists=cls.lists), resolver_keys=cls.RESOLVER_KEYS,
                        trust_anchor=cls.trust_anchor())
        cls.addClassCleanup(cls.weir.stop)
        if cls.START:
            cls.weir.start()
            cls.await_lists()

    @classmethod
    def hints(cls) -> Path:
        """Of the internet that the resolver lives in: the small one, and without a trust anchor."""
        return Path(os.environ["WEIR_E2E_FOLDER"]) / "internet" / "root.hints"

    @classmethod
    def trust_anchor(cls) -> Path | None:
        return None

    @classmethod
    def limit_store(cls, size: str) -> None:
        """A file system of its own for the store, in memory; before anything is started."""
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "weir-test", str(cls.weir.store)], check=True)
        cls.addClassCleanup(lambda: (cls.weir.stop(), subprocess.run(["umount", str(cls.weir.store)], check=True)))

    @classmethod
    def await_lists(cls) -> None:
        """Imports every list of the configuration now, whatever the schedule has done so far."""
        for name in re.findall(r'\[\[list\]\]\s*\nname\s*=\s*"([^"]+)"', cls.weir.body):
            cls.weir.done("list", "update", name)

    @classmethod
    def write_list(cls, name: str, text: str | bytes) -> Path:
        """Written beside and renamed, so that nobody reads half of it."""
        path = cls.lists / name
        temporary = path.with_suffix(".new")
        temporary.write_bytes(text if isinstance(text, bytes) else text.encode())
        temporary.rename(path)
        return path

    def shows(self, *rows: tuple, **options) -> None:
        """Rows of (name, type, expected): expected is a list of data of that type, or an RCODE."""
        for name, type, expected in rows:
            with self.subTest(name=name, type=type, **options):
                answer = self.weir.ask(name, type, **options)
                if isinstance(expected, list):
                    self.assertEqual((answer.rcode, answer.data(type)), ("NOERROR", sorted(expected)), str(answer))
                else:
                    self.assertEqual(answer.rcode, expected, str(answer))
