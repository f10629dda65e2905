"""A ROOT file as folders with keys, and the bytes of the objects behind them. What can be checked is not believed."""

import zlib
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from hftranslate.formats.root_histograms.records import (
    BIG_DIRECTORY,
    BIG_FILE,
    BIG_FILE_HEAD,
    BIG_KEY_HEAD,
    BIG_RECORD,
    DIRECTORY,
    FILE_HEAD,
    FILE_VERSION,
    INT,
    KEY_HEAD,
    MAGIC,
)

#: No object may be larger than this many bytes; a histogram of four million bins is.
MAX_OBJECT = 1 << 26
#: No list of keys may be larger than this many bytes.
MAX_KEYS = 1 << 30
_BLOCK_HEAD = 9
_CHECKSUM = 8
_LZMA_MEMORY = 1 << 27


class Damaged(Exception):
    """The file does not follow ROOT's layout; the text says where."""


class Key(NamedTuple):
    """What a folder says about one object: where it lies, its class, name and cycle."""

    position: int
    record_bytes: int
    key_bytes: int
    object_bytes: int
    cycle: int
    class_name: str
    name: str


class RootFile:
    """A ROOT file that is open for reading, or one whose bytes are given. ``version`` is ROOT's: 62406 for 6.24/06."""

    def __init__(self, source: Path | bytes) -> None:
        self._stream: BinaryIO = BytesIO(source) if isinstance(source, bytes) else source.open("rb")
        try:
            self._size = len(source) if isinstance(source, bytes) else source.stat().st_size
            self._top, self._layouts, self.version = self._read_head()
        except BaseException:
            self._stream.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    @cached_property
    def top(self) -> dict[str, Key]:
        """The keys of the top folder by name; of several cycles the highest."""
        return self._keys(self._top)

    def folder(self, key: Key) -> dict[str, Key]:
        """The keys of a folder that stands behind a key."""
        return self._keys(key.position + key.key_bytes)

    @property
    def layouts(self) -> Key | None:
        """The record that describes the classes of all objects (a list of TStreamerInfo), if there is one."""
        position, n = self._layouts
        if position == 0:
            return None
        return _KeyList(self._read(position, min(n, self._size - position), "the description of the classes")).first()

    def payload(self, key: Key) -> bytes:
        """The object behind a key, serialised, without its key and decompressed.

        Raises
        ------
        Damaged
            The record is not where the key says, is larger than :data:`MAX_OBJECT`, or does not decompress.
        """
        what = f"the record of {key.name!r}"
        if key.object_bytes > MAX_OBJECT:
            raise Damaged(f"{what} claims {key.object_bytes} bytes; more than {MAX_OBJECT} are refused")
        record = self._read(key.position, key.record_bytes, what)
        start = KEY_HEAD.unpack_from(record)
        if (start[0], start[2], start[4]) != (key.record_bytes, key.object_bytes, key.key_bytes):
            raise Damaged(f"{what} is not at byte {key.position}, where its folder says")
        if key.record_bytes == key.key_bytes + key.object_bytes:
            return record[key.key_bytes :]
        return _decompressed(memoryview(record)[key.key_bytes :], key.object_bytes, what)

    def _read(self, position: int, n: int, what: str) -> bytes:
        if position < 0 or n < 0 or position + n > self._size:
            raise Damaged(f"{what} is expected at bytes {position} to {position + n}, but the file has {self._size}")
        self._stream.seek(position)
        data = self._stream.read(n)
        if len(data) != n:
            raise Damaged(f"{what} cannot be read; is the file being written?")
        return data

    def _read_head(self) -> tuple[int, tuple[int, int], int]:
        """The position of the top folder, position and bytes of the description of the classes, and ROOT's version."""
        if self._size == 0:
            raise Damaged("it is empty")
        start = self._read(0, min(self._size, BIG_FILE_HEAD.size), "the head")
        if not start.startswith(MAGIC):
            raise Damaged(f"it begins with {start[:4]!r}, not with {MAGIC!r}")
        if len(start) < BIG_FILE_HEAD.size:
            raise Damaged(f"it ends after {len(start)} bytes")
        big = FILE_VERSION.unpack_from(start, len(MAGIC))[0] >= BIG_FILE
        head = (BIG_FILE_HEAD if big else FILE_HEAD).unpack_from(start)
        begin, name_bytes = head[2], head[7]
        return int(begin + name_bytes), (int(head[10]), int(head[11])), int(head[1]) % BIG_FILE

    def _keys(self, position: int) -> dict[str, Key]:
        start = self._read(position, DIRECTORY.size, "the description of a folder")
        fields = DIRECTORY.unpack(start)
        if fields[0] > BIG_RECORD:
            start = self._read(position, BIG_DIRECTORY.size, "the description of a folder")
            fields = BIG_DIRECTORY.unpack(start)
        n, at = fields[3], fields[7]
        if at == 0:
            raise Damaged("a folder has no list of keys; the file was not closed properly")
        if n > MAX_KEYS:
            raise Damaged(f"the list of keys claims {n} bytes; more than {MAX_KEYS} are refused")
        return _KeyList(self._read(at, n, "the list of keys")).keys()


