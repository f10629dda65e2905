"""Archives that must not be unpacked, and what makes them."""

import io
import lzma
import stat
import tarfile
import zipfile


def tar(*members, compress=None):
    """A tar archive of (name, content or attributes)."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
            else:
                for key, value in content.items():
                    setattr(info, key, value)
                archive.addfile(info)
    data = stream.getvalue()
    return data if compress is None else compress(data)


def zipped(*members, **attributes):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            for key, value in attributes.items():
                setattr(info, key, value)
            archive.writestr(info, content)
    return stream.getvalue()


SYMLINK = stat.S_IFLNK << 16
HOSTILE = {
    "absolute": (tar(("/tmp/evil", b"x")), "outside its folder: '/tmp/evil'"),
    "parent": (tar(("a/../../evil", b"x")), "outside its folder"),
    "backslash": (tar(("..\\evil", b"x")), "outside its folder"),
    "drive": (tar(("C:evil", b"x")), "outside its folder"),
    "newline": (tar(("a\nb", b"x")), "unusable name"),
    "long name": (tar(("x" * 300, b"x")), "unusable name"),
    "symbolic link": (tar(("a", {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"})), "a link to '/etc/passwd'"),
    "hard link": (tar(("a", b""), ("b", {"type": tarfile.LNKTYPE, "linkname": "a"})), "a link to 'a'"),
    "device": (tar(("null", {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 3})), "a device or pipe"),
    "pipe": (tar(("pipe", {"type": tarfile.FIFOTYPE})), "a device or pipe"),
    "twice": (tar(("a", b"1"), ("a", b"2")), "more than once"),
    "case": (tar(("README", b"1"), ("readme", b"2")), "differ only in case"),
    "file as folder": (tar(("a", b"1"), ("a/b", b"2")), "more than once"),
    "zip parent": (zipped(("../evil", b"x")), "outside its folder"),
    "zip link": (zipped(("a", b"/etc/passwd"), external_attr=SYMLINK), "'a' is a link"),
    "zip pipe": (zipped(("a", b""), external_attr=stat.S_IFIFO << 16), "a device or pipe"),
    "tar bomb": (tar(("zeros", bytes(30 << 20)), compress=lzma.compress), "unpacks to more than"),
    "zip bomb": (zipped(("zeros", bytes(30 << 20))), "would unpack to 31457280 bytes"),
}
