"""A stand-in for the bucket that takes answers: a real HTTP server that can be slow, refuse, fail and drop."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Literal, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

# An HTTP status, "drop" to close the connection without one, "slow" to hold it until the server is closed.
Behaviour = int | Literal["drop", "slow"]
PATH = "/arn%3Aaws%3Acloudformation%3Aeu-west-1%3A123456789012%3Astack/shop/7d6f1c80%7CImages%7Crequest-1"
SIGNATURE = "c2VjcmV0LXNpZ25hdHVyZQ"
QUERY = f"AWSAccessKeyId=ASIAEXAMPLE&Expires=1790000000&Signature={SIGNATURE}%3D"


@dataclass(frozen=True, slots=True)
class Taken:
    """One request as it arrived. ``headers`` are by lower-case name."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def answer(self) -> dict[str, Any]:
        """The body's JSON."""
        answer: dict[str, Any] = json.loads(self.body)
        return answer


class ResponseServer:
    """Behaves as configured, request by request, and then accepts every request with 200."""

    def __init__(self, *behaviours: Behaviour, always: Behaviour = 200) -> None:
        self.taken: list[Taken] = []
        self._behaviours, self._always = list(behaviours), always
        self._closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.003,), daemon=True)

    @property
    def address(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def url(self) -> str:
        """A ResponseURL, signed as S3 would."""
        return f"{self.address}{PATH}?{QUERY}"

    def behave(self, *behaviours: Behaviour) -> None:
        """What to do with the next requests."""
        self._behaviours = list(behaviours)

    def only(self) -> dict[str, Any]:
        """The one answer that arrived."""
        [taken] = self.taken
        return taken.answer

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def take(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.taken.append(Taken(self.command, self.path, headers, body))
                behaviour = outer._behaviours.pop(0) if outer._behaviours else outer._always
                if behaviour == "slow":
                    outer._closing.wait()
                if isinstance(behaviour, int):
                    self.send_response(behaviour)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                self.close_connection = True

            def log_message(self, *_line: object) -> None:
                """Not a word: the request line holds the signature."""

        for method in ("PUT", "POST"):
            setattr(Handler, f"do_{method}", Handler.take)
        return Handler
