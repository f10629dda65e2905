"""The documentation lists every kind of finding, and no other."""

import re


def test_every_kind_of_finding_is_documented(repository):
    sources = sorted((repository / "hftranslate" / "doctor").glob("*.py"))
    text = "".join(p.read_text() for p in sources)
    kinds = set(re.findall(r'found\(\s*f?"([a-z{][a-z{}-]+)"', text)) | set(
        re.findall(r'^    "(poi-[a-z-]+)": \(', text, re.MULTILINE)
    )
    written = {k.replace("{step}", step) for k in kinds for step in ("1", "3")}
    documented = set(re.findall(r"`([a-z]+(?:-[a-z0-9]+)+)`", (repository / "docs" / "doctor.md").read_text()))
    assert documented == written
