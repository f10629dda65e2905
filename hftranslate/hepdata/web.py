"""Files over https from hosts that are allowed, with limits: every address of a chain of redirects is judged.

Whatever a server does, a download takes a bounded number of bytes, requests and seconds: bodies of redirects and errors
are not read, and what comes is counted where it leaves the socket, headers included.
"""

import hashlib
import http.client
import io
import json
import os
import re
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from hftranslate.batch.progress import Progress, silent
from hftranslate.errors import MissingInput, UnsafeInput
from hftranslate.formats.files import naming

#: Where likelihoods are published, and what their DOIs are resolved by.
HOSTS = (
    "hepdata.net",
    "www.hepdata.net",
    "doi.org",
    "dx.doi.org",
    "data.crosscite.org",
    "data.datacite.org",
    "zenodo.org",
    "www.zenodo.org",
)
_CHUNK = 1 << 16
_LOOPBACK = ("127.0.0.1", "localhost")
_REDIRECTS, _MOST_REDIRECTS = (301, 302, 303, 307, 308), 10
#: All files of a download together may be so many times as large as one.
_FILES_TOGETHER = 4
#: Beyond the limit of a file, for headers.
_OF_HEADERS = 1 << 20
#: Descriptions of records are read into memory.
_MAX_JSON = 64 << 20


@dataclass(slots=True, kw_only=True)
class Meter:
    """What a download of several files has taken so far: since when, and how many bytes."""

    started: float
    n_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What may be fetched.

    Attributes
    ----------
    hosts
        that are allowed, in the address and in every redirect.
    max_bytes
        of one file; all files of a download together may have four times as many.
    max_files
        likelihoods of one record.
    timeout
        seconds without an answer.
    slowest
        bytes per second: an answer that comes more slowly is given up after the timeout.
    max_seconds
        of a whole download.
    plain_http_to_this_machine
        allow ``http://127.0.0.1``: for tests with a server of their own.
    clock
        seconds since any moment.
    meter
        of a download of several files; without it each file is a download of its own.
    """

    hosts: tuple[str, ...] = HOSTS
    max_bytes: int = 500 << 20
    max_files: int = 100
    timeout: float = 60.0
    slowest: float = 1024.0
    max_seconds: float = 3 * 3600.0
    plain_http_to_this_machine: bool = False
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)
    meter: Meter | None = field(default=None, repr=False)

    def metered(self) -> "Rules":
        """The same rules for the files of one download, which begins now."""
        return replace(self, meter=Meter(started=self.clock()))

    def check(self, url: str) -> None:
        """Refuse an address.

        Raises
        ------
        UnsafeInput
            It is not https, names a user or a port, or its host is not allowed.
        """
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            raise UnsafeInput(f"{url!r} is no address") from None
        if self.plain_http_to_this_machine and parts.scheme == "http" and host in _LOOPBACK:
            return
        if parts.scheme != "https":
            raise UnsafeInput(f"{url}: only https is used, not {parts.scheme or 'nothing'}")
        if parts.username is not None or port not in (None, 443):
            raise UnsafeInput(f"{url}: addresses with a user or a port are refused")
        if host not in self.hosts:
            raise UnsafeInput(
                f"{url}: the host {host!r} is not allowed; allowed are {', '.join(self.hosts)} (--allow-host adds one)"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file that was fetched.

    Attributes
    ----------
    url, final_url
        what was asked for, and where redirects led.
    name
        of the file, as the server calls it, else from the address.
    content_type
        as the server states it, without parameters.
    path, sha256, n_bytes
        where it lies, its checksum and its size.
    """

    url: str
    final_url: str
    name: str
    content_type: str
    path: Path
    sha256: str
    n_bytes: int


class _Watch:
    """How much an answer has brought in what time, and whether that will do."""

    def __init__(self, rules: Rules, meter: Meter, url: str) -> None:
        self._rules, self._meter, self._url = rules, meter, url
        self._started, self._n_bytes = rules.clock(), 0

    def patience(self) -> float:
        """Seconds to wait for the next bytes.

        Raises
        ------
        TimeoutError
            There are none left.
        """
        rules, now = self._rules, self._rules.clock()
        of_all = self._meter.started + rules.max_seconds - now
        if of_all <= 0:
            raise TimeoutError(f"the whole download takes longer than {rules.max_seconds:g} s")
        of_answer = self._started + rules.timeout + self._n_bytes / rules.slowest - now
        if of_answer <= 0:
            raise TimeoutError(f"it comes with less than {rules.slowest:g} bytes a second")
        return min(rules.timeout, of_all, of_answer)

    def count(self, n_bytes: int) -> None:
        """More bytes have come.

        Raises
        ------
        UnsafeInput
            They are too many.
        """
        self._n_bytes += n_bytes
        self._meter.n_bytes += n_bytes
        if self._n_bytes > self._rules.max_bytes + _OF_HEADERS:
            raise UnsafeInput(f"{self._url}: more than {self._rules.max_bytes} bytes; refused (--max-megabytes)")
        together = _FILES_TOGETHER * self._rules.max_bytes
        if self._meter.n_bytes > together + _OF_HEADERS:
            raise UnsafeInput(
                f"{self._url}: this and the files before have more than {together} bytes; refused (--max-megabytes)"
            )


class _Watched(io.RawIOBase):
    """What comes from a socket, watched."""

    def __init__(self, raw: Any, sock: socket.socket, watch: _Watch) -> None:
        self._raw, self._sock, self._watch = raw, sock, watch

    def readable(self) -> bool:
        """That is what it is for."""
        return True

    def readinto(self, buffer: Any) -> int:
        """As much as there is."""
        self._sock.settimeout(self._watch.patience())
        n_bytes: int = self._raw.readinto(buffer)
        self._watch.count(n_bytes)
        return n_bytes

    def close(self) -> None:
        """Let go of the socket."""
        self._raw.close()
        super().close()


