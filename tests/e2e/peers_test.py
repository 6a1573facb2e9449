"""weir beside Unbound and BIND: the same questions about zones that are signed, broken and oddly served.

The zones are those of signed_internet.py, broken_zones.py and odd_servers/; the questions follow from a seed. RCODE, AD
and the answer section must be the same, or differences.toml says who is right by which section.

    WEIR_QUESTIONS=N       how many questions (default 600)
    WEIR_SEED=N            another set of them (default 1, for which the table is complete)
    WEIR_DIFFERENCES=FILE  writes all differences there, unexplained ones first
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.case import Case
from tests.support import differences, dns, namespace, odd_servers
from tests.support.bind import Bind
from tests.support.broken_zones import BROKEN
from tests.support.differences import Verdict
from tests.support.questions import Question, generate, owners
from tests.support.signed_internet import SignedInternet
from tests.support.unbound import Unbound

TABLE = Path(__file__).with_name("differences.toml")
UNBOUND, BIND = "10.54.0.53", "10.54.0.54"
PATIENCE_SECONDS = 12.0  # more than weir and BIND take; Unbound goes on for longer
AT_A_TIME = 48
# Where a resolver waits for seconds before it gives up.
SELDOM = ("silent", "closed", "tcp-silent", "types-silent", "truncated-only", "without-udp", "dnskey-silent", "nowhere",
          "wrong-", "from-elsewhere", "query-back", "garbage", "lossy", "edns-silent", "cut-short", "two-questions",
          "large-lost", "halfdead", "aaaa-silent")

internet: SignedInternet
odd: subprocess.Popen


def setUpModule() -> None:
    global internet, odd
    folder = Path(os.environ["WEIR_E2E_FOLDER"]) / "broken"
    namespace.add_addresses(*odd_servers.addresses())
    odd = subprocess.Popen([sys.executable, "-m", "tests.support.odd_servers"], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, text=True)
    internet = SignedInternet(folder, BROKEN)
    internet.__enter__()
    if odd.stdout.readline() != "ready\n":
        raise RuntimeError("the odd servers do not listen")


def tearDownModule() -> None:
    internet.__exit__()
    odd.terminate()
    odd.wait(20)
    odd.stdout.close()


def ask(server: tuple[str, int], question: Question) -> Verdict:
    try:
        answer = None if question.tcp else dns.ask(server, question.name, question.type, timeout=PATIENCE_SECONDS,
                                                   **question.options)
        if answer is None or answer.truncated:
            answer = dns.ask(server, question.name, question.type, tcp=True, timeout=PATIENCE_SECONDS, **question.options)
        return Verdict.of(answer)
    except (TimeoutError, ConnectionError) as error:
        return Verdict(type(error).__name__)


class PeersTest(Case):
    @classmethod
    def hints(cls) -> Path:
        return internet.hints

    @classmethod
    def trust_anchor(cls) -> Path:
        return internet.anchor

    def questions(self, examples: list[Question]) -> list[Question]:
        zones = {name: owners(name, internet.folder / f"{name or 'root'}.zone") for name in internet.zones}
        made = generate(zones, int(os.environ.get("WEIR_QUESTIONS", "600")), int(os.environ.get("WEIR_SEED", "1")), SELDOM)
        return list(dict.fromkeys([*examples, *made]))

    def test_same_answers(self):
        rules = differences.read(TABLE)
        questions = self.questions([example for rule in rules for example in rule.examples])
        with (Unbound(self.folder / "unbound", UNBOUND, internet.hints, [internet.anchor]) as unbound,
              Bind(self.folder / "bind", BIND, internet.hints, internet.anchor) as bind):
            found = differences.compare(ask, self.weir.server, {"unbound": unbound.server, "bind": bind.server}, questions,
                                        AT_A_TIME)
        result = differences.sort(found, rules)
        differences.report(f"{len(questions)} questions about {len(internet.zones)} zones", ("unbound", "bind"), rules, result)
        self.assertEqual([str(difference) for difference in result.unexplained[:20]], [],
                         f"{len(result.unexplained)} differences that {TABLE.name} does not explain")
        self.assertEqual([f"{rule.name.pattern}: {rule.why}" for rule in result.idle(rules)], [],
                         "explain nothing (any more)")
