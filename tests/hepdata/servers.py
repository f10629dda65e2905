"""A web server on this machine that answers as HEPData, doi.org and Zenodo do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Answer:
    body: bytes = b""
    content_type: str = "application/octet-stream"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None


@dataclass
class Server:
    """Answers by path (with query); ``requests`` holds the path and the Accept header of what was asked."""

    address: str
    answers: dict[str, Answer | Callable[[str], Answer]]
    requests: list[tuple[str, str]]

    def url(self, path: str) -> str:
        return self.address + path


@contextmanager
def serving() -> Iterator[Server]:
    answers: dict[str, Answer | Callable[[str], Answer]] = {}
    requests: list[tuple[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append((self.path, self.headers["Accept"]))
            answer = answers.get(self.path) or answers.get(urlsplit(self.path).path) or Answer(status=404)
            if not isinstance(answer, Answer):
                answer = answer(self.headers["Accept"])
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            if answer.length is not None or answer.body:
                self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Server(address=f"http://127.0.0.1:{server.server_address[1]}", answers=answers, requests=requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