def _opener(watch: _Watch) -> urllib.request.OpenerDirector:
    """What opens addresses so that every answer is watched, from its first byte."""

    class Response(http.client.HTTPResponse):
        def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
            super().__init__(sock, *arguments, **options)
            stream: Any = self.fp
            self.fp = io.BufferedReader(_Watched(stream.detach(), sock, watch))

    class Http(http.client.HTTPConnection):
        response_class = Response

    class Https(http.client.HTTPSConnection):
        response_class = Response

    class OpensHttp(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(Http, req)

    class OpensHttps(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(Https, req)

    opener = urllib.request.OpenerDirector()  # it follows no redirects: urllib would read their bodies
    makes_errors = (urllib.request.HTTPErrorProcessor(), urllib.request.HTTPDefaultErrorHandler())
    for handler in (urllib.request.ProxyHandler(), OpensHttp(), OpensHttps(), *makes_errors):
        opener.add_handler(handler)
    return opener


def fetch(
    url: str, target: Path, rules: Rules, *, accept: Iterable[str] = ("*/*",), progress: Progress = silent
) -> Fetched:
    """Fetch an address into a file.

    Parameters
    ----------
    accept
        content types to ask for, the most wanted first.

    Raises
    ------
    UnsafeInput
        The address or a redirect is refused, or the file is too large.
    MissingInput
        The server cannot be reached, answers with an error, or takes too long.
    """
    rules = rules if rules.meter is not None else rules.metered()
    headers = {"Accept": ", ".join(accept), "User-Agent": "hftranslate"}
    address = url
    for _ in range(_MOST_REDIRECTS + 1):
        rules.check(address)
        try:
            with _opened(urllib.request.Request(address, headers=headers), rules) as answer:
                sha256, size = _save(answer, target, rules, url, progress)
                return Fetched(
                    url=url,
                    final_url=address,
                    name=_file_name(answer.headers, address),
                    content_type=answer.headers.get_content_type(),
                    path=target,
                    sha256=sha256,
                    n_bytes=size,
                )
        except urllib.error.HTTPError as error:
            error.close()
            address = _redirected(address, error)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            raise MissingInput(f"{url} cannot be fetched: {reason or type(error).__name__}") from None
    raise MissingInput(f"{url}: the server answers with redirects (302 and the like), more than {_MOST_REDIRECTS}")


def _opened(request: urllib.request.Request, rules: Rules) -> Any:
    assert rules.meter is not None
    watch = _Watch(rules, rules.meter, request.full_url)
    return _opener(watch).open(request, timeout=watch.patience())


def _redirected(address: str, error: urllib.error.HTTPError) -> str:
    """Where an answer leads that is not the file.

    Raises
    ------
    MissingInput
        Nowhere.
    """
    location = error.headers.get("Location")
    if error.code not in _REDIRECTS or location is None:
        hint = "; is the DOI or record right?" if error.code == 404 else ""
        raise MissingInput(f"{address}: the server answers {error.code} {error.reason}{hint}")
    target = urljoin(address, location)
    if urlsplit(target).scheme not in ("http", "https"):
        raise MissingInput(f"{address}: the server answers {error.code}, and a redirect to {target} is not allowed")
    return target


def _save(answer: Any, target: Path, rules: Rules, url: str, progress: Progress) -> tuple[str, int]:
    stated = answer.headers.get("Content-Length")
    expected = int(stated) if stated and stated.isdigit() else None
    if expected is not None and expected > rules.max_bytes:
        raise UnsafeInput(f"{url}: {expected} bytes; more than {rules.max_bytes} are refused (--max-megabytes)")
    sha256, size = hashlib.sha256(), 0
    with naming(target):
        file = target.open("wb")
    with file:
        while chunk := answer.read(_CHUNK):
            size += len(chunk)
            if size > rules.max_bytes:
                raise UnsafeInput(f"{url}: more than {rules.max_bytes} bytes; refused (--max-megabytes)")
            sha256.update(chunk)
            with naming(target):
                file.write(chunk)
            progress("downloading", min(size, expected or size), expected or rules.max_bytes)
        with naming(target):
            file.flush()
    if expected is not None and size < expected:
        raise MissingInput(f"{url}: the connection ended after {size} of {expected} bytes; try again")
    return sha256.hexdigest(), size


def _file_name(headers: Message, url: str) -> str:
    """The name that the server gives the file, else the last part of the address; letters, digits and ``._+-`` only."""
    given = headers.get_filename() or unquote(urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1])
    name = re.sub(r"[^A-Za-z0-9._+-]+", "_", os.path.basename(given.replace("\\", "/"))).lstrip(".")
    return name[:100] or "download"


def fetch_json(url: str, work: Path, rules: Rules) -> tuple[Any, str]:
    """A JSON document and the address that it came from.

    Raises
    ------
    MissingInput
        The server cannot be reached, or answers with something else.
    UnsafeInput
        The address is refused.
    """
    rules = replace(rules, max_bytes=min(rules.max_bytes, _MAX_JSON))
    fetched = fetch(url, work / "answer", rules, accept=("application/json",))
    try:
        document = json.loads(fetched.path.read_bytes())
    except (ValueError, RecursionError):
        raise MissingInput(f"{url}: the server answers with {fetched.content_type}, not with JSON") from None
    return document, fetched.final_url
