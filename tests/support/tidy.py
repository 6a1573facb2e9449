"""The suite `tidy`: clang-format over every source and header, clang-tidy over every source of the programs.

One unit a file. `run(folder)`: `folder` holds compile_commands.json, which configuring alone writes; nothing is built.
"""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.tally import Tally

ROOT = Path(__file__).resolve().parent.parent.parent
FORMAT, TIDY = "clang-format-19", "clang-tidy-19"  # another version formats otherwise and finds other things
AT_ONCE = 2
CHECKED = ["zones", "resolver", "tools"]  # tests/ is formatted only
SECONDS_PER_FILE = 600


def _ran(*command) -> tuple[int, str]:
    try:
        ran = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True, errors="replace", timeout=SECONDS_PER_FILE)
    except subprocess.TimeoutExpired:
        return 1, f"not done after {SECONDS_PER_FILE} s\n"
    return ran.returncode, ran.stdout


def _complaints(path: Path, folder: Path) -> str:
    """What the tools say of one file; "" where they are content."""
    status, said = _ran(FORMAT, "--dry-run", "-Werror", path)
    complaints = said if status != 0 else ""
    if path.suffix == ".cc" and path.relative_to(ROOT).parts[0] in CHECKED:
        status, said = _ran(TIDY, "-p", folder, "--quiet", path)
        complaints += said if status != 0 else ""
    return complaints


def sources() -> list[Path]:
    return sorted(path for folder in [*CHECKED, "tests"] for path in (ROOT / folder).rglob("*")
                  if path.suffix in (".cc", ".h"))


def run(folder: Path) -> Tally:
    total = Tally()
    paths = sources()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for path, complaints in zip(paths, pool.map(lambda path: _complaints(path, folder), paths)):
            if not complaints:
                total.passed += 1
                continue
            print(complaints, end="", flush=True)
            total.fail(str(path.relative_to(ROOT)))
    return total
