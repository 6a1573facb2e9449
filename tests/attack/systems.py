"""The resolvers under attack: weir, and the four peers as Debian packages them, with their own limits.

Each resolves from the namespace's root, validates by the same trust anchors (of islands: the root has none), and
listens at one address and port; what it does not need for that stays at its default.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support import control, dns, recursor
from tests.support.daemons import Weir

ADDRESS = "10.53.0.100"
PORT = 5300  # the server program has port 53 of every address
OWN_ADDRESS = "10.53.0.101"  # but for this one, where weir listens on port 53
CLIENT = "10.53.200.1"
HINTS = ". 3600000 NS a.root.\na.root. 3600000 A 10.53.0.1\n"


class System:
    name = ""
    program = ""

    def __init__(self, folder: Path, anchors: list[str]) -> None:
        """`anchors`: DS records as text, "zone. IN DS tag algorithm type digest"."""
        self.folder = folder / self.name
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o755)
        self.anchors = anchors
        self.server, self.client = (ADDRESS, PORT), CLIENT
        self.hints = self.folder / "root.hints"
        self.hints.write_text(HINTS)
        self.process: subprocess.Popen | None = None

    @classmethod
    def available(cls) -> bool:
        return any(os.access(f"{path}/{cls.program}", os.X_OK) for path in ("/usr/sbin", "/usr/bin", "/sbin", "/bin"))

    def command(self) -> list[str]:
        """Writes the configuration; what to start."""
        raise NotImplementedError

    def __enter__(self) -> "System":
        command = self.command()
        log = self.folder / "log"
        with open(log, "wb") as output:
            self.process = process = subprocess.Popen(command, cwd=self.folder, stdin=subprocess.DEVNULL,
                                                      stdout=output, stderr=output)

        def answers() -> bool:
            if process.poll() is not None:
                raise RuntimeError(f"{self.name} ended: {log.read_text(errors='replace')[-3000:]}")
            try:
                return dns.ask(self.server, "evil", "SOA", source=CLIENT, timeout=1).rcode == "NOERROR"
            except (TimeoutError, ConnectionError):
                return False

        try:
            dns.wait_until(answers, 30, f"{self.name} answers")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_) -> None:
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    @property
    def pid(self) -> int:
        return self.process.pid

    def cpu_seconds(self) -> float:
        """Of all threads so far, from the scheduler's own account."""
        total = 0
        for task in Path(f"/proc/{self.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total / 1e9

    def resident_bytes(self) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        raise RuntimeError(f"{self.name} has no memory")


class WeirSystem(System):
    name = "weir"

    def __init__(self, folder: Path, anchors: list[str], *, blocked: list[str], forward: dict[str, str]) -> None:
        """`blocked`: names that a list of its blocks; `forward`: zones, and who resolves them for it."""
        super().__init__(folder, anchors)
        blocklist = self.folder / "blocked.domains"
        blocklist.write_text("".join(f"{name}\n" for name in blocked))
        body = (f'[[list]]\nname = "blocked"\nsource = "{blocklist}"\n'
                '[answers]\nany_over_udp = true\n'  # else ANY is sent to TCP, and its cost stays unseen
                '[[policy]]\nname = "default"\nlists = ["blocked"]\n')
        for zone, address in forward.items():
            body += f'[[forward]]\nname = "{zone}"\nservers = ["{address}"]\n'
        anchor = self.folder / "anchors"
        anchor.write_text("".join(f"{line}\n" for line in anchors))
        self.weir = Weir(self.folder, listen=[f"{ADDRESS}:{PORT}", f"{OWN_ADDRESS}:53"], hints=self.hints, body=body,
                         clients=["10.53.0.0/16"], resolver_keys='ipv6_upstream = false\ncache = "16MiB"\n',
                         trust_anchor=anchor if anchors else None)

    def __enter__(self) -> "WeirSystem":
        self.weir.start()
        self.weir.done("list", "update", "blocked")
        return self

    def __exit__(self, *_) -> None:
        self.weir.stop()

    @property
    def pid(self) -> int:
        return self.weir.resolver.process.pid

    def counters(self) -> dict[str, float]:
        """As the resolver tells them; workers add theirs once a second."""
        return control.request(self.weir.run_folder / "resolver.sock", "status")["counters"]

    def counters_after(self) -> dict[str, float]:
        """Those that hold all that has happened: of the workers' next second."""
        before = self.counters()["weir_uptime_seconds"]
        return dns.wait_until(lambda: (now := self.counters())["weir_uptime_seconds"] >= before + 2 and now, 10,
                              "two seconds more of uptime")


class Unbound(System):
    name = "unbound"
    program = "unbound"

    def command(self) -> list[str]:
        anchors = "".join(f'  trust-anchor: "{anchor}"\n' for anchor in self.anchors)
        (self.folder / "unbound.conf").write_text(f"""server:
  interface: {ADDRESS}@{PORT}
  access-control: 10.53.0.0/16 allow
  username: ""
  chroot: ""
  directory: "{self.folder}"
  pidfile: ""
  use-syslog: no
  do-ip6: no
  root-hints: "{self.hints}"
  module-config: "{'validator ' if self.anchors else ''}iterator"
  ede: yes
{anchors}remote-control:
  control-enable: no
""")
        return ["unbound", "-d", "-c", str(self.folder / "unbound.conf")]


class Bind(System):
    name = "bind"
    program = "named"

    def command(self) -> list[str]:
        anchors = ""
        for anchor in self.anchors:
            zone, _, _, tag, algorithm, kind, digest = anchor.split()
            anchors += f'  "{zone}" static-ds {tag} {algorithm} {kind} "{digest}";\n'
        trust = f"trust-anchors {{\n{anchors}}};\n" if anchors else ""
        (self.folder / "named.conf").write_text(f"""options {{
  directory "{self.folder}";
  pid-file none;
  session-keyfile none;
  lock-file none;
  listen-on port {PORT} {{ {ADDRESS}; }};
  listen-on-v6 {{ none; }};
  query-source address {ADDRESS};
  allow-query {{ any; }};
  allow-recursion {{ any; }};
  recursion yes;
  dnssec-validation {'yes' if anchors else 'no'};
  dump-file "{self.folder}/dump";
}};
{trust}controls {{ }};
zone "." {{ type hint; file "{self.hints}"; }};
""")
        return ["named", "-f", "-n", "2", "-c", str(self.folder / "named.conf")]


class PowerDns(System):
    name = "powerdns"
    program = "pdns_recursor"

    def command(self) -> list[str]:
        lua = ["clearTA()"]
        for anchor in self.anchors:
            zone, _, _, *data = anchor.split()
            lua.append(f'addTA("{zone}", "{" ".join(data)}")')
        (self.folder / "recursor.lua").write_text("\n".join(lua) + "\n")
        return recursor.write_configuration(
            self.folder, self.hints, local_address=f"{ADDRESS}:{PORT}", allow_from="10.53.0.0/16",
            dnssec="validate" if self.anchors else "off", lua_config_file=self.folder / "recursor.lua",
            query_local_address=ADDRESS)


class Knot(System):
    name = "knot"
    program = "kresd"

    def command(self) -> list[str]:
        anchors = "".join(f"trust_anchors.add('{anchor}')\n" for anchor in self.anchors)
        (self.folder / "kresd.conf").write_text(f"""modules = {{ 'hints' }}
net.listen('{ADDRESS}', {PORT}, {{ kind = 'dns' }})
net.ipv6 = false
trust_anchors.remove('.')
{anchors}modules.unload('priming')
modules.unload('detect_time_skew')
modules.unload('ta_signal_query')
modules.unload('ta_update')
hints.root_file('{self.hints}')
cache.open(100 * MB, 'lmdb://{self.folder}/cache')
""")
        return ["kresd", "-n", "-c", str(self.folder / "kresd.conf"), str(self.folder)]


PEERS: list[type[System]] = [Unbound, Bind, PowerDns, Knot]
