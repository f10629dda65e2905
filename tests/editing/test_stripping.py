"""Background-only workspaces."""

import pytest

from hftranslate.editing import strip
from hftranslate.errors import InvalidWorkspace, MissingInput
from hftranslate.formats.pyhf_json import from_document, to_document
from tests.signal_grid.grid import background, signal_sample, with_signal


def test_the_rest_stays_as_it_is() -> None:
    full = from_document(with_signal(100, 0))
    assert to_document(strip(full, ["sig_100_0"])) == to_document(from_document(background()))
    assert strip(full, ["sig_*"]) == strip(full, ["sig_100_0"])
    assert strip(full, ["sig_[0-9]*", "fakes"]).channels[0].samples[0].name == "bkg"


def test_a_name_that_exists_is_no_pattern() -> None:
    document = background()
    document["channels"][0]["samples"] += [signal_sample("s*", [1.0, 2.0]), signal_sample("sx", [1.0, 2.0])]
    names = [s.name for s in strip(from_document(document), ["s*"]).channels[0].samples]
    assert names == ["bkg", "fakes", "sx"]


def test_refusals() -> None:
    full = from_document(with_signal(100, 0))
    with pytest.raises(MissingInput, match=r"no sample 'sig_100'; did you mean 'sig_100_0'\?"):
        strip(full, ["sig_100"])
    with pytest.raises(MissingInput, match=r"no sample 'x\*'"):
        strip(full, ["x*"])
    with pytest.raises(InvalidWorkspace, match=r"nothing would be left of channel 'CR'.*'bkg'.*prune --channel"):
        strip(full, ["bkg"])
