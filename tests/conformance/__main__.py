"""Which test proves each sentence of SEMANTICS: collects it from the tests, compares it with the table in the tree.

python3 -m tests.conformance                the checks of `tests/run conformance`
python3 -m tests.conformance --write        writes table.md anew
python3 -m tests.conformance --missing      the sentences without a test
python3 -m tests.conformance --mutate N [--seed S] [-k WORD]
    breaks the code in N ways drawn from mutations.toml, one at a time, in a copy of the tree under build/, and sees the
    test fail that is said to prove the sentence
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tests.conformance import mutations
from tests.conformance.proofs import Proof, collect
from tests.conformance.sentences import Quotations, Sentence, differences, read
from tests.support.tally import Tally

TABLE = Path(__file__).resolve().parent / "table.md"
HEAD = """# Which test proves each sentence of SEMANTICS

Made by `python3 -m tests.conformance --write` from sentences.txt and the lines `SEMANTICS …` of the tests; not by hand.

"""


def match(sentences: list[Sentence], proofs: list[Proof]) -> list[str]:
    """Gives each sentence its tests; what is said of the lines that have none or belong to no test."""
    quotations = Quotations(sentences)
    faults = []
    for proof in proofs:
        found = proof.sentences(quotations)
        if not found:
            faults.append(f"{proof.file}:{proof.line}: no sentence of {proof.item} begins “{proof.quotations[-1]}”")
        elif not proof.test:
            faults.append(f"{proof.file}:{proof.line}: belongs to no test")
        for sentence in found:
            if proof.name not in sentence.tests:
                sentence.tests.append(proof.name)
    return faults


def table(sentences: list[Sentence]) -> str:
    claims = [sentence for sentence in sentences if sentence.claims]
    text = HEAD + f"{len(claims)} sentences, {sum(bool(sentence.tests) for sentence in claims)} with a test.\n"
    section = ""
    for sentence in claims:
        if sentence.section != section:
            section = sentence.section
            text += f"\n## Section {section}\n\n| | sentence | proved by |\n|---|---|---|\n"
        tests = "<br>".join(f"`{test}`" for test in sentence.tests)
        if sentence.not_built:
            tests = f"not built: {sentence.not_built}" + ("<br>" + tests if tests else "")
        words = sentence.text.replace("|", "\\|")
        text += f"| {sentence.item} | {words} | {tests or '**none**'} |\n"
    return text


def check(sentences: list[Sentence], faults: list[str]) -> Tally:
    tally = Tally()
    for fault in faults:
        tally.fail(fault)
    for sentence in sentences:
        if not sentence.claims:
            continue
        if sentence.not_built:
            print(f"not built: {sentence.item}: {sentence.text} ({sentence.not_built})")
            tally.skipped += 1
        elif sentence.tests:
            tally.passed += 1
        else:
            tally.fail(f"no test names {sentence.item}: {sentence.text}")
    tally.add(check_table(sentences))
    tally.add(check_document(sentences))
    for fault in mutations.faults(mutations.read(), sentences):
        tally.fail(fault)
    return tally


def check_table(sentences: list[Sentence]) -> Tally:
    tally = Tally()
    if TABLE.exists() and TABLE.read_text() == table(sentences):
        tally.passed += 1
    else:
        tally.fail("tests/conformance/table.md is out of date: python3 -m tests.conformance --write")
    return tally


def check_document(sentences: list[Sentence]) -> Tally:
    """Whether sentences.txt leaves nothing out, where WEIR_FIELD's folder holds the document itself."""
    tally = Tally()
    folder = os.environ.get("WEIR_FIELD")
    document = Path(folder) / "SEMANTICS.md" if folder else None
    if document is None or not document.is_file():
        print("skipped: sentences.txt beside the document; set WEIR_FIELD to the folder that holds SEMANTICS.md")
        tally.skipped += 1
        return tally
    found = differences(sentences, document.read_text())
    for difference in found:
        tally.fail(difference)
    tally.passed += not found
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--missing", action="store_true")
    parser.add_argument("--mutate", type=int, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("-k", dest="word", default="", help="only mutations whose sentence, file or test contains this")
    arguments = parser.parse_args()
    sentences = read()
    faults = match(sentences, collect())
    if arguments.write:
        TABLE.write_text(table(sentences))
    if arguments.missing:
        for sentence in sentences:
            if sentence.claims and not sentence.tests and not sentence.not_built:
                print(f"{sentence.item}: {sentence.text}")
        return 0
    if arguments.mutate is not None:
        tally = mutations.run(mutations.read(), arguments.mutate, arguments.seed, arguments.word)
    else:
        tally = check(sentences, faults)
    for failure in tally.failures:
        print(f"FAILED {failure}")
    print(tally, flush=True)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
