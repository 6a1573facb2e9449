"""The attacks suite: each attack on a resolver, in a namespace of its own, against its threshold; beside it the peers.

python3 -m tests.attack [FAMILY...] [-k WORD] [--quick] [--no-peers], from the root of the tree. --quick: without peers
and without what takes long. Prints a table and writes build/attacks.json; ends with "N passed, N failed, N skipped".
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from tests.attack import families, table
from tests.attack.arena import Arena, Authority, Case, Outcome
from tests.attack.systems import ADDRESS, PEERS, WeirSystem
from tests.support import namespace
from tests.support.daemons import BUILD, COMMAND, RESOLVER, SIDECAR
from tests.support.tally import Tally


def run_case(case: Case, arena: Arena) -> Outcome:
    try:
        return case.run(arena)
    except Exception:  # a case that breaks must not hide the others
        return Outcome(problems=["broke: " + traceback.format_exc(limit=-4)])


def run(chosen: list[tuple[str, Case]], folder: Path, with_peers: bool) -> dict[str, dict[str, Outcome]]:
    """Case name -> system name -> what came of it."""
    found: dict[str, dict[str, Outcome]] = {case.name: {} for _, case in chosen}
    with Authority(folder) as authority:
        with WeirSystem(folder, families.anchors(), blocked=families.blocked()) as system:
            for _, case in chosen:
                outcome = found[case.name]["weir"] = run_case(case, Arena(system, authority, folder))
                print(f"  {case.name}: {outcome.figures}" + "".join(f"\n    {text}" for text in outcome.problems),
                      flush=True)
        compared = [case for _, case in chosen if case.peers]
        for peer in PEERS if with_peers and compared else []:
            if not peer.available():
                print(f"skipped: {peer.name} is not installed", flush=True)
                continue
            with peer(folder, families.anchors()) as system:
                for case in compared:
                    outcome = found[case.name][peer.name] = run_case(case, Arena(system, authority, folder))
                    broke = [text for text in outcome.problems if text.startswith("broke")]
                    print(f"  {peer.name} {case.name}: {outcome.figures} {' '.join(broke)}", flush=True)
    return found


def main() -> int:
    every = families.cases()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", help=f"of {' '.join(every)}")
    parser.add_argument("-k", dest="word", default="", help="only cases whose name contains this")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-peers", action="store_true")
    arguments = parser.parse_args()
    unknown = set(arguments.families) - set(every)
    if unknown:
        parser.error(f"no such family: {' '.join(sorted(unknown))}")
    missing = [str(path) for path in (RESOLVER, SIDECAR, COMMAND) if not path.exists()]
    if missing:
        parser.error(f"not built: {' '.join(missing)}")
    namespace.enter(["-m", "tests.attack", *sys.argv[1:]])
    namespace.add_addresses(ADDRESS)
    # Every address of it is local: one program can be all the servers.
    subprocess.run(["ip", "route", "add", "local", "10.53.0.0/16", "dev", "lo", "src", ADDRESS], check=True)
    chosen = [(family, case) for family, cases in every.items() for case in cases
              if (not arguments.families or family in arguments.families)
              and arguments.word in case.name and (case.quick or not arguments.quick)]
    memory_folder = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="weir-attack-", dir=memory_folder, ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        found = run(chosen, Path(name), not (arguments.quick or arguments.no_peers))
    tally = Tally()
    for _, case in chosen:
        outcome = found[case.name]["weir"]
        outcome.problems += table.worse_than_peers(case, found[case.name])
        if outcome.problems:
            tally.fail(f"{case.name}: {outcome.problems[0]}")
        else:
            tally.passed += 1
    print(table.of(chosen, found))
    (BUILD / "attacks.json").write_text(json.dumps(table.report(chosen, found), indent=1) + "\n")
    for failure in tally.failures:
        print(f"FAILED {failure}")
    print(tally)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
