"""The systems under measurement: how each is configured, started, filled and reloaded.

Every one runs on one thread pinned to one core, resolves from the same local authority, validates what lies below
`anchors` (nothing where there are none), and blocks the same list.
"""

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

AUTHORITY = "10.53.9.1"
SERVER = "10.53.9.10"
PORT = 5300


def start_authority(folder: Path, addresses: list[str], zones: dict[str, str]) -> subprocess.Popen:
    """NSD on the load generator's core, with `zones` (name to file in FOLDER), and FOLDER/root.hints that name it."""
    listen = "".join(f"  ip-address: {address}\n" for address in addresses)
    served = "".join(f'zone:\n  name: "{name}"\n  zonefile: "{file}"\n' for name, file in zones.items())
    (folder / "root.hints").write_text(f". 3600000 NS a.root.\na.root. 3600000 A {AUTHORITY}\n")
    (folder / "nsd.conf").write_text(f"""
server:
{listen}  username: ""
  chroot: ""
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  database: ""
  xfrdfile: "{folder}/xfrd"
  zonelistfile: "{folder}/zone.list"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
{served}""")
    log = open(folder / "nsd.log", "wb")
    return subprocess.Popen(["taskset", "-c", "1", "/usr/sbin/nsd", "-d", "-c", str(folder / "nsd.conf")], stdout=log, stderr=log)


class System:
    name = ""
    program = ""
    filters = True
    resolves = True
    anchors: list[str] = []  # DS in zone file syntax
    cache_mb = 64              # where a system wants to be told; above what the workload needs

    def __init__(self, folder: Path, build: Path):
        self.folder = folder / self.name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.build = build
        self.process = None
        self.helpers = []

    def available(self) -> bool:
        return any(os.access(f"{path}/{self.program}", os.X_OK) for path in ("/usr/sbin", "/usr/bin", "/sbin", "/bin"))

    def configure(self, blocklist: Path | None) -> None:
        """Writes configuration; `blocklist` holds one name a line (each blocks its subtree), None: no filter."""
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def start(self) -> None:
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(["taskset", "-c", "0", *self.command()], cwd=self.folder, stdout=log, stderr=log)

    def reload(self) -> None:
        """Asks the running system to take the changed blocklist (configure() was called again)."""
        raise NotImplementedError

    def stop(self) -> None:
        for process in [self.process, *self.helpers]:
            if process is None or process.poll() is not None:
                continue
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.process = None
        self.helpers = []

    def cpu_ns(self) -> int:
        """CPU time of all threads so far, from the scheduler's own account."""
        total = 0
        for task in Path(f"/proc/{self.process.pid}/task").iterdir():
            total += int((task / "schedstat").read_text().split()[0])
        return total

    def longest_turn_ms(self) -> float | None:
        """CPU time of the longest turn of a serving loop, where the system tells it."""
        return None

    def rss_kb(self) -> int:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        return 0


class Echo(System):
    """The floor: receive a datagram, send it back."""

    filters = False
    resolves = False

    def __init__(self, folder: Path, build: Path, mode: str):
        self.name = {"blocking": "floor", "loop": "floor_loop"}[mode]
        self.mode = mode
        super().__init__(folder, build)

    def available(self) -> bool:
        return True

    def configure(self, blocklist):
        pass

    def command(self):
        return [str(self.build / "bench/bench_echo"), SERVER, str(PORT), self.mode]


