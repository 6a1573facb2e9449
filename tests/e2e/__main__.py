"""The e2e suite: real daemons, real servers, real clients, in a namespace that goes with this process.

python3 -m tests.e2e [MODULE...] [-k WORD], from the root of the tree: MODULE is the stem of a file here, e.g. resolve.
--turns FILE: several of these at once, which take the modules from each other; FILE is empty at first and counts them.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support import namespace, unittests
from tests.support.daemons import COMMAND, RESOLVER, SIDECAR
from tests.support.small_internet import SmallInternet
from tests.support.tally import Tally

HERE = Path(__file__).resolve().parent
# In this order: what else would fail with it comes first.
MODULES = ["start", "resolve", "edns", "bad_packets", "dnssec", "pairs", "peers", "forward", "anchors", "look", "filter",
           "clients", "rules", "overlays", "lists", "monitoring", "rpz", "rpz_peers", "transfer", "transfer_out", "transfer_tls", "dnsmasq", "migration",
           "guards", "signed_lists", "observe", "what_if", "audit", "backup", "self_service", "explain", "follow",
           "api", "log", "log_retention", "forget", "privacy", "sinks", "log_source", "local", "reload_under_load",
           "deaths_under_load", "crash", "kills", "last_calls", "disk_faults", "full_disk", "damage", "bad_lists", "https",
           "field"]
# Only where they are named: they need more than this suite's packages.
ON_DEMAND = ["console"]


def by_turns(modules: list[str], counter: str) -> Iterator[str]:
    while True:
        with open(counter, "r+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            turn = int(file.read() or 0)
            file.seek(0)
            file.write(str(turn + 1))
        if turn >= len(modules):
            return
        yield modules[turn]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help=f"of {' '.join(MODULES + ON_DEMAND)}")
    parser.add_argument("-k", dest="words", action="append", help="only tests whose name contains this")
    parser.add_argument("--turns", metavar="FILE", help="run only what no other process of the same FILE runs")
    arguments = parser.parse_args()
    unknown = set(arguments.modules) - set(MODULES + ON_DEMAND)
    if unknown:
        parser.error(f"no such module: {' '.join(sorted(unknown))}")
    missing = [str(path) for path in (RESOLVER, SIDECAR, COMMAND) if not path.exists()]
    if missing:
        parser.error(f"not built: {' '.join(missing)}")
    namespace.enter(["-m", "tests.e2e", *sys.argv[1:]])
    memory_folder = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with (tempfile.TemporaryDirectory(prefix="weir-e2e-", ignore_cleanup_errors=True) as name,
          tempfile.TemporaryDirectory(prefix="weir-e2e-", dir=memory_folder, ignore_cleanup_errors=True) as memory):
        os.chmod(memory, 0o755)
        os.environ["WEIR_E2E_MEMORY"] = memory
        folder = Path(name)
        folder.chmod(0o755)  # some tests run a program as somebody else
        os.environ["WEIR_E2E_FOLDER"] = name  # tests.e2e.case finds the internet's hints here
        with SmallInternet(folder / "internet"):
            modules = arguments.modules or MODULES
            tally = Tally()
            for module in by_turns(modules, arguments.turns) if arguments.turns else modules:
                tally.add(unittests.run([HERE / f"{module}_test.py"], arguments.words))
    for failure in tally.failures:
        print(f"FAILED {failure}")
    print(tally, flush=True)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
