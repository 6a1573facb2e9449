"""Runs resolver and sidecar with the example lists on this machine until Ctrl-C. Started by deploy/quickstart."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading

from deploy.demo import example
from tests.support.daemons import BUILD, COMMAND, RESOLVER, SIDECAR, Daemon

HOW_TO = """
weir answers on 127.0.0.1, port {port}. In another terminal:

  dig @127.0.0.1 -p {port} {blocked}      # on an example list: 0.0.0.0, and the error that says why
  dig @127.0.0.1 -p {port} www.debian.org   # resolved from the root servers down (needs the internet)
  weir() {{ {command} --config {config} "$@"; }}
  weir explain {blocked}                 # which list, which line, which import
  weir rule add some.name.example          # your own rule, in force at once
  weir list show; weir log search; weir status

Next: put your lists and addresses into a weir.toml of your own (README.md, "Point a network at it"; this one is
{config}, and the next quick start writes it anew).
Ctrl-C stops both.
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="deploy/quickstart", description=__doc__)
    parser.add_argument("--port", type=int, default=5353)
    port = parser.parse_args().port
    folder = BUILD / "quickstart"
    for name in ("run", "store", "state"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    config = folder / "weir.toml"
    config.write_text(f"""# Made by deploy/quickstart; written anew by its next start.
[resolver]
listen = ["127.0.0.1:{port}"]
state = {json.dumps(str(folder / "state"))}

[run]
path = {json.dumps(str(folder / "run"))}

[store]
path = {json.dumps(str(folder / "store"))}
{example.LISTS_AND_POLICIES}""")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    daemons = [Daemon(SIDECAR, config, folder), Daemon(RESOLVER, config, folder)]
    started: list[Daemon] = []
    try:
        for daemon in daemons:
            started.append(daemon)
            daemon.start()
            if stop.is_set():
                return 0
        print(HOW_TO.format(port=port, blocked=example.BLOCKED, config=config,
                            command=COMMAND), flush=True)
        while not stop.wait(1):
            for daemon in daemons:
                if not daemon.running():
                    print(f"{daemon.program.name} has ended:\n{daemon.output()}", file=sys.stderr)
                    return 1
        print("\nstopping", flush=True)
        return 0
    except (RuntimeError, TimeoutError) as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        for daemon in reversed(started):
            if daemon.stop() != 0:
                print(f"{daemon.program.name} did not end well:\n{daemon.output()}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
