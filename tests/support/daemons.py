"""weir's programs as a test runs them: in a folder of their own, told apart by it, ended by it.

WEIR_BUILD names the build folder (default: build/). A daemon is ready when it says READY=1 to its notify socket, as
it would to systemd.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support import control, dns

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("WEIR_BUILD", ROOT / "build")).resolve()
RESOLVER = BUILD / "resolver" / "weir-resolver"
SIDECAR = BUILD / "tools" / "weir-sidecar"
COMMAND = BUILD / "tools" / "weir"

READY_SECONDS = 60  # generous: sanitizers, two cores
STOP_SECONDS = 20
CLOCK_SHIFT = "tests/support/clock_shift.cc"


@dataclass
class Ran:
    status: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    def __str__(self) -> str:
        return f"status {self.status}\n{self.out}{self.err}"


class Daemon:
    """One process; its output goes to a file that outlives it."""

    def __init__(self, program: Path, config: Path, folder: Path) -> None:
        self.program, self.config, self.folder = program, config, folder
        self.log = folder / f"{program.name}.log"
        self.process: subprocess.Popen | None = None
        self.clock = ""  # of its next start: "-40h" is what its wall clock is set off by; "" is the machine's

    def launch(self, *options: str) -> subprocess.Popen:
        """Starts it without waiting; the caller may do so by wait_ready() or by the process."""
        path = self.folder / f"{self.program.name}.notify"
        path.unlink(missing_ok=True)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(path))
        self._mark = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([str(self.program), "--config", str(self.config), *options],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True,  # Ctrl-C is ours to pass on
                                            env={**os.environ, "NOTIFY_SOCKET": str(path), **self._clock_variables()})
        return self.process

    def _clock_variables(self) -> dict[str, str]:
        """The wall clock alone is another one: tests/support/clock_shift.cc."""
        if not self.clock:
            return {}
        seconds = int(self.clock[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[self.clock[-1]]
        library = self.folder / "clock_shift.so"
        if not library.exists():
            subprocess.run(["c++", "-shared", "-fPIC", "-O1", "-o", str(library), str(ROOT / CLOCK_SHIFT)], check=True,
                           timeout=120)
        return {"LD_PRELOAD": str(library), "WEIR_CLOCK_SHIFT": str(seconds),
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"}

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        self._notify.settimeout(0.2)
        while time.monotonic() < deadline:
            try:
                if b"READY=1" in self._notify.recv(4096).split(b"\n"):
                    return
            except TimeoutError:
                pass
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.program.name} ended with {self.process.returncode}:\n{self.output()}")
        raise TimeoutError(f"{self.program.name} not ready within {seconds} s:\n{self.output()}")

    def start(self) -> "Daemon":
        self.launch()
        self.wait_ready()
        return self

    def output(self) -> str:
        """What it wrote since its last start."""
        if not self.log.exists():
            return ""
        with open(self.log, "rb") as log:
            log.seek(self._mark)
            return log.read().decode("utf-8", "replace")

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        """kill -9; returns when it is gone."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """SIGTERM; its exit status. One that does not end is killed, and that is an error."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"{self.program.name} did not end within {STOP_SECONDS} s of SIGTERM")


