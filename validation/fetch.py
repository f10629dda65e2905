"""Fetch the published models that `cases.toml` names from where they are public, and check what came: ``make data``.

They go to the folder of ``HFTRANSLATE_DATA``, by default one of the user's cache, where `crosscheck --cases` and the
benchmarks look for what does not lie beside the repository. What is there already is not fetched again.
"""

import argparse
import gzip
import hashlib
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hftranslate.crosscheck.cases import data_cache
from hftranslate.errors import HFTranslateError
from hftranslate.formats.files import write_files
from hftranslate.hepdata.web import Rules, fetch

ORIGINS = Path(__file__).with_name("origins.toml")
HOST = "https://raw.githubusercontent.com"
#: Of one file, uncompressed; the largest has 57 MB.
_MOST_BYTES = 200 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A file: where it lies below the data folder, its address, which member of an archive it is, and its checksum."""

    path: str
    url: str
    member: str | None
    sha256: str

    def content(self, fetched: Path) -> bytes:
        """The file in what was fetched, checked.

        Raises
        ------
        ValueError
            It is not there, or is not the one that was expected.
        """
        if self.member is None:
            content = fetched.read_bytes()
        else:
            with tarfile.open(fetched) as archive:
                names = {name.removeprefix("./"): name for name in archive.getnames()}
                found = archive.extractfile(names[self.member]) if self.member in names else None
                if found is None:
                    raise ValueError(f"there is no {self.member} in it")
                content = found.read(_MOST_BYTES)
        sha256 = hashlib.sha256(content).hexdigest()
        if sha256 != self.sha256:
            raise ValueError(f"its checksum is {sha256}, expected {self.sha256}: it was changed since")
        return content


def origins(host: str = HOST, table: Path = ORIGINS) -> list[Origin]:
    """All files that can be fetched."""
    repositories = tomllib.loads(table.read_text(encoding="utf-8"))
    repositories.pop("made", None)
    return [
        Origin(path=path, url=f"{host}/{name}/HEAD/{e['at']}", member=e.get("member"), sha256=e["sha256"])
        for name, files in repositories.items()
        for path, e in files.items()
    ]


def missing(wanted: list[Origin], folder: Path) -> list[Origin]:
    """What is not in a folder yet."""
    return [o for o in wanted if not (folder / o.path).is_file()]


def fetch_all(wanted: list[Origin], folder: Path, rules: Rules) -> Iterator[tuple[Origin, str | None]]:
    """Fetch files, each address once; with each file why it could not be had, or ``None``."""
    by_url: dict[str, list[Origin]] = {}
    for origin in wanted:
        by_url.setdefault(origin.url, []).append(origin)
    rules = rules.metered()
    for url, of_url in by_url.items():
        with tempfile.TemporaryDirectory(prefix="hftranslate-") as scratch:
            try:
                fetched = fetch(url, Path(scratch) / "file", rules).path
            except HFTranslateError as error:
                yield from ((origin, str(error)) for origin in of_url)
                continue
            for origin in of_url:
                try:
                    content = origin.content(fetched)
                except (ValueError, tarfile.TarError) as error:
                    yield origin, f"{url}: {error}"
                    continue
                target = folder / origin.path
                target.parent.mkdir(parents=True, exist_ok=True)
                write_files({target: gzip.compress(content, mtime=0) if target.suffix == ".gz" else content})
                yield origin, None


def main(arguments: list[str] | None = None) -> int:
    """Fetch what is missing; the exit code is 1 where something could not be had."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=data_cache(), help="the folder (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="only say what would be fetched")
    parser.add_argument("--host", default=HOST, help="where the repositories are (default: %(default)s)")
    given = parser.parse_args(arguments)
    wanted = missing(origins(given.host), given.to)
    if given.list:
        for origin in wanted:
            print(f"{origin.url} -> {given.to / origin.path}")
        return 0
    host = given.host.partition("://")[2].partition(":")[0]
    rules = Rules(hosts=(host,), max_bytes=_MOST_BYTES, plain_http_to_this_machine=True)
    failed = 0
    for origin, why in fetch_all(wanted, given.to, rules):
        print(f"{origin.path}: {why or 'fetched'}", flush=True)
        failed += why is not None
    print(f"{len(wanted) - failed} of {len(wanted)} missing files were fetched into {given.to}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
