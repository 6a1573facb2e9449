"""The figures of all systems side by side, the judgement over the peers, and the report for programs."""

from __future__ import annotations

from tests.attack.arena import ANSWER_SECONDS, Case, Outcome

CPU_FACTOR = 1.5  # of the best peer's
CPU_NOISE_MS = 0.3  # a clock tick and what a busy machine adds to figures below a millisecond


def most(figure) -> float:
    """Of "7-9": 9."""
    return float(str(figure).rpartition("-")[2] or 0)


def worse_than_peers(case: Case, found: dict[str, Outcome]) -> list[str]:
    """Where a figure is over what the best peer shows that answered at all within the time that is allowed."""
    weir = found["weir"].figures
    peers = {name: outcome.figures for name, outcome in found.items()
             if name != "weir" and outcome.figures and outcome.figures.get("seconds", 0) <= ANSWER_SECONDS}
    problems = []
    for figure in case.compared if peers and weir else ():
        name = min(peers, key=lambda peer: most(peers[peer][figure]))
        best, ours = most(peers[name][figure]), most(weir[figure])
        bound = best * CPU_FACTOR + CPU_NOISE_MS if "cpu" in figure else best
        if ours > bound:
            problems.append(f"{figure}: {ours:g}, {name} has {best:g}")
    return problems


def _cell(outcome: Outcome | None) -> str:
    if outcome is None:
        return ""
    if not outcome.figures:
        return "broke"
    figures = outcome.figures
    if "packets" not in figures or "cpu_ms" not in figures:
        return ", ".join(f"{name} {value}" for name, value in figures.items())
    victim = f" / {figures['victim']}" if figures.get("victim") else ""
    return f"{figures['packets']}{victim}, {figures['seconds']:.2f} s, {figures['cpu_ms']} ms, {figures['rcode']}"


def of(chosen: list[tuple[str, Case]], found: dict[str, dict[str, Outcome]]) -> str:
    """packets / to the victim, seconds to an answer, CPU."""
    lines = []
    for family, case in chosen:
        outcomes = found[case.name]
        lines.append(f"{'ok    ' if not outcomes['weir'].problems else 'FAILED'} {family}: {case.name} "
                     f"({case.threshold})\n         {case.row}")
        for name, outcome in outcomes.items():
            lines.append(f"         {name:<9} {_cell(outcome)}")
        lines += [f"         ! {problem}" for problem in outcomes["weir"].problems]
    return "\n".join(lines)


def report(chosen: list[tuple[str, Case]], found: dict[str, dict[str, Outcome]]) -> list[dict]:
    return [{"family": family, "case": case.name, "row": case.row, "threshold": case.threshold,
             "passed": not found[case.name]["weir"].problems, "problems": found[case.name]["weir"].problems,
             "systems": {name: outcome.figures for name, outcome in found[case.name].items()}}
            for family, case in chosen]
