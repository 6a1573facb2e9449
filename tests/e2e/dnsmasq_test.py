"""What dnsmasq makes of its directives, asked of the real one: weir must make the same of them in a list."""

import shutil
import subprocess
import unittest

from tests.e2e.case import BULK, NULL, Case
from tests.support import dns, namespace

ADDRESS = "192.0.2.171"
DIRECTIVES = """\
address=/plain.bulk.test/#
address=/two.bulk.test/names.bulk.test/0.0.0.0
address=/empty.bulk.test/
address=/six.bulk.test/::
local=/local.bulk.test/
server=/nobody.bulk.test/
address=/.dotted.bulk.test/#
address=/*.star.bulk.test/#
address=/*glob.bulk.test/#
server=/open.plain.bulk.test/#
"""
OWNERS = ("plain", "two", "names", "empty", "six", "local", "nobody", "dotted", "star", "glob", "open.plain",
          "other")


@unittest.skipUnless(shutil.which("dnsmasq"), "needs dnsmasq (package dnsmasq-base)")
class DnsmasqTest(Case):
    LISTS = {"directives.conf": DIRECTIVES}
    BODY = """
[[list]]
name = "directives"
source = "{lists}/directives.conf"
dialect = "dnsmasq"

[[policy]]
name = "default"
lists = ["directives"]
"""

    @classmethod
    def setUpClass(cls) -> None:
        super().setUpClass()
        namespace.add_addresses(ADDRESS)
        configuration = cls.folder / "dnsmasq.conf"
        configuration.write_text(f"listen-address={ADDRESS}\nbind-interfaces\nno-resolv\nno-hosts\nuser=root\ngroup=root\n"
                                 f"pid-file={cls.folder}/dnsmasq.pid\n{DIRECTIVES}")
        cls.log = open(cls.folder / "dnsmasq.log", "wb")
        cls.addClassCleanup(cls.log.close)
        cls.dnsmasq = subprocess.Popen(["dnsmasq", "--keep-in-foreground", f"--conf-file={configuration}"],
                                       stdin=subprocess.DEVNULL, stdout=cls.log, stderr=cls.log)
        cls.addClassCleanup(cls.end)
        dns.wait_until(cls.answers, 20, "dnsmasq answers")

    @classmethod
    def end(cls) -> None:
        cls.dnsmasq.terminate()
        cls.dnsmasq.wait(20)

    @classmethod
    def answers(cls) -> bool:
        if cls.dnsmasq.poll() is not None:
            raise RuntimeError(f"dnsmasq ended: {(cls.folder / 'dnsmasq.log').read_text(errors='replace')}")
        try:
            return bool(dns.ask((ADDRESS, 53), "plain.bulk.test", "A", timeout=1))
        except (TimeoutError, ConnectionError):
            return False

    # SEMANTICS 2 dnsmasq: check against the real dnsmasq in a test
    # SEMANTICS 2 dnsmasq: the meaning in dnsmasq is the name and all below
    # SEMANTICS 2 dnsmasq: below; glob
    def test_the_same_names_are_blocked(self) -> None:
        blocked = 0
        for owner in OWNERS:
            for before in ("", "x.", "y.x.", "x", "x-"):
                name = f"{before}{owner}.bulk.test"
                with self.subTest(name=name):
                    # dnsmasq has nobody to ask: what it lets through is refused. `::` alone says nothing of A to it.
                    lets_through = all(dns.ask((ADDRESS, 53), name, type).rcode == "REFUSED" for type in ("A", "AAAA"))
                    self.shows((name, "A", BULK if lets_through else NULL))
                    blocked += not lets_through
        self.assertGreater(blocked, 20)
