"""The tables of decisions that `weir migrate` is held to, asked of the real dnsmasq and Unbound: they must say the same.

What weir makes of the same configurations is compared with the same tables in tests/tools/migrate.
"""

import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from tests.support import dns, namespace

DATA = Path(__file__).resolve().parent.parent / "tools/migrate/data"
DNSMASQ, UNBOUND = "192.0.2.181", "192.0.2.182"


def rows(table: str, leave_out: str) -> list[tuple[str, str, str]]:
    """(expected, name, type) of each line of a table whose explanation does not match `leave_out`."""
    lines = (line.split(None, 4) for line in (DATA / table).read_text().splitlines())
    return [(line[0], line[1], line[2]) for line in lines if len(line) == 5 and not re.search(leave_out, line[4])]


def shown(server: str, name: str, type: str) -> str:
    """In the words of the tables. Nobody is there to be asked, so what is let through fails or is refused."""
    try:
        answer = dns.ask((server, 53), name, type, timeout=2)
    except TimeoutError:
        return "dropped"
    if answer.rcode != "NOERROR":
        return {"NXDOMAIN": "nxdomain", "REFUSED": "refused"}.get(answer.rcode, "resolved")
    data = [record.data for record in answer.answer]
    if not data:
        return "nodata"
    if data[0] in ("0.0.0.0", "::"):
        return "blocked"
    if answer.answer[0].type == "CNAME":
        return "alias"
    return data[0] if type in ("A", "AAAA") else "records"


class MigrationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        namespace.add_addresses(DNSMASQ, UNBOUND)
        folder = tempfile.TemporaryDirectory(prefix="weir-migration-")
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)

    def start(self, server: str, command: list[str]) -> None:
        log = open(self.folder / f"{command[0]}.log", "wb")
        self.addCleanup(log.close)
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)

        def end() -> None:
            process.terminate()
            process.wait(20)

        def answers() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"it ended: {Path(log.name).read_text(errors='replace')}")
            try:
                return bool(dns.ask((server, 53), "ads.example", "A", timeout=1))
            except (TimeoutError, ConnectionError):
                return False

        self.addCleanup(end)
        dns.wait_until(answers, 20, f"{command[0]} answers")

    def compare(self, server: str, table: list[tuple[str, str, str]], let_through: tuple[str, ...]) -> None:
        self.assertGreater(len(table), 20)
        for expected, name, type in table:
            with self.subTest(name=name, type=type):
                said = shown(server, name, type)
                self.assertEqual("resolved" if said in let_through and expected == "resolved" else said, expected)

    @unittest.skipUnless(shutil.which("dnsmasq"), "needs dnsmasq (package dnsmasq-base)")
    def test_dnsmasq(self) -> None:
        # It asks nobody, so what filter-AAAA takes out of answers cannot be seen.
        text = "".join(line + "\n" for line in (DATA / "dnsmasq.conf").read_text().splitlines()
                       if not re.match(r"listen-address|port|dhcp|server=\d|addn-hosts|conf-dir", line))
        text = re.sub(r"(server=/\S+/|rev-server=\S+,)(192\S+)", lambda match: match[1] + "127.0.0.99", text)
        (self.folder / "dnsmasq.conf").write_text(
            f"{text}listen-address={DNSMASQ}\nbind-interfaces\nno-hosts\nuser=root\ngroup=root\n"
            f"addn-hosts={DATA}/dnsmasq.hosts\nconf-dir={DATA}/dnsmasq.d,*.conf\npid-file={self.folder}/pid\n")
        self.start(DNSMASQ, ["dnsmasq", "--keep-in-foreground", f"--conf-file={self.folder}/dnsmasq.conf"])
        self.compare(DNSMASQ, rows("dnsmasq.decisions", "filter-AAAA"), ("refused", "dropped", "resolved"))

    @unittest.skipUnless(shutil.which("unbound"), "needs unbound")
    def test_unbound(self) -> None:
        text = (DATA / "unbound.conf").read_text()
        text = re.sub(r"(?ms)^rpz:.*", "", text)  # its zone would have to be fetched
        text = re.sub(r"(?m)^.*(interface|port|tls-cert-bundle|module-config|do-ip6|access-control):.*\n", "", text)
        text = text.replace("unbound.d/", f"{DATA}/unbound.d/")
        own = (f"server:\n  interface: {UNBOUND}\n  access-control: 0.0.0.0/0 allow\n  do-daemonize: no\n  chroot: \"\"\n"
               f"  username: \"\"\n  pidfile: \"\"\n  use-syslog: no\n  module-config: \"iterator\"\n"
               f"  do-not-query-address: 0.0.0.0/0\nremote-control:\n  control-enable: no\n")
        (self.folder / "unbound.conf").write_text(own + text)
        self.start(UNBOUND, ["unbound", "-d", "-c", f"{self.folder}/unbound.conf"])
        self.compare(UNBOUND, rows("unbound.decisions", "^rpz"), ("dropped", "resolved"))


if __name__ == "__main__":
    unittest.main()
