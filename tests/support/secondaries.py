"""Who takes a policy zone from a primary: Unbound, BIND and PowerDNS Recursor as resolvers, Knot as a name server."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support import dns, recursor
from tests.support.bind import Bind
from tests.support.name_servers import NameServer
from tests.support.primaries import SECRET
from tests.support.unbound import Unbound
from tests.versus.resolvers import Peer


def unbound(folder: Path, address: str, hints: Path, zone: str, primary: str) -> Unbound:
    """It knows no TSIG, and whatever its outgoing interface is, it asks from any."""
    return Unbound(folder, address, hints, [], modules="respip iterator",
                   clauses=f'rpz:\n  name: "{zone}"\n  primary: {primary}\n  allow-notify: {primary}\n'
                           f'  zonefile: "{folder}/zone"\n')


def bind(folder: Path, address: str, hints: Path, zone: str, primary: str, key: str) -> Bind:
    return Bind(folder, address, hints, None,
                options=f'  response-policy {{ zone "{zone}"; }} break-dnssec yes qname-wait-recurse no min-update-interval 0;\n',
                zones=f'key "{key}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};\n'
                      f'server {primary} {{ keys {{ "{key}"; }}; }};\n'
                      f'zone "{zone}" {{ type secondary; primaries {{ {primary} key "{key}"; }}; file "{folder}/zone"; '
                      f'transfer-source {address}; request-ixfr yes; }};\n')


class PowerDns(Peer):
    """Version 4.8 is not told by NOTIFY: it asks each second."""

    name = "powerdns"

    def __init__(self, folder: Path, address: str, hints: Path, zone: str, primary: str, key: str) -> None:
        super().__init__(folder, address, hints, Path())
        self.zone, self.primary, self.key = zone, primary, key

    def configure(self) -> list[str]:
        (self.folder / "zones.lua").write_text(
            f'rpzPrimary({{"{self.primary}"}}, "{self.zone}", {{refresh=1, tsigname="{self.key}", '
            f'tsigalgo="hmac-sha256", tsigsecret="{SECRET}", localAddress="{self.address}"}})\n')
        return recursor.write_configuration(
            self.folder, self.hints, local_address=f"{self.address}:53", allow_from="10.0.0.0/8", threads=1,
            pdns_distributes_queries="no", disable_packetcache="yes", dnssec="off",
            lua_config_file=self.folder / "zones.lua", query_local_address="0.0.0.0", loglevel=6)


class KnotSecondary(NameServer):
    """Answers for the zone itself, and gives it away again to whoever asks."""

    program = "knotd"

    def __init__(self, folder: Path, address: str, zone: str, primary: str, key: str) -> None:
        super().__init__("secondary", folder, [address], {zone: folder / "zone"})
        self.zone, self.primary, self.key = zone, primary, key

    def command(self, configuration: Path) -> list[str]:
        (self.folder / "db").mkdir(exist_ok=True)
        return ["knotd", "-c", str(configuration)]

    def configuration(self) -> str:
        return f"""server:
  rundir: "{self.folder}"
  listen: {self.addresses[0]}@53
  udp-workers: 1
  tcp-workers: 2
  background-workers: 1
log:
- target: stderr
  any: info
database:
  storage: "{self.folder}/db"
key:
- id: {self.key}
  algorithm: hmac-sha256
  secret: {SECRET}
remote:
- id: weir
  address: {self.primary}@53
  via: {self.addresses[0]}
  key: {self.key}
acl:
- id: notify
  key: {self.key}
  action: notify
- id: out
  address: 10.0.0.0/8
  action: transfer
zone:
- domain: {self.zone}
  master: weir
  acl: [notify, out]
  zonefile-sync: -1
  zonefile-load: none
"""

    def output(self) -> str:
        return (self.folder / "log").read_text(errors="replace")


def transfer(server: str, zone: str, *options: str, key: str = "", source: str = "") -> subprocess.CompletedProcess:
    """An AXFR by kdig; one record a line."""
    command = ["kdig", f"@{server}", zone, "AXFR", "+tcp", "+noall", "+answer", "+timeout=20", *options]
    command += ["-y", key] if key else []
    command += ["-b", source] if source else []
    return subprocess.run(command, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def contents(transferred: subprocess.CompletedProcess) -> list[str]:
    """Records without the SOA, sorted."""
    lines = [" ".join(line.split()) for line in transferred.stdout.splitlines() if line and not line.startswith(";")]
    return sorted(line for line in lines if " SOA " not in line)


def rcode_of(server: str, zone: str, source: str) -> str:
    """Of an AXFR that is not signed."""
    return dns.ask((server, 53), zone, "TYPE252", tcp=True, source=source, edns=False).rcode
