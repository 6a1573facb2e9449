"""The real ClickHouse of Debian (18.16) with its data in a folder of a test's own: on loopback, with little memory."""

from __future__ import annotations

import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from tests.support import dns

PROGRAM = shutil.which("clickhouse-server", path="/usr/sbin:/usr/bin")
USER, PASSWORD = "weir", "correct horse"
READY_SECONDS = 30

CONFIG = """<?xml version="1.0"?>
<yandex>
  <logger><level>warning</level><console>1</console></logger>
  <listen_host>127.0.0.1</listen_host>
  <http_port>{port}</http_port>
  <tcp_port>{native}</tcp_port>
  <path>{folder}/data/</path>
  <tmp_path>{folder}/tmp/</tmp_path>
  <user_files_path>{folder}/files/</user_files_path>
  <format_schema_path>{folder}/formats/</format_schema_path>
  <users_config>users.xml</users_config>
  <default_profile>default</default_profile>
  <default_database>default</default_database>
  <mark_cache_size>67108864</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <max_concurrent_queries>20</max_concurrent_queries>
  <timezone>UTC</timezone>
</yandex>
"""
USERS = f"""<?xml version="1.0"?>
<yandex>
  <profiles><default>
    <max_memory_usage>1000000000</max_memory_usage>
    <max_memory_usage_for_all_queries>1500000000</max_memory_usage_for_all_queries>
    <max_threads>2</max_threads>
    <background_pool_size>2</background_pool_size>
    <background_schedule_pool_size>2</background_schedule_pool_size>
  </default></profiles>
  <quotas><default></default></quotas>
  <users><{USER}>
    <password>{PASSWORD}</password>
    <networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile>
    <quota>default</quota>
  </{USER}></users>
</yandex>
"""


class ClickHouse:
    """Not started by its constructor. What is in it outlives kill()."""

    def __init__(self, folder: Path, port: int = 8123) -> None:
        self.folder, self.url = folder, f"http://127.0.0.1:{port}"
        for name in ("data", "tmp", "files", "formats"):
            (folder / name).mkdir(parents=True)
        (folder / "config.xml").write_text(CONFIG.format(folder=folder, port=port, native=port + 877))
        (folder / "users.xml").write_text(USERS)
        self.password_file = folder / "password"
        self.password_file.write_text(PASSWORD + "\n")
        self.password_file.chmod(0o600)
        self._process: subprocess.Popen | None = None

    def start(self) -> "ClickHouse":
        with open(self.folder / "server.log", "ab") as log:
            self._process = subprocess.Popen([PROGRAM, f"--config-file={self.folder / 'config.xml'}"], cwd=self.folder,
                                             stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        dns.wait_until(self._answers, READY_SECONDS, "ClickHouse answers", every=0.05)
        return self

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise RuntimeError(f"ClickHouse ended: {(self.folder / 'server.log').read_text(errors='replace')[-3000:]}")
        try:
            return urllib.request.urlopen(self.url + "/ping", timeout=5).read() == b"Ok.\n"
        except (urllib.error.URLError, OSError):
            return False

    def kill(self) -> None:
        """kill -9; returns when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def ask(self, sql: str, **settings: str) -> str:
        """One statement; what it answers, without the line end."""
        url = f"{self.url}/?{urllib.parse.urlencode(settings)}"
        request = urllib.request.Request(url, data=sql.encode(),
                                         headers={"X-ClickHouse-User": USER, "X-ClickHouse-Key": PASSWORD})
        try:
            return urllib.request.urlopen(request, timeout=60).read().decode().removesuffix("\n")
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{sql}: {error.read().decode(errors='replace')}") from None

    def number(self, sql: str, **settings: str) -> int:
        return int(self.ask(sql, **settings))
