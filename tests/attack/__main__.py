"""The attacks suite: each attack on a resolver, in a namespace of its own, against its threshold; beside it the peers.

python3 -m tests.attack [FAMILY...] [-k WORD] [--quick] [--no-peers], from the root of the tree. --quick: without peers
and without what takes long. Prints a table and writes build/attacks.json; ends with "N passed, N failed, N skipped".
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path

from tests.attack import families, table
from tests.attack.arena import Arena, Authority, Case, Outcome
from tests.attack.systems import ADDRESS, OWN_ADDRESS, PEERS, WeirSystem
from tests.attack.words import read_words
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
    # weir first: it listens where the server program would take the port for itself.
    weir = WeirSystem(folder, families.anchors(), blocked=families.blocked(), forward=families.forward())
    with weir as system, Authority(folder) as authority:
        for _, case in chosen:
            outcome = found[case.name]["weir"] = run_case(case, Arena(system, authority, folder))
            print(f"  {case.name}: {outcome.figures}" + "".join(f"\n    {text}" for text in outcome.problems),
                  flush=True)
    compared = [case for _, case in chosen if case.peers] if with_peers else []
    for peer in PEERS if compared else []:
        if not peer.available():
            print(f"skipped: {peer.name} is not installed", flush=True)
            continue
        with Authority(folder) as authority, peer(folder, families.anchors()) as system:
            for case in compared:
                outcome = found[case.name][peer.name] = run_case(case, Arena(system, authority, folder))
                broke = [text for text in outcome.problems if text.startswith("broke")]
                print(f"  {peer.name} {case.name}: {outcome.figures} {' '.join(broke)}", flush=True)
    return found


def main() -> int:
    try:
        wanted = read_words(sys.argv[1:])
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    missing = [str(path) for path in (RESOLVER, SIDECAR, COMMAND) if not path.exists()]
    if missing:
        print(f"not built: {' '.join(missing)}", file=sys.stderr)
        return 2
    namespace.enter(["-m", "tests.attack", *sys.argv[1:]])
    namespace.add_addresses(ADDRESS, OWN_ADDRESS)
    # Every address of it is local: one program can be all the servers.
    subprocess.run(["ip", "route", "add", "local", "10.53.0.0/16", "dev", "lo", "src", ADDRESS], check=True)
    chosen = [(family, case) for family, cases in families.cases().items() for case in cases
              if (not wanted.families or family in wanted.families)
              and wanted.word in case.name and (case.quick or not wanted.quick)]
    memory_folder = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(prefix="weir-attack-", dir=memory_folder, ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        found = run(chosen, Path(name), wanted.peers)
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
