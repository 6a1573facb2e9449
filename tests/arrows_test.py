"""Refuses an #include against the arrows of the house: a forbidden one does not build here.

The rank of a room says who may include it: a room includes itself and rooms of a lower rank on its own side.
zones/base <- zones/dns <- the rest of zones <- resolver/base <- wire <- cache <- dnssec <- engine <- filter <- server
<- main; tools include zones and tools, never resolver.
"""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)

# Longest prefix decides.
RANKS = {
    "zones/base": 0,
    "zones/dns": 1,
    "zones": 2,
    "zones/config": 3,
    "zones/link": 3,
    "zones/lists": 3,
    "zones/store": 3,
    "resolver/base": 10,
    "resolver/wire": 11,
    "resolver/cache": 12,
    "resolver/dnssec": 13,
    "resolver/engine": 14,
    "resolver/filter": 15,
    "resolver/server": 16,
    "resolver": 17,  # main.cc
    "tools/support": 10,
    "tools/http": 11,
    "tools/migrate": 11,
    "tools/backup": 11,
    "tools/log": 11,
    "tools/sql": 12,
    "tools/sinks": 12,
    "tools/sidecar": 13,
    "tools/cli": 12,
}

# Rooms that stand beside each other and still know each other, each with its reason.
BESIDE = set()


def room_of(path: str) -> str | None:
    """The room that a path lies in, or None for what is no room of ours."""
    parts = path.split("/")[:-1]
    for length in range(len(parts), 0, -1):
        if "/".join(parts[:length]) in RANKS:
            return "/".join(parts[:length])
    return None


def forbidden(source: str, included: str) -> str | None:
    """Why `source` must not include `included`; None where it may."""
    room, other = room_of(source), room_of(included)
    if room is None or other is None:
        return f"{included} lies in no room" if other is None else f"{source} lies in no room"
    if room == other:
        return None
    sides = room.split("/")[0], other.split("/")[0]
    if sides[0] != sides[1] and sides[1] != "zones":
        return f"{sides[0]}/ must not know {sides[1]}/"
    if RANKS[other] >= RANKS[room] and (room, other) not in BESIDE:
        return f"{room} must not know {other}"
    return None


class ArrowsTest(unittest.TestCase):
    def test_the_rule_itself(self):
        for source, included, allowed in [
            ("zones/base/text.h", "zones/base/result.h", True),
            ("zones/dns/name.h", "zones/base/result.h", True),
            ("zones/base/text.h", "zones/dns/name.h", False),
            ("zones/rule.h", "zones/dns/name.h", True),
            ("zones/rule.h", "zones/store/writer.h", False),
            ("zones/store/writer.h", "zones/rule.h", True),
            ("zones/store/writer.h", "zones/lists/detect.h", False),
            ("zones/rule.h", "resolver/base/limits.h", False),
            ("resolver/wire/reply.h", "zones/store/generation.h", True),
            ("resolver/wire/reply.h", "resolver/cache/answers.h", False),
            ("resolver/engine/engine.h", "resolver/cache/answers.h", True),
            ("resolver/engine/engine.h", "resolver/server/worker.h", False),
            ("resolver/main.cc", "resolver/server/worker.h", True),
            ("resolver/server/worker.h", "tools/support/socket.h", False),
            ("tools/cli/main.cc", "resolver/server/worker.h", False),
            ("tools/cli/main.cc", "zones/link/control.h", True),
            ("tools/cli/main.cc", "tools/sidecar/fetch.h", False),
            ("tools/sidecar/main.cc", "tools/support/client.h", True),
            ("tools/sidecar/sidecar.cc", "tools/http/service.h", True),
            ("tools/http/api.cc", "tools/sidecar/verbs.h", False),
            ("tools/sidecar/main.cc", "tools/log/block.h", True),
            ("tools/log/block.h", "tools/sidecar/drain.h", False),
            ("tools/sinks/sinks.h", "tools/log/frames.h", True),
            ("tools/sinks/sinks.h", "tools/sidecar/drain.h", False),
        ]:
            with self.subTest(source=source, included=included):
                self.assertEqual(forbidden(source, included) is None, allowed)

    def test_every_include_of_the_tree(self):
        files = [path for side in ("zones", "resolver", "tools") for path in (ROOT / side).rglob("*.[hc]*")]
        files = [path for path in files if path.suffix in (".h", ".cc")]
        self.assertGreater(len(files), 30, "the tree has moved")
        found = []
        for path in files:
            source = str(path.relative_to(ROOT))
            text = path.read_text()
            for match in INCLUDE.finditer(text):
                reason = forbidden(source, match.group(1))
                if reason:
                    line = text.count("\n", 0, match.start(1)) + 1
                    found.append(f"{source}:{line}: {reason}")
        self.assertEqual(found, [])

    def test_headers_that_would_slow_every_build(self):
        """Asio, Beast, RocksDB, spdlog and toml++ stay out of headers that other rooms include."""
        heavy = re.compile(r"^\s*#\s*include\s+<(boost/asio(?!/io_context)|boost/beast|rocksdb/|spdlog/|toml\+\+)", re.MULTILINE)
        sources = {path: path.read_text() for side in ("zones", "resolver", "tools") for end in ("h", "cc")
                   for path in (ROOT / side).rglob(f"*.{end}")}
        for header, text in sources.items():
            if header.suffix != ".h" or not heavy.search(text):
                continue
            include = f'#include "{header.relative_to(ROOT)}"'
            for user, user_text in sources.items():
                with self.subTest(header=str(header.relative_to(ROOT)), user=str(user.relative_to(ROOT))):
                    self.assertFalse(user.parent != header.parent and include in user_text,
                                     "only its own room may include it: keep the library in a .cc")


if __name__ == "__main__":
    unittest.main()
