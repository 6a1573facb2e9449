"""What `weir explain` says is what the resolver does: for names of the lists and beside them, for two groups."""

import json
import os
import random

from tests.e2e.case import Case
from tests.e2e.field_test import FIELD, corpus, name_of
from tests.support import dns
from tests.support.small_internet import CLIENT, KID

NAMES = 10_000 if FIELD else 1000
SEED = int(os.environ.get("WEIR_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)

LISTS = {
    "trackers.adblock": "".join(f"||{name}^\n" for name in corpus()[:700]) + "||bulk.test^$dnstype=AAAA\n"
                        "@@||b.a.example^\n||a.example^\n||c.b.a.example^$important\n||bulk.test^$denyallow=0--0.bulk.test\n",
    "ads.hosts": "".join(f"0.0.0.0 {name}\n" for name in corpus()[500:1200]),
    "wild.domains": "".join(f"*.{name}\n" for name in corpus()[900:1400]) + "tracker.example\n",
    "good.domains": "".join(f"{name}\n" for name in corpus()[650:950:3]),
    "school.domains": "".join(f"{name}\n" for name in corpus()[1300:1700]),
    "watched.domains": "".join(f"{name}\n" for name in corpus()[1600:1800]),
}


def field_lists() -> dict[str, str]:
    """Real lists in the places of ours; the allow list takes every hundredth name of one of them."""
    phishing = (FIELD / "phishing.domains").read_text()
    names = [line for line in phishing.splitlines() if line and not line.startswith("#")]
    return {
        "trackers.adblock": (FIELD / "tracking.adblock").read_text(),
        "ads.hosts": (FIELD / "redirect.hosts").read_text(),
        "wild.domains": "".join(f"*.{name}\n" for name in names[::50]),
        "good.domains": "".join(f"{name}\n" for name in names[::100]),
        "school.domains": phishing,
        "watched.domains": "".join(f"{name}\n" for name in names[::30]),
    }


class ExplainTest(Case):
    LISTS = field_lists() if FIELD else LISTS
    BODY = """
[[list]]
name = "trackers"
source = "{lists}/trackers.adblock"

[[list]]
name = "ads"
source = "{lists}/ads.hosts"

[[list]]
name = "wild"
source = "{lists}/wild.domains"

[[list]]
name = "good"
source = "{lists}/good.domains"
kind = "allow"
match = "subtree"

[[list]]
name = "school"
source = "{lists}/school.domains"
match = "subtree"

[[list]]
name = "watched"
source = "{lists}/watched.domains"
mode = "observe"

[[policy]]
name = "default"
lists = ["trackers", "ads", "wild", "good", "watched"]

[[policy]]
name = "kids"
lists = ["trackers", "ads", "school"]
block = "nodata"

[[group]]
name = "kids"
clients = ["10.53.7.0/24"]
policy = "kids"
"""

    def names(self, dice: random.Random) -> list[str]:
        """Names of the lists, their ancestors, names below and beside them."""
        listed = set()
        for file, text in self.LISTS.items():
            for line in text.splitlines():
                name = (name_of(line, "hosts") if file == "ads.hosts" else
                        name_of(line, "adblock") if file.endswith("adblock") else name_of(line, "domains"))
                if name:
                    listed.add(name.removeprefix("*."))
        pool = sorted(name for name in listed if len(name) < 200 and all(0 < len(x) < 64 for x in name.split(".")))
        found = set()
        while len(found) < NAMES:
            name = dice.choice(pool)
            kind = dice.randrange(4)
            if kind == 1:
                name = "www." + name
            elif kind == 2:
                name = name.split(".", 1)[-1]
            elif kind == 3:
                name = "beside-" + name.split(".", 1)[-1]
            if all(len(label) < 64 for label in name.split(".")):  # "beside-" may make one too long
                found.add(name)
        return sorted(found)

    def test_agrees_with_the_resolver(self):
        dice = random.Random(SEED)
        names = self.names(dice)
        print(f"    WEIR_SEED={SEED}; {len(names)} names, two groups{'' if FIELD else ' (corpus; WEIR_FIELD is not set)'}")
        for group, client in (("default", CLIENT), ("kids", KID)):
            for type in ("A", "AAAA"):
                with self.subTest(group=group, type=type):
                    explained = self.explain(names, "--group", group, "--type", type)
                    self.assertEqual(len(explained), len(names))
                    answers = dns.ask_many(self.weir.server, names, type, source=client)
                    different, blocked = [], 0
                    for name, said, answer in zip(names, explained, answers):
                        self.assertEqual(said["name"].rstrip("."), name)
                        is_blocked = any(code == 15 for code, _ in answer.ede)
                        blocked += is_blocked
                        if is_blocked != (said["outcome"] == "blocked"):
                            different.append((name, said["outcome"], str(answer)))
                        elif is_blocked:
                            # "list ads, rule x.example, generation 7": the same list and the same rule.
                            text = f"list {said['winner']['list']}, rule {said['winner']['pattern'].rstrip('.')}"
                            if not answer.ede[0][1].replace("., ", ", ").startswith(text):
                                different.append((name, text, answer.ede[0][1]))
                    self.assertEqual(different[:5], [], f"{len(different)} differ")
                    self.assertGreater(blocked, len(names) // 20)
                    self.assertLess(blocked, len(names))
                    print(f"    {group} {type}: {blocked} blocked, {len(names) - blocked} not; all agree")

    def explain(self, names: list[str], *options: str) -> list[dict]:
        """weir explain --batch: one JSON object a line, in the order of the names, or one with all of them."""
        ran = self.weir.command("explain", "--batch", "--json", *options, text="\n".join(names) + "\n", timeout=300)
        self.assertIn(ran.status, (0, 1), ran.err)
        found = []
        for line in ran.out.splitlines():
            value = json.loads(line)
            found += value["results"] if "results" in value else [value]
        return found

    # SEMANTICS 3: `explain` shows all.
    def test_names_line_and_import_of_winner_and_losers(self):
        """Each rule that explain names stands in the source at the line that it says."""
        dice = random.Random(SEED + 1)
        explained = self.explain(dice.sample(self.names(dice), 300), "--group", "default")
        sources = {name.split(".")[0]: text.splitlines() for name, text in self.LISTS.items()}
        winners = losers = 0
        for said in explained:
            rules = ([said["winner"]] if said["winner"] else []) + said["losers"]
            winners += bool(said["winner"])
            losers += len(said["losers"])
            for rule in rules:
                with self.subTest(name=said["name"], rule=rule):
                    line = sources[rule["list"]][rule["line"] - 1]
                    self.assertIn(rule["pattern"].removeprefix("*.").rstrip("."), line.lower())
                    self.assertGreater(rule["import"], 0)
                    self.assertTrue(rule["source"].endswith(tuple(self.LISTS)), rule)
        self.assertGreater(winners, 30)
        print(f"    {winners} winners and {losers} losers found in their lists at their lines")

    def test_for_people(self):
        name = next(line[2:-1] for line in self.LISTS["trackers.adblock"].splitlines() if line.startswith("||"))
        ran = self.weir.command("explain", name)
        self.assertEqual(ran.status, 1, str(ran))  # the answer is no
        for word in ("trackers", "line", "blocked"):
            self.assertIn(word, ran.out)
        self.assertEqual(self.weir.command("explain", "nothing-lists-this.invalid").status, 0)
        self.assertEqual(self.weir.command("explain", "bad..name").status, 3)
