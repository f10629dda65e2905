"""Outcomes as they are told: what says the same of different things is said once."""

from hypothesis import given
from hypothesis import strategies as st

from hftranslate.formats.outcomes import KINDS, Outcome, outcome_lines


def loss(where: str, what: str, **effects: float) -> Outcome:
    return Outcome(kind="loss", where=where, what=what, **effects)  # type: ignore[arg-type]


def test_three_outcomes_that_say_the_same_are_told_together() -> None:
    found = [loss("measurement 'm'", f"ParamSetting 'x{i}': nobody declares it") for i in range(14)]
    assert outcome_lines(found[:2]) == [str(o) for o in found[:2]]
    assert outcome_lines(found) == [
        "loss: measurement 'm': ParamSetting 'x0': nobody declares it",
        "  and 13 more like it: " + ", ".join(f"'x{i}'" for i in range(1, 13)) + ", ... (1 more)",
    ]


def test_what_differs_is_listed() -> None:
    by_channel = [loss(f"channel '{c}'", f"'staterror_{c}': becomes Gaussian", effect=0.1) for c in "ABC"]
    assert outcome_lines(by_channel)[1] == "  and 2 more like it: 'B', 'C'"
    places = [loss(f"/a/{c}.xml:{n}: <NormFactor Name='k'>", "refused") for n, c in enumerate("ABC", start=7)]
    assert outcome_lines(places)[1] == "  and 2 more like it: B.xml:8, C.xml:9"
    crossed = [loss(f"channel '{c}', sample '{s}'", "clipped") for c in "AB" for s in "st"]
    assert outcome_lines(crossed)[1] == "  and 3 more like it: 'A', 't', 'B', 's', 'B', 't'"


def test_other_words_numbers_effects_and_kinds_stay_apart() -> None:
    found = [
        *(loss("m", f"'x': auxdata {n}") for n in range(3)),
        *(loss("m", "'x': the same", effect=e) for e in (0.1, 0.2, 0.3)),
        Outcome(kind="repair", where="m", what="'x': the same"),
    ]
    assert outcome_lines(found) == [str(o) for o in found]


@given(
    st.lists(st.builds(Outcome, kind=st.sampled_from([*KINDS]), where=st.sampled_from("ab'"), what=st.text("'ab: .")))
)
def test_nothing_is_forgotten(found: list[Outcome]) -> None:
    """Every outcome is a line of its own or counted in one."""
    counted = 0
    for line in outcome_lines(found):
        more = line.startswith("  and ") and line.split()[1]
        counted += int(more) if more else 1
    assert counted == len(found)
