"""Files over https from hosts that are allowed, with limits: every address of a chain of redirects is judged."""

import hashlib
import http.client
import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote, urlsplit

from hftranslate.errors import MissingInput, UnsafeInput
from hftranslate.progress import Progress, silent

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What may be fetched.

    Attributes
    ----------
    hosts
        that are allowed, in the address and in every redirect.
    max_bytes
        of one file.
    timeout
        seconds without an answer.
    plain_http_to_this_machine
        allow ``http://127.0.0.1``: for tests with a server of their own.
    """

    hosts: tuple[str, ...] = HOSTS
    max_bytes: int = 500 << 20
    timeout: float = 60.0
    plain_http_to_this_machine: bool = False

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


class _Redirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        self._rules.check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


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
        The server cannot be reached, or answers with an error.
    """
    rules.check(url)
    request = urllib.request.Request(url, headers={"Accept": ", ".join(accept), "User-Agent": "hftranslate"})
    opener = urllib.request.build_opener(_Redirects(rules))
    try:
        with opener.open(request, timeout=rules.timeout) as answer:
            sha256, size = _save(answer, target, rules, url, progress)
            final = answer.geturl()
            rules.check(final)
            return Fetched(
                url=url,
                final_url=final,
                name=_file_name(answer.headers, final),
                content_type=answer.headers.get_content_type(),
                path=target,
                sha256=sha256,
                n_bytes=size,
            )
    except urllib.error.HTTPError as error:
        hint = "; is the DOI or record right?" if error.code == 404 else ""
        raise MissingInput(f"{error.geturl() or url}: the server answers {error.code} {error.reason}{hint}") from None
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise MissingInput(f"{url} cannot be fetched: {reason or type(error).__name__}") from None


def _save(answer: Any, target: Path, rules: Rules, url: str, progress: Progress) -> tuple[str, int]:
    stated = answer.headers.get("Content-Length")
    expected = int(stated) if stated and stated.isdigit() else None
    if expected is not None and expected > rules.max_bytes:
        raise UnsafeInput(f"{url}: {expected} bytes; more than {rules.max_bytes} are refused (--max-megabytes)")
    sha256, size = hashlib.sha256(), 0
    with target.open("wb") as file:
        while chunk := answer.read(_CHUNK):
            size += len(chunk)
            if size > rules.max_bytes:
                raise UnsafeInput(f"{url}: more than {rules.max_bytes} bytes; refused (--max-megabytes)")
            sha256.update(chunk)
            _write(file, chunk)
            progress("downloading", min(size, expected or size), expected or rules.max_bytes)
    if expected is not None and size < expected:
        raise MissingInput(f"{url}: the connection ended after {size} of {expected} bytes; try again")
    return sha256.hexdigest(), size


def _write(file: BinaryIO, chunk: bytes) -> None:
    file.write(chunk)


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
    fetched = fetch(url, work / "answer", rules, accept=("application/json",))
    try:
        document = json.loads(fetched.path.read_bytes())
    except (ValueError, RecursionError):
        raise MissingInput(f"{url}: the server answers with {fetched.content_type}, not with JSON") from None
    return document, fetched.final_url
