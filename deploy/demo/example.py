"""The example configuration that quickstart and tour share, and what it does to which names."""

from __future__ import annotations

import json
from pathlib import Path

LISTS = Path(__file__).resolve().parent.parent / "lists"
LIST_NAMES = ["ads", "trackers", "malware", "allowed"]


def _source(file: str) -> str:
    return json.dumps(str(LISTS / file))


LISTS_AND_POLICIES = f"""
[[list]]
name = "ads"
source = {_source("ads.hosts")}

[[list]]
name = "trackers"
source = {_source("trackers.adblock")}

[[list]]
name = "malware"
source = {_source("malware.domains")}
match = "subtree"

[[list]]
name = "allowed"
source = {_source("allow.txt")}
kind = "allow"

[[policy]]
name = "default"
lists = ["ads", "trackers", "malware", "allowed"]
"""

# In the small internet of the tour: a group with a list and an answer of its own.
KIDS = """
[[policy]]
name = "kids"
lists = ["trackers", "malware"]
block = "nxdomain"

[[group]]
name = "kids"
clients = ["10.53.7.0/24"]
policy = "kids"
"""

BLOCKED, BLOCKED_BY = "ads.example", "ads"
BLOCKED_NAMES = {
    "ads.example": "on the list of ads",
    "www.tracker.example": "below a name of the list of trackers",
    "x.malware.example": "below a name of the list of malware",
    "stats.news.example": "an alias of a tracker: cloaked, the chain is checked too",
}
OPEN_NAMES = {
    "www.ads.example": "a hosts file blocks the names that it lists, not those below",
    "status.tracker.example": "an exception of the list itself",
    "free.malware.example": "the allow list comes first",
}
KIDS_BLOCKED = "x.malware.example"


def line_of(name: str) -> int:
    """Where `name` stands in the list of ads."""
    lines = (LISTS / "ads.hosts").read_text().splitlines()
    return next(number for number, line in enumerate(lines, 1) if name in line.split()[1:])
