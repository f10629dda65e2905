"""What real ROOT says about a model and its translation at common points.

    python of_pair.py -o OUT.json --names NAMES.json OPTIONS-OF-ONE --against OPTIONS-OF-THE-OTHER

The options of each are those of ``of_file.py``. Parameters have ROOT's names in XML; in JSON those of pyhf (``mu``,
``staterror_SR[0]``): ROOT gets JSON under names of its own, so that no two of its objects share one. NAMES.json says
what parameters of the first are called in the second, where that differs. The result has, for each point, the NLL and
the expected events of each channel; ``alone`` are parameters that are free in one of the two only, although yields
depend on them.
"""

import argparse
import gzip
import json
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A model with the names of its parameters and channels (where they are not ROOT's)."""

    model: Any
    description: Any
    parameters: Mapping[str, str]
    channels: Mapping[str, str]

    def own_value(self, variable: str, value: float) -> float:
        """The value of the input's parameter where ROOT's variable stands for one on another scale."""
        for r in self.description.parametrisation:
            if r.name == variable:
                return float(r.offset + r.scale * value)
        return value

    def value(self, variable: str, own: float) -> float:
        """The reverse: the value of ROOT's variable."""
        for r in self.description.parametrisation:
            if r.name == variable:
                return float((own - r.offset) / r.scale)
        return own

    def named(self) -> dict[str, Any]:
        """The parameters by their names."""
        return {self.parameters.get(p.name, p.name): p for p in self.model.parameters}

    def at(self, values: Mapping[str, float]) -> Json:
        """The NLL (``None`` where ROOT has none), and the expected events of each channel and bin."""
        nll, failed = self.model.nll(values)
        yields = {
            self.channels.get(channel, channel): [sum(bins) for bins in zip(*samples.values(), strict=True)]
            for channel, samples in self.model.yields(values).items()
        }
        return {"nll": None if failed else nll, "yields": yields}

    def depends_on(self, parameter: Any) -> bool:
        """Whether yields do."""
        low = parameter.init - 1.0 if parameter.low is None else parameter.low
        high = parameter.init + 1.0 if parameter.high is None else parameter.high
        value = parameter.init + 0.25 * ((high if high > parameter.init else low) - parameter.init)
        return bool(self.model.yields({}) != self.model.yields({parameter.name: value}))


def open_side(options: argparse.Namespace) -> Side:
    """The model that the options name. Without observed data, ROOT's Asimov data serve."""
    from evaluation import RootModel
    from from_json import describe_json, with_neutral_names
    from models import ModelError
    from of_file import describe

    channels: dict[str, str] = {}
    parameters: dict[str, str] = {}
    if options.kind == "pyhf-json":
        data = options.file.read_bytes()
        document = json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
        neutral, channels, names = with_neutral_names(document)
        try:
            description = describe_json(neutral, options.measurement)
        except ModelError as error:
            raise ModelError(re.sub(r"'(p\d+)'", lambda m: repr(names.get(m[1], m[1])), str(error))) from None
        for name, entries in description.entries.items():
            several = entries[0].startswith("gamma_")
            parameters |= {e: f"{names[name]}[{i}]" if several else names[name] for i, e in enumerate(entries)}
    else:
        description = describe(options)
    with chdir(options.basedir):
        try:
            model = RootModel(description)
        except ModelError:
            model = RootModel(describe(options), "asimovData")
    return Side(model=model, description=description, parameters=parameters, channels=channels)


def compare(one: Side, two: Side, names: Mapping[str, str]) -> Json:
    """Both models at the first's points, as far as these are inside the ranges of both."""
    from points import parameter_points

    theirs = two.named()
    shared, alone = [], []
    called, partner = {}, {}  # of the first's variables: their names, and the second's variables
    for name, p in one.named().items():
        q = theirs.get(names.get(name, name))
        if not p.fixed and q is not None and not q.fixed:
            low, high = (None if end is None else across((two, q.name), (one, p.name), end) for end in (q.low, q.high))
            shared.append(replace(p, low=_end(max, p.low, low), high=_end(min, p.high, high)))
            called[p.name], partner[p.name] = name, q.name
        elif not p.fixed and one.depends_on(p):
            alone.append(name)
    taken = set(partner.values())
    alone += [name for name, q in theirs.items() if not q.fixed and q.name not in taken and two.depends_on(q)]
    start = {p.name: p.init for p in shared}
    points = []
    for point in parameter_points("pair", shared, one.description.lumi_error):
        values = start | point.values
        theirs_at = {partner[n]: across((one, n), (two, partner[n]), v) for n, v in values.items()}
        told = [f"{called[n]} = {one.own_value(n, v):g}" for n, v in point.values.items()]
        shown = [*told[:3], f"{len(told) - 3} more"] if len(told) > 4 else told
        points.append(
            {
                "label": ", ".join(shown) or "the initial values",
                "values": {called[n]: one.own_value(n, v) for n, v in values.items()},
                "original": one.at(values),
                "translation": two.at(theirs_at),
            }
        )
    return {"alone": alone, "points": points}


def across(here: tuple[Side, str], there: tuple[Side, str], value: float) -> float:
    """The value of a variable of one side where its partner has this one; variables of one name have one scale."""
    (one, name), (two, partner) = here, there
    return value if name == partner else two.value(partner, one.own_value(name, value))


def _end(better: Any, one: float | None, two: float | None) -> float | None:
    ends = [end for end in (one, two) if end is not None]
    return float(better(ends)) if ends else None


def main(arguments: Sequence[str]) -> int:
    from of_file import options_of_a_model

    own = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    own.add_argument("-o", "--output-file", type=Path, required=True)
    own.add_argument("--names", type=Path, required=True)
    middle = list(arguments).index("--against")
    settings, first = own.parse_known_args(arguments[:middle])
    parser = options_of_a_model()
    one, two = (open_side(parser.parse_args(o)) for o in (first, arguments[middle + 1 :]))
    names = json.loads(settings.names.read_text(encoding="utf-8"))
    from quiet import ROOT

    found = {"version": str(ROOT.gROOT.GetVersion()), **compare(one, two, names)}
    settings.output_file.write_text(json.dumps(found), encoding="utf-8")
    return 0


if __name__ == "__main__":
    from of_file import saying

    sys.exit(saying(lambda: main(sys.argv[1:])))
