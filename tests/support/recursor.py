"""The configuration file of a PowerDNS Recursor that a test starts: in the foreground, and quiet towards the outside."""

from __future__ import annotations

from pathlib import Path


def write_configuration(folder: Path, hints: Path, **settings: object) -> list[str]:
    """`settings`: what differs between tests, `_` for `-`. Returns the command that starts it."""
    common = {"hint_file": hints, "socket_dir": folder, "security_poll_suffix": "", "dont_query": "", "quiet": "yes",
              "loglevel": 3, "setuid": "", "setgid": "", "daemon": "no", "write_pid": "no"}
    (folder / "recursor.conf").write_text(
        "".join(f"{name.replace('_', '-')}={value}\n" for name, value in (common | settings).items()))
    return ["pdns_recursor", f"--config-dir={folder}"]
