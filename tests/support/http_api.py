"""Speaks to the HTTP API as programs do, and as those do who mean no good."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
from dataclasses import dataclass
from urllib.parse import quote, urlencode

BASE = "/api/v1"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]  # names in lower case
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return self.json["error"]["code"]

    def __str__(self) -> str:
        return f"{self.status} {self.body[:500]!r}"


class Client:
    def __init__(self, host: str, port: int, token: str = "", tls: ssl.SSLContext | None = None) -> None:
        self.host, self.port, self.token, self.tls = host, port, token, tls

    def send(self, method: str, path: str, query: dict | list | None = None, body=None, headers: dict | None = None,
             timeout: float = 60) -> Answer:
        """`body`: octets as they are, anything else as JSON. A header that is None is left out."""
        target = path + ("?" + urlencode(query, doseq=True) if query else "")
        sent = {"Host": f"{self.host}:{self.port}"}
        if self.token:
            sent["Authorization"] = f"Bearer {self.token}"
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None or method == "POST":
            sent["Content-Type"] = "application/json"
            body = body or b""
            sent["Content-Length"] = str(len(body))
        sent.update(headers or {})
        connection = self._connect(timeout)
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
        finally:
            connection.close()

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self.tls:
            return http.client.HTTPSConnection(self.host, self.port, timeout=timeout, context=self.tls)
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def get(self, path: str, **query) -> Answer:
        return self.send("GET", BASE + path, query)

    def post(self, path: str, **body) -> Answer:
        return self.send("POST", BASE + path, body=body)

    def done(self, answer: Answer):
        if answer.status != 200:
            raise RuntimeError(str(answer))
        return answer.json

    def connect(self, timeout: float = 30) -> socket.socket:
        return socket.create_connection((self.host, self.port), timeout)

    def raw(self, octets: bytes, timeout: float = 30) -> bytes:
        """What comes back to these octets, until the other side closes or has nothing more to say."""
        with self.connect(timeout) as stream:
            try:
                stream.sendall(octets)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before all was sent: the answer is what counts
            return read_answer(stream)


def read_answer(stream: socket.socket) -> bytes:
    """One response with its body, as far as it comes."""
    out = b""
    while True:
        head, separator, body = out.partition(b"\r\n\r\n")
        if separator:
            length = next((int(line.split(b":")[1]) for line in head.split(b"\r\n")
                           if line.lower().startswith(b"content-length:")), 0)
            if len(body) >= length:
                return out
        try:
            piece = stream.recv(65536)
        except ConnectionResetError:
            return out
        if not piece:
            return out
        out += piece


def status_of(octets: bytes) -> int:
    return int(octets.split(b" ", 2)[1]) if octets.startswith(b"HTTP/1.1 ") else 0


def operations(description: dict) -> list[tuple[str, str, dict]]:
    """(method, path, operation) of an OpenAPI description."""
    return [(method.upper(), path, operation) for path, item in description["paths"].items()
            for method, operation in item.items()]


@dataclass
class Parameter:
    name: str
    where: str  # path, query, body
    schema: dict
    required: bool


def parameters(operation: dict) -> list[Parameter]:
    out = [Parameter(each["name"], each["in"], each["schema"], each["required"])
           for each in operation.get("parameters", [])]
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        out += [Parameter(name, "body", each, name in schema.get("required", []))
                for name, each in schema["properties"].items()]
    return out


def call(client: Client, method: str, path: str, values: dict[str, tuple[str, object]], **options) -> Answer:
    """`values`: name -> (where, value)."""
    query, body = [], {} if method == "POST" else None
    for name, (where, value) in values.items():
        if where == "path":
            path = path.replace("{" + name + "}", quote(str(value), safe=""))
        elif where == "body":
            body[name] = value
        else:
            for each in value if isinstance(value, list) else [value]:
                query.append((name, str(each).lower() if isinstance(each, bool) else each))
    return client.send(method, path, query, body, **options)