class Weir(System):
    name = "weir"

    def __init__(self, folder: Path, build: Path):
        super().__init__(folder, build)
        # In memory, as /run is: on a disk each page of the decision ring that was written back costs a fault again.
        self.run = Path(tempfile.mkdtemp(prefix="weir-bench-", dir="/dev/shm")) if os.path.isdir("/dev/shm") else self.folder / "run"

    def stop(self):
        super().stop()
        if self.run.parent != self.folder:
            shutil.rmtree(self.run, ignore_errors=True)

    def available(self):
        return (self.build / "resolver/weir-resolver").exists()

    def configure(self, blocklist):
        lists = ""
        if blocklist:
            lists = f"""
[[list]]
name = "big"
source = "{blocklist}"
match = "subtree"
in_use = 0
[[policy]]
name = "default"
lists = ["big"]
"""
        validate = "validate = false"
        if self.anchors:
            (self.folder / "anchors").write_text("\n".join(self.anchors) + "\n")
            validate = f'trust_anchors = ["{self.folder}/anchors"]'
        (self.folder / "weir.toml").write_text(f"""
[resolver]
listen = ["{SERVER}:{PORT}"]
workers = 1
allow_clients = ["10.53.0.0/16", "127.0.0.0/8"]
root_hints = "{self.folder.parent}/root.hints"
{validate}
cache = "{self.cache_mb}MiB"
ipv6_upstream = false
[run]
path = "{self.run}"
[store]
path = "{self.folder}/store"
[fetch]
max_bytes = "2GiB"
max_decoded_bytes = "2GiB"
{lists}""")

    def start(self):
        log = open(self.folder / "sidecar.log", "ab")
        config = str(self.folder / "weir.toml")
        # The sidecar works on the load generator's core and is waited for before anything is measured.
        self.helpers.append(subprocess.Popen(["taskset", "-c", "1", str(self.build / "tools/weir-sidecar"), "--config", config],
                                             cwd=self.folder, stdout=log, stderr=log))
        self.wait_for_lists(config)
        super().start()

    def wait_for_lists(self, config):
        deadline = time.monotonic() + 600  # ten million rules
        while time.monotonic() < deadline:
            done = subprocess.run([str(self.build / "tools/weir"), "--config", config, "--json", "list", "show"], capture_output=True, text=True)
            if done.returncode == 0 and all(entry.get("rules", 0) > 0 for entry in json.loads(done.stdout)["lists"]):
                return
            if self.helpers[-1].poll() is not None:
                raise RuntimeError("weir's sidecar ended; see sidecar.log")
            time.sleep(0.1)
        raise RuntimeError("weir's lists were not loaded within ten minutes; see sidecar.log")

    def command(self):
        return [str(self.build / "resolver/weir-resolver"), "--config", str(self.folder / "weir.toml")]

    def figure(self, name: str) -> float | None:
        """A metric of the resolver, summed over its labels."""
        with socket.socket(socket.AF_UNIX) as control:
            control.settimeout(5)
            control.connect(str(self.run / "resolver.sock"))
            control.sendall(b'{"verb": "metrics", "args": {}, "who": "bench"}\n')
            reply = b""
            while not reply.endswith(b"\n"):
                reply += control.recv(65536)
        values = [float(line.split()[-1]) for line in json.loads(reply)["result"]["text"].splitlines()
                  if line.split("{")[0].split(" ")[0] == name]
        return sum(values) if values else None

    def longest_turn_ms(self):
        turn = self.figure("weir_worker_longest_turn_microseconds")
        return None if turn is None else turn / 1000

    def reload(self):
        subprocess.run(["taskset", "-c", "1", str(self.build / "tools/weir"), "--config", str(self.folder / "weir.toml"), "list", "update", "big"],
                       check=True, stdout=subprocess.DEVNULL)


class Unbound(System):
    name = "unbound"
    program = "unbound"

    def configure(self, blocklist):
        zones = ""
        if blocklist:
            with open(self.folder / "blocked.conf", "w") as out:
                out.write("server:\n")
                for line in blocklist.read_text().splitlines():
                    out.write(f'local-zone: "{line}" always_null\n')
            zones = f'include: "{self.folder}/blocked.conf"'
        validate = "\n  ".join(f'trust-anchor: "{anchor}"' for anchor in self.anchors) or 'module-config: "iterator"'
        (self.folder / "unbound.conf").write_text(f"""
server:
  interface: {SERVER}@{PORT}
  access-control: 10.53.0.0/16 allow
  num-threads: 1
  username: ""
  chroot: ""
  directory: "{self.folder}"
  pidfile: "{self.folder}/pid"
  use-syslog: no
  do-daemonize: no
  {validate}
  do-ip6: no
  root-hints: "{self.folder.parent}/root.hints"
  msg-cache-size: {self.cache_mb}m
  rrset-cache-size: {2 * self.cache_mb}m
  so-rcvbuf: 4m
{zones}
remote-control:
  control-enable: yes
  control-interface: {self.folder}/control
  control-use-cert: no
""")

    def command(self):
        return ["/usr/sbin/unbound", "-d", "-c", str(self.folder / "unbound.conf")]

    def reload(self):
        subprocess.run(["/usr/sbin/unbound-control", "-c", str(self.folder / "unbound.conf"), "reload"], check=True,
                       stdout=subprocess.DEVNULL)


def write_rpz(path: Path, blocklist: Path) -> None:
    with open(path, "w") as out:
        # BIND wants a name server that exists and a serial number that rises.
        out.write(f"$TTL 300\n@ SOA rpz. host.rpz. {int(time.time())} 3600 600 86400 300\n@ NS localhost.\n")
        for line in blocklist.read_text().splitlines():
            out.write(f"{line} CNAME .\n*.{line} CNAME .\n")


