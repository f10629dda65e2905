"""Patch sets made from workspaces."""

import json
from collections.abc import Iterator

import pytest

from hftranslate.errors import InputError
from hftranslate.signal_grid import Signal, create, same_model
from hftranslate.signal_grid import creation as module
from tests.signal_grid.grid import POINTS, background, patches, with_signal


def signals(points: list[tuple[int, int]]) -> Iterator[Signal]:
    for m1, m2 in points:
        yield Signal(source=f"{m1}.json", name=f"sig_{m1}_{m2}", values=(m1, m2), document=with_signal(m1, m2))


def test_every_patch_gives_back_its_workspace() -> None:
    made = patches()
    assert len(made) == len(POINTS)
    for (m1, m2), patch in zip(POINTS, made, strict=True):
        assert same_model(made.apply(background(), patch), with_signal(m1, m2))
    assert made.description == "12 signals in m1, m2"
    assert patches([(100, 0)]).description == "1 signal in m1, m2"


def test_the_same_in_whatever_order() -> None:
    def text(points: list[tuple[int, int]]) -> str:
        made = create(background(), signals(points), labels=("m1", "m2"), reference="ins1234567")
        return json.dumps(made.to_document())

    assert text(POINTS) == text(POINTS[::-1])


def test_numbers_come_before_texts() -> None:
    made = create(
        background(),
        [
            Signal(source=f"{v}", name=f"n{i}", values=(v,), document=with_signal(100 + i, 0))  # type: ignore[arg-type]
            for i, v in enumerate(["b", 20, "a", 3.5])
        ],
        labels=("x",),
        reference="ins1234567",
        description="a sentence",
        algorithms=("md5", "sha256"),
    )
    assert [p.values for p in made] == [(3.5,), (20,), ("a",), ("b",)]
    assert made.description == "a sentence"
    assert set(made.digests) == {"md5", "sha256"}
    assert made.mismatches(background()) == ()


def signal(source: str, name: str, values: tuple[int, ...]) -> Signal:
    return Signal(source=source, name=name, values=values, document=with_signal(100, 0))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "a patch set needs at least one signal"),
        ([signal("a.json", "a", (1,)), signal("b.json", "a", (2,))], "b.json: the name 'a' belongs to a.json already"),
        ([signal("a.json", "a", (1,)), signal("b.json", "b", (1,))], r"b.json: the point \(1\) belongs to a.json"),
        (
            [Signal(source="a.json", name="a", values=(1,), document=background())],
            "a.json: there is no signal in it: it is the background-only workspace",
        ),
    ],
)
def test_signals_that_make_no_set(given: list[Signal], words: str) -> None:
    with pytest.raises(InputError, match=words):
        create(background(), given, labels=("x",), reference="ins1234567")


def test_what_the_schema_does_not_allow() -> None:
    with pytest.raises(InputError, match="'ins12345678' is no record of HEPData"):
        create(background(), signals(POINTS), labels=("m1", "m2"), reference="ins12345678")
    with pytest.raises(InputError, match=r"the patch set: metadata.labels\[0\]: 'm-1' does not match"):
        create(background(), signals(POINTS), labels=("m-1", "m2"), reference="ins1234567")


def test_a_patch_that_does_not_give_back_its_workspace_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = [{"op": "replace", "path": "/channels/0/samples/0/data", "value": [1.0, 1.0]}]
    monkeypatch.setattr(module, "changes", lambda before, after: wrong)
    with pytest.raises(InputError, match=r"100\.json: the patch made from it does not give it back"):
        create(background(), signals(POINTS[:1]), labels=("m1", "m2"), reference="ins1234567")
