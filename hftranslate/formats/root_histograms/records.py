"""The layout of a ROOT file: a head, then records, each with a key in front.

Numbers are big-endian. The documentation is ROOT's own (TFile, TKey, TDirectory, TFree, TBuffer). Files beyond 2 GB
have positions of 8 bytes instead of 4, which the version in the head and in each key tells.
"""

from struct import Struct

MAGIC = b"root"
SHORT = Struct(">h")
INT = Struct(">i")
UNSIGNED = Struct(">I")
#: Version of the file; the version of a file with positions of 8 bytes is larger by a million.
FILE_VERSION = INT
BIG_FILE = 1_000_000
#: Magic, version, begin, end, free segments, their bytes, their number, bytes of the name, units, compression,
#: streamer information, its bytes.
FILE_HEAD = Struct(">4siiiiiiiBiii")
BIG_FILE_HEAD = Struct(">4siiqqiiiBiqi")
#: Bytes of the record, version, bytes of the object, date, bytes of the key, cycle, position, position of the folder.
#: Three strings follow: class, name, title.
KEY_HEAD = Struct(">ihiIhhii")
BIG_KEY_HEAD = Struct(">ihiIhhqq")
#: Version, created, modified, bytes of the keys, bytes of the name, position, position of the parent, and of the keys.
DIRECTORY = Struct(">hIIiiiii")
BIG_DIRECTORY = Struct(">hIIiiqqq")
#: Keys and folders with positions of 8 bytes have a version larger by this.
BIG_RECORD = 1000
#: Byte count and version in front of an object; the count has this bit.
OBJECT_HEAD = Struct(">IH")
HAS_BYTE_COUNT = 0x40000000