class Weir:
    """Resolver, sidecar and command over one weir.toml. `body` is what follows the sections that tests share."""

    def __init__(self, folder: Path, *, listen: list[str], hints: Path, body: str, clients: list[str] | None = None,
                 resolver_keys: str = "", trust_anchor: Path | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "weir.toml"
        self.run_folder, self.store = self._make_run_folder(folder), folder / "store"
        self.listen, self.hints, self.body, self.resolver_keys = listen, hints, body, resolver_keys
        # An internet of a test's own has an unsigned root, unless it brings an anchor.
        self.trust = f"trust_anchors = [{json.dumps(str(trust_anchor))}]" if trust_anchor else "validate = false"
        self.clients = clients or ["127.0.0.0/8", "::1", "10.53.0.0/16", "fd53::/16"]
        self.state = folder / "state"  # the resolver's own
        for path in (self.run_folder, self.store, self.state):
            path.mkdir(exist_ok=True)
        self.write_config()
        self.resolver = Daemon(RESOLVER, self.config, folder)
        self.sidecar = Daemon(SIDECAR, self.config, folder)
        host, port = listen[0].rsplit(":", 1)
        self.server = (host.strip("[]"), int(port))

    @staticmethod
    def _make_run_folder(folder: Path) -> Path:
        """In memory, as /run is: on a disk, writing a ring's page back stalls the worker that writes it (3.7 ms seen)."""
        memory = os.environ.get("WEIR_E2E_MEMORY")
        if not memory:
            return folder / "run"
        run = Path(tempfile.mkdtemp(dir=memory))
        run.chmod(0o755)
        return run

    def write_config(self, body: str | None = None) -> None:
        self.body = self.body if body is None else body
        self.config.write_text(f"""[resolver]
listen = {json.dumps(self.listen)}
workers = 2
allow_clients = {json.dumps(self.clients)}
root_hints = {json.dumps(str(self.hints))}
state = {json.dumps(str(self.state))}
{self.trust}
{self.resolver_keys}
[run]
path = {json.dumps(str(self.run_folder))}

[store]
path = {json.dumps(str(self.store))}

{self.body}

# The internets of tests have a top-level domain of this name, which is not resolved by default (RFC 6761).
[[local_zone]]
name = "test"
type = "resolve"
""")

    def start(self) -> "Weir":
        self.sidecar.start()
        self.resolver.start()
        return self

    def stop(self) -> None:
        """Ends both; an exit status other than 0 is an error, as is a sanitizer's report."""
        statuses = {daemon.program.name: daemon.stop() for daemon in (self.resolver, self.sidecar) if daemon.running()}
        for daemon in (self.resolver, self.sidecar):
            text = daemon.log.read_text(errors="replace") if daemon.log.exists() else ""
            found = re.search(r"(ERROR: \w+Sanitizer|runtime error:|WARNING: ThreadSanitizer).*", text)
            if found:
                raise RuntimeError(f"{daemon.program.name}: {found.group(0)}\n{text[found.start():][:6000]}")
        bad = {name: status for name, status in statuses.items() if status != 0}
        if bad:
            raise RuntimeError(f"ended badly: {bad}\n{self.resolver.output()[-3000:]}\n{self.sidecar.output()[-3000:]}")

    def command(self, *arguments: str, text: str | None = None, timeout: float = 120) -> Ran:
        """weir --config ... ARGUMENTS."""
        ran = subprocess.run([str(COMMAND), "--config", str(self.config), *arguments], capture_output=True, text=True,
                             timeout=timeout, **({"input": text} if text is not None else {"stdin": subprocess.DEVNULL}))
        return Ran(ran.returncode, ran.stdout, ran.stderr)

    def done(self, *arguments: str, **options) -> Ran:
        """The same; any status but 0 is an error."""
        ran = self.command(*arguments, **options)
        if ran.status != 0:
            raise RuntimeError(f"weir {' '.join(arguments)}: {ran}")
        return ran

    def updated(self, name: str, seconds: float = 60.0) -> None:
        """Updates a list, behind whatever update of it is running."""
        def free():
            ran = self.command("list", "update", name)
            if "is being updated at this moment" in ran.err:
                return None
            if ran.status != 0:
                raise RuntimeError(f"weir list update {name}: {ran}")
            return ran
        dns.wait_until(free, seconds, f"list {name} is updated", every=0.02)

    def control(self, verb: str, **arguments) -> dict:
        """One request to the resolver's control socket."""
        return control.request(self.run_folder / "resolver.sock", verb, **arguments)

    def metrics(self) -> str:
        return self.control("metrics")["text"]

    def figure(self, name: str) -> float:
        """A metric of the resolver, all its labels added up."""
        return sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? (\S+)$", self.metrics(), re.MULTILINE))

    def ask(self, name: str, type: str = "A", **options) -> dns.Answer:
        return dns.ask(self.server, name, type, **options)

    def until(self, name: str, data: list[str], seconds: float = 5.0, **options) -> dns.Answer:
        """Asks until the A records are `data`."""
        def right():
            answer = self.ask(name, **options)
            return answer if answer.data("A") == data else None
        return dns.wait_until(right, seconds, f"{name} answers {data}", every=0.002)