class _KeyList:
    """The record that lists the keys of a folder."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def keys(self) -> dict[str, Key]:
        """By name; of several cycles the highest."""
        self._next()  # the record's own key
        (n,) = self._take(INT)
        if not 0 <= n <= (len(self._data) - self._at) // (KEY_HEAD.size + 3):
            raise Damaged(f"the list of keys has {len(self._data)} bytes, too few for {n} keys")
        found: dict[str, Key] = {}
        for _ in range(n):
            key = self._next()
            earlier = found.get(key.name)
            if earlier is None or earlier.cycle < key.cycle:
                found[key.name] = key
        return found

    def first(self) -> Key:
        """The record's own key."""
        return self._next()

    def _take(self, layout: Any) -> tuple[Any, ...]:
        if self._at + layout.size > len(self._data):
            raise Damaged("the list of keys is cut off")
        values: tuple[Any, ...] = layout.unpack_from(self._data, self._at)
        self._at += layout.size
        return values

    def _next(self) -> Key:
        fields = self._take(KEY_HEAD)
        if fields[1] > BIG_RECORD:
            self._at -= KEY_HEAD.size
            fields = self._take(BIG_KEY_HEAD)
        record_bytes, _, object_bytes, _, key_bytes, cycle, position, _ = fields
        class_name, name, _ = self._string(), self._string(), self._string()
        if not 0 < key_bytes <= record_bytes or object_bytes < 0:
            raise Damaged(f"the key of {name!r} claims {record_bytes} bytes, of which {key_bytes} for itself")
        return Key(position, record_bytes, key_bytes, object_bytes, cycle, class_name, name)

    def _string(self) -> str:
        data, at = self._data, self._at
        if at >= len(data):
            raise Damaged("the list of keys is cut off")
        n = data[at]
        at += 1
        if n == 255:
            self._at = at
            (n,) = self._take(INT)
            at = self._at
        if not 0 <= n <= len(data) - at:
            raise Damaged("the list of keys is cut off")
        self._at = at + n
        return data[at : at + n].decode("utf-8", "surrogateescape")


def _decompressed(data: memoryview, expected: int, what: str) -> bytes:
    """The blocks of a compressed object, each with its algorithm and sizes in front."""
    blocks: list[bytes] = []
    at = size = 0
    while size < expected:
        head = bytes(data[at : at + _BLOCK_HEAD])
        if len(head) < _BLOCK_HEAD:
            raise Damaged(f"{what} is cut off")
        packed, unpacked = int.from_bytes(head[3:6], "little"), int.from_bytes(head[6:9], "little")
        at += _BLOCK_HEAD
        if packed > len(data) - at or not 0 < unpacked <= expected - size:
            raise Damaged(f"{what} does not decompress to the {expected} bytes that it claims")
        try:
            block = _block(head[:2], data[at : at + packed], unpacked)
        except (zlib.error, ValueError, EOFError) as error:
            raise Damaged(f"{what} does not decompress: {error}") from None
        if len(block) != unpacked:
            raise Damaged(f"{what} does not decompress to the {expected} bytes that it claims")
        blocks.append(block)
        at += packed
        size += unpacked
    return blocks[0] if len(blocks) == 1 else b"".join(blocks)


def _block(algorithm: bytes, data: memoryview, size: int) -> bytes:
    """At most ``size`` bytes, whatever the block would grow to."""
    match algorithm:
        case b"ZL":
            inflating = zlib.decompressobj()
            block = inflating.decompress(data, size)
            if not inflating.eof and inflating.decompress(inflating.unconsumed_tail, 1):  # to its end: the checksum
                raise ValueError("it goes on after its end")
            return block
        case b"XZ":
            import lzma

            try:
                return lzma.LZMADecompressor(memlimit=_LZMA_MEMORY).decompress(bytes(data), size)
            except lzma.LZMAError as error:
                raise ValueError(error) from None
        case b"L4" | b"ZS":
            import cramjam

            try:
                if algorithm == b"L4":
                    return bytes(cramjam.lz4.decompress_block(bytes(data[_CHECKSUM:]), output_len=size))
                buffer = bytearray(size)
                return bytes(buffer[: cramjam.zstd.decompress_into(bytes(data), buffer)])
            except cramjam.DecompressionError as error:
                raise ValueError(error) from None
        case _:
            raise ValueError(f"the compression {algorithm!r} is not known")
