"""weir beside Unbound, BIND and PowerDNS Recursor with the same policy zones: the same questions, the same answers.

The zones are those of policy_world.py: all triggers, all actions and their pairs, and lists turned into one. RCODE, TC
over UDP and the answer section must be the same, or rpz_differences.toml says who is right by which section.

    WEIR_RPZ_QUESTIONS=N   how many questions (default 300)
    WEIR_SEED=N            another set of them (default 1)
    WEIR_DIFFERENCES=FILE  writes all differences there, unexplained ones first
    WEIR_FIELD             names real lists to make a zone of; without it one is made of lists that are made here
"""

import os
import random
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.e2e.case import Case
from tests.e2e.field_test import FIELD, FORMATS, corpus, name_of
from tests.support import differences, dns, namespace, policy_peers
from tests.support.differences import Difference, Verdict
from tests.support.policy_world import CLIENT, ZONES, PolicyInternet, PolicyWorld
from tests.support.questions import Question

TABLE = Path(__file__).with_name("rpz_differences.toml")
PEERS = {"unbound": "10.56.9.1", "bind": "10.56.9.2", "powerdns": "10.56.9.3"}
PATIENCE_SECONDS = 3.0  # of which rpz-drop takes all
AT_A_TIME = 48
LISTED = 1500  # names, of each list

internet: PolicyInternet


def listed() -> tuple[list[str], list[str]]:
    """Names and addresses of lists: real ones where they are."""
    if not FIELD:
        # Nobody asks beyond a resolver for names below `invalid` (RFC 6761).
        return [name.replace("invalid", "net") for name in corpus()[:LISTED]], [f"192.0.2.{host}" for host in range(100, 200)]
    names: dict[str, None] = {}
    for file, format in (("phishing.domains", "domains"), ("tracking.adblock", "adblock"), ("scam.dnsmasq", "dnsmasq"),
                         ("redirect.hosts", "hosts")):
        found = [name for line in (FIELD / file).read_text().splitlines() if (name := name_of(line, format))]
        names |= dict.fromkeys(random.Random(file).sample(found, min(LISTED, len(found))))
    addresses = [line for line in (FIELD / "malware.ip").read_text().splitlines() if re.fullmatch(r"\d+(\.\d+){3}", line)]
    return list(names), random.Random(1).sample(list(dict.fromkeys(addresses)), 200)


def setUpModule() -> None:
    global internet
    internet = PolicyInternet(Path(os.environ["WEIR_E2E_FOLDER"]) / "policy", PolicyWorld(*listed()))
    internet.__enter__()


def tearDownModule() -> None:
    internet.__exit__()


def ask(server: tuple[str, int], question: Question, patience: float = PATIENCE_SECONDS) -> Verdict:
    options = {"source": question.client or CLIENT, "timeout": patience}
    try:
        answer = dns.ask(server, question.name, question.type, tcp=question.tcp, **options)
        truncated = answer.truncated
        if truncated:
            answer = dns.ask(server, question.name, question.type, tcp=True, **options)
        verdict = replace(Verdict.of(answer), ad=False)
        return replace(verdict, rcode=f"TC {verdict.rcode}") if truncated else verdict
    except (TimeoutError, ConnectionError):
        return Verdict("nothing")


class RpzPeersTest(Case):
    @classmethod
    def setUpClass(cls) -> None:
        cls.files = internet.world.write_policy(internet.folder)
        cls.BODY = "".join(f'[[list]]\nname = "{zone}"\nsource = "{path}"\nkind = "rpz"\nnxdomain = "as_written"\nwildcards = "closest"\n'
                           for zone, path in cls.files.items())
        cls.BODY += '[[policy]]\nname = "default"\nlists = ["one", "two", "three", "list"]\naliases = "shown"\n'
        cls.BODY += "[answers]\nany_over_udp = true\n"
        super().setUpClass()

    @classmethod
    def hints(cls) -> Path:
        return internet.hints

    def compare(self, questions: list[Question], peers: dict[str, tuple[str, int]]) -> list[Difference]:
        found = differences.compare(ask, self.weir.server, peers, questions, AT_A_TIME)

        def again(difference: Difference) -> Difference:
            """Dropped, or lost under load?"""
            if "nothing" not in (difference.ours.rcode, difference.theirs.rcode):
                return difference
            question = difference.question
            return replace(difference, ours=ask(self.weir.server, question), theirs=ask(peers[difference.peer], question))

        with ThreadPoolExecutor(AT_A_TIME // 4) as jobs:
            return [difference for difference in jobs.map(again, found) if difference.what]

    # SEMANTICS 2 RPZ: Order inside one zone by trigger: client address, QNAME, response address, NSDNAME, NSIP
    def test_same_answers(self) -> None:
        rules = differences.read(TABLE)
        examples = [example for rule in rules for example in rule.examples]
        made = internet.world.questions(int(os.environ.get("WEIR_RPZ_QUESTIONS", "300")),
                                        int(os.environ.get("WEIR_SEED", "1")))
        questions = list(dict.fromkeys([*examples, *made]))
        namespace.add_addresses(*PEERS.values())
        with ExitStack() as stack:
            makers = {"unbound": policy_peers.unbound, "bind": policy_peers.bind, "powerdns": policy_peers.PowerDns}
            peers = {name: stack.enter_context(make(self.folder / name, PEERS[name], internet.hints, self.files)).server
                     for name, make in makers.items()}
            found = self.compare(questions, peers)
        result = differences.sort(found, rules)
        triggers = sum(len(rules) for rules in internet.world.policy.values())
        differences.report(f"{len(questions)} questions, {triggers} triggers in {len(ZONES)} zones", PEERS, rules, result)
        self.assertEqual([str(difference) for difference in result.unexplained[:20]], [],
                         f"{len(result.unexplained)} differences that {TABLE.name} does not explain")
        self.assertEqual([f"{rule.name.pattern}: {rule.why}" for rule in result.idle(rules)], [],
                         "explain nothing (any more)")
