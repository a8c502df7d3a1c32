"""A way from containers to ports of this machine's loopback, which stay closed to everybody else.

Linux keeps containers off the host's loopback, so a small container of ours stands between: what comes in at its port
leaves through a unix socket in a folder that both sides see, and this process forwards it to the port of the loopback.
This file is run on both sides, so it imports the standard library alone.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer, ThreadingUnixStreamServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

INSIDE = "/relay"
CHUNK = 65536


class RelayError(RuntimeError):
    """The relay's container did not start. Docker has said why on standard error."""


@contextmanager
def relay(image: str, ports: Sequence[int]) -> Iterator[str]:
    """The address at which containers reach these ports of 127.0.0.1; the image needs `python3`. Raises RelayError."""
    with tempfile.TemporaryDirectory(prefix="ecr-controller-") as folder, ExitStack() as servers:
        shutil.copy(__file__, f"{folder}/relay.py")
        for port in ports:
            servers.enter_context(forwarding(f"{folder}/{port}", ("127.0.0.1", port)))
        command = ["docker", "run", "--rm", "--interactive", "--volume", f"{folder}:{INSIDE}:ro"]
        command += ["--entrypoint", "python3", image, f"{INSIDE}/relay.py", *map(str, ports)]
        # In a session of its own, so that Ctrl-C reaches it as the end of its input, after all that needs it.
        container = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        with container:
            address = container.stdout.readline().strip() if container.stdout else ""
            if not address:
                raise RelayError("The container that relays to this machine did not start; Docker says why above.")
            yield address


@contextmanager
def forwarding(here: str | tuple[str, int], there: str | tuple[str, int]) -> Iterator[None]:
    """Accept connections here, and connect each to there: paths of unix sockets, or hosts and ports."""

    class Forward(BaseRequestHandler):
        def handle(self) -> None:
            family = socket.AF_UNIX if isinstance(there, str) else socket.AF_INET
            with socket.socket(family) as onward, suppress(OSError):  # which closes this end too
                onward.connect(there)
                back = threading.Thread(target=_pump, args=(onward, self.request), daemon=True)
                back.start()
                _pump(self.request, onward)
                back.join()

    server = ThreadingUnixStreamServer(here, Forward) if isinstance(here, str) else ThreadingTCPServer(here, Forward)
    server.daemon_threads = True
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(CHUNK):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def main() -> None:
    """The side in the container: say the address, and forward until the input ends, which is when its owner does."""
    address = socket.gethostbyname(socket.gethostname())
    with ExitStack() as servers:
        for port in sys.argv[1:]:
            servers.enter_context(forwarding((address, int(port)), str(Path(INSIDE, port))))
        print(address, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
