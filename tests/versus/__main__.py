"""weir, Unbound, BIND, Knot Resolver and PowerDNS Recursor in generated worlds.

python3 -m tests.versus [--seed N] [--worlds N] [--feel N] [--questions N], from the root of the tree; in a namespace.

Answers: in each of `--worlds` worlds each resolver is asked all of the world's questions with DO, and must say what the
oracle allows; where weir or the oracle differ from a peer, table.toml says which section decides. How it feels: in `--feel`
large worlds with round trips of 5 to 150 ms, 2 % loss and a tenth of the servers dead or lame, one resolver at a time is
asked `--questions` questions into an empty cache, at a steady pace: time to answer and packets to servers.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.support import namespace
from tests.support.tally import Tally
from tests.versus import answers, feel, options, resolvers
from tests.versus.world import PROGRAM


def main() -> int:
    parser = options.parser(__doc__)
    arguments = parser.parse_args()
    if not PROGRAM.exists():
        parser.error(f"not built: {PROGRAM}")
    namespace.enter(["-m", "tests.versus", *sys.argv[1:]])
    chosen = [kind for kind in resolvers.ALL if not arguments.only or kind.name in arguments.only.split(",")]
    tally = Tally()
    with tempfile.TemporaryDirectory(prefix="weir-versus-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if arguments.worlds:
            answers.run(folder, chosen, range(arguments.seed, arguments.seed + arguments.worlds), arguments.details,
                        tally)
        for seed in range(arguments.seed, arguments.seed + arguments.feel):
            feel.run(folder, chosen, seed, arguments.questions, arguments.details, tally)
    for failure in tally.failures:
        print(f"FAILED {failure}")
    print(tally, flush=True)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
