"""A web server on this machine that answers as HEPData, doi.org and Zenodo do."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass
class Answer:
    body: bytes = b""
    content_type: str = "application/octet-stream"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    #: How often the body is sent; more than once: without a stated length.
    times: int = 1
    #: What is sent instead of an answer, byte by byte.
    raw: bytes | None = None


@dataclass
class Server:
    """Answers by path (with query); ``requests`` holds the path and the Accept header of what was asked.

    ``sent`` counts the bytes of bodies that were handed to the network. ``receivers`` answer forms that were sent, by
    path.
    """

    address: str
    answers: dict[str, Answer | Callable[[str], Answer]]
    requests: list[tuple[str, str]]
    sent: list[int]
    receivers: dict[str, Callable[[dict[str, bytes]], Answer]]

    def url(self, path: str) -> str:
        return self.address + path


def form(content_type: str, body: bytes) -> dict[str, bytes]:
    """The fields of a form (multipart/form-data), files among them, by their names."""
    message = BytesParser().parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    fields = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        if isinstance(name, str):
            content = part.get_payload(decode=True)
            assert isinstance(content, bytes)
            fields[name] = content
    return fields


@contextmanager
def serving() -> Iterator[Server]:
    answers: dict[str, Answer | Callable[[str], Answer]] = {}
    requests: list[tuple[str, str]] = []
    sent: list[int] = []
    receivers: dict[str, Callable[[dict[str, bytes]], Answer]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append((self.path, self.headers["Accept"]))
            answer = answers.get(self.path) or answers.get(urlsplit(self.path).path) or Answer(status=404)
            if not isinstance(answer, Answer):
                answer = answer(self.headers["Accept"])
            try:
                self.send(answer)
            except ConnectionError:  # who asked has heard enough
                self.close_connection = True

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_POST(self) -> None:
            content_type = self.headers["Content-Type"]
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver = receivers.get(urlsplit(self.path).path, lambda fields: Answer(status=404))
            self.send(receiver(form(content_type, body)))

        def send(self, answer: Answer) -> None:
            if answer.raw is not None:
                for byte in answer.raw:
                    self.send_piece(bytes([byte]))
                self.close_connection = True
                return
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            if answer.length is not None or (answer.body and answer.times == 1):
                self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            for _ in range(answer.times):
                self.send_piece(answer.body)

        def send_piece(self, piece: bytes) -> None:
            self.wfile.write(piece)
            sent.append(len(piece))

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Server(
            address=f"http://127.0.0.1:{server.server_address[1]}",
            answers=answers,
            requests=requests,
            sent=sent,
            receivers=receivers,
        )
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
