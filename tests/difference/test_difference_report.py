"""The comparison as text and as JSON, and the sentence of a proof."""

import json
from dataclasses import replace

from hftranslate.difference import difference, document, proof, proven, text
from hftranslate.difference.compare import Difference
from hftranslate.difference.report import point
from hftranslate.formats.json_text import dump_json
from hftranslate.workspace import Channel, Lumi, Measurement, Sample, Workspace
from tests.difference.test_alignment import WS
from tests.difference.test_compare import CHANGES, FULL


def test_same() -> None:
    found = difference(WS, WS)
    assert text(found) == (
        "79 numbers compared, largest relative difference 0, tolerance 1e-09\n"
        "likelihood of measurement 'm': same: NLL differs by at most 0, yields by 0, at 55 points\n"
        "the two have the same meaning\n"
    )
    told = document(found)
    assert told["equal"] is True
    assert told["differences"] == told["notes"] == []
    assert told["numbers"] == {"compared": 79, "largest_relative_difference": 0.0, "where": ""}
    assert told["likelihoods"][0]["same"] is True


def test_different() -> None:
    found = difference(FULL, CHANGES["a factor"][0])
    lines = text(found).splitlines()
    assert lines[:2] == [
        "numbers: 1 difference(s)",
        "  channel 'SR', sample 'background', normsys 'JES', lo and hi, entry 1: 1.1 / 1.2 (relative difference 0.083)",
    ]
    assert lines[-1] == "the two DIFFER"
    assert "likelihood of measurement 'm': DIFFERENT: NLL differs by at most" in lines[-3]
    assert "at JES = 3, yields by" in lines[-3]
    told = json.loads(dump_json(document(found)))
    assert told["equal"] is False
    assert told["differences"][0]["kind"] == "numbers"
    assert told["likelihoods"][0]["at"] == {"JES": 3.0}


def test_what_is_not_finite_is_a_word() -> None:
    found = difference(FULL, CHANGES["a modifier"][0])
    told = json.loads(dump_json(document(found)))
    assert told["likelihoods"][0]["largest_nll_difference"] == "infinite"
    assert "DIFFERENT: free in one of them only: JER" in text(found)


def test_many_differences_are_shortened() -> None:
    names = [f"c{i}" for i in range(40)]
    samples = (Sample(name="s", nominal=(1,)),)
    one = Workspace(
        channels=tuple(Channel(name=n, samples=samples, observed=(i,)) for i, n in enumerate(["SR", *names])),
        measurements=(Measurement(name="m"),),
    )
    found = difference(one, replace(one, channels=one.channels[:1]))
    assert "structure: 40 difference(s)" in text(found)
    assert "  and 10 more\n" in text(found)
    assert len(document(found)["differences"]) == 40


def test_points() -> None:
    found = difference(FULL, CHANGES["a factor"][0]).likelihoods[0]
    assert point(found) == "JES = 3"
    assert point(replace(found, at=())) == "the nominal point"
    assert point(replace(found, at=tuple((n, 1.0) for n in "abcde"))) == "a = 1, b = 1, c = 1 and 2 more"


def test_points_outside_one_domain_are_told() -> None:
    found = difference(FULL, FULL)
    outside = replace(found, likelihoods=(replace(found.likelihoods[0], outside=3),))
    assert "3 point(s) inside the domain of one only" in text(outside)


def test_a_proof() -> None:
    found = difference(FULL, FULL)
    assert proven(FULL, found)
    sentence = proof(FULL, found, "out.json")
    assert sentence.startswith(
        "verified: out.json, read back, has the same likelihood as the input, both as hftranslate"
    )
    assert sentence.endswith(
        "points of 2 measurement(s) the NLL differs by at most 0 and the yields by 0 "
        "(under pyhf conventions; '--verify root' asks ROOT)"
    )


def refuted(original: Workspace, found: Difference, words: str) -> None:
    assert not proven(original, found)
    sentence = proof(original, found, "out.json")
    assert sentence.startswith("NOT verified: out.json, read back, is not the input: ")
    assert words in sentence


def test_what_is_no_proof() -> None:
    refuted(FULL, difference(FULL, CHANGES["a factor"][0]), "measurement 'm': the NLL differs by ")
    refuted(FULL, difference(FULL, CHANGES["a modifier"][0]), "free in one of them only: JER")
    refuted(FULL, difference(FULL, CHANGES["a measurement"][0]), "measurement 'n' is not there")
    same = difference(FULL, FULL)
    moved = replace(same, likelihoods=tuple(replace(c, yields=1e-3) for c in same.likelihoods))
    refuted(FULL, moved, "measurement 'm': the yields differ by 0.001")
    broken = replace(
        FULL,
        channels=(Channel(name="c", samples=(Sample(name="s", nominal=(1,), modifiers=(Lumi(),)),), observed=(1,)),),
    )
    refuted(broken, difference(broken, broken), "has no auxdata and sigmas")