class PowerDns(System):
    name = "powerdns"
    program = "pdns_recursor"

    def configure(self, blocklist):
        lua = ""
        if blocklist:
            write_rpz(self.folder / "rpz.zone", blocklist)
            (self.folder / "rpz.lua").write_text(f'rpzFile("{self.folder}/rpz.zone", {{policyName="bench"}})\n')
            lua = f"lua-config-file={self.folder}/rpz.lua"
        elif self.anchors:
            adds = ('addTA("{}", "{}")\n'.format(*anchor.split(" IN DS ")) for anchor in self.anchors)
            (self.folder / "anchor.lua").write_text('clearTA(".")\n' + "".join(adds))
            lua = f"lua-config-file={self.folder}/anchor.lua"
        (self.folder / "recursor.conf").write_text(f"""
local-address={SERVER}:{PORT}
allow-from=10.53.0.0/16
threads=1
pdns-distributes-queries=no
dnssec={"validate" if self.anchors else "off"}
hint-file={self.folder.parent}/root.hints
query-local-address=10.53.9.10
socket-dir={self.folder}
security-poll-suffix=
max-cache-entries=1000000
max-packetcache-entries=500000
dont-query=
quiet=yes
loglevel=3
setuid=
setgid=
daemon=no
write-pid=no
{lua}
""")

    def command(self):
        return ["/usr/sbin/pdns_recursor", f"--config-dir={self.folder}"]

    def reload(self):
        subprocess.run(["/usr/bin/rec_control", f"--socket-dir={self.folder}", "--timeout=600", "reload-lua-config"], check=True, stdout=subprocess.DEVNULL)


class Knot(System):
    name = "knot"
    program = "kresd"

    def configure(self, blocklist):
        rule = ""
        if blocklist:
            write_rpz(self.folder / "rpz.zone", blocklist)
            rule = f"policy.add(policy.rpz(policy.DENY, '{self.folder}/rpz.zone', false))"
        anchors = "\n".join(f"trust_anchors.add('{anchor}')" for anchor in self.anchors)
        (self.folder / "kresd.conf").write_text(f"""
modules = {{ 'hints', 'policy' }}
{anchors}
net.listen('{SERVER}', {PORT}, {{ kind = 'dns' }})
net.ipv6 = false
trust_anchors.remove('.')
modules.unload('priming')
modules.unload('detect_time_skew')
modules.unload('ta_signal_query')
modules.unload('ta_update')
hints.root_file('{self.folder.parent}/root.hints')
cache.open(200 * MB, 'lmdb://{self.folder}/cache')
{rule}
""")

    def command(self):
        return ["/usr/sbin/kresd", "-n", "-c", str(self.folder / "kresd.conf"), str(self.folder)]


class Bind(System):
    """Measured for misses alone: its filter is a list in RPZ, which it loads for minutes."""

    name = "bind"
    program = "named"
    filters = False

    def configure(self, blocklist):
        anchors = ""
        for anchor in self.anchors:
            owner, _, _, tag, algorithm, digest_type, digest = anchor.split()
            anchors += f'trust-anchors {{ {owner} static-ds {tag} {algorithm} {digest_type} "{digest}"; }};\n'
        (self.folder / "named.conf").write_text(f"""
options {{
  directory "{self.folder}";
  pid-file "{self.folder}/pid";
  session-keyfile "{self.folder}/session.key";
  listen-on port {PORT} {{ {SERVER}; }};
  listen-on-v6 {{ none; }};
  allow-query {{ 10.53.0.0/16; }};
  allow-recursion {{ 10.53.0.0/16; }};
  recursion yes;
  dnssec-validation {"yes" if self.anchors else "no"};
  query-source address {SERVER};
}};
controls {{ }};
logging {{ category default {{ null; }}; category unmatched {{ null; }}; }};
{anchors}
zone "." {{ type hint; file "{self.folder.parent}/root.hints"; }};
""")

    def command(self):
        return ["/usr/sbin/named", "-4", "-f", "-n", "1", "-c", str(self.folder / "named.conf")]


class Dnsdist(System):
    name = "dnsdist"
    program = "dnsdist"
    resolves = False

    def configure(self, blocklist):
        rule = ""
        if blocklist:
            rule = f"""
local blocked = newSuffixMatchNode()
for line in io.lines('{blocklist}') do blocked:add(newDNSName(line)) end
addAction(SuffixMatchNodeRule(blocked), SpoofAction({{'0.0.0.0', '::'}}))
"""
        (self.folder / "dnsdist.conf").write_text(f"""
setLocal('{SERVER}:{PORT}')
setACL({{'10.53.0.0/16'}})
setSecurityPollSuffix('')
newServer({{address='{AUTHORITY}:53', healthCheckMode='up'}})
local cache = newPacketCache(200000)
getPool(''):setCache(cache)
{rule}
""")

    def command(self):
        return ["/usr/bin/dnsdist", "--supervised", "--disable-syslog", "-C", str(self.folder / "dnsdist.conf")]


def all_systems(folder: Path, build: Path) -> list[System]:
    systems = [Echo(folder, build, "blocking"), Echo(folder, build, "loop")]
    systems += [kind(folder, build) for kind in (Weir, Dnsdist, PowerDns, Unbound, Knot, Bind)]
    return systems
