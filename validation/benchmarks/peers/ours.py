"""hftranslate."""

import numpy as np
from measure import arguments, report, timed

import hftranslate as hft
from hftranslate.formats.json_text import parse_json
from hftranslate.formats.pyhf_json import from_document
from hftranslate.toys.fits import fit_toys, sample_toys

text, repeat = arguments()
data_bytes = text.encode()
build, (model, data) = timed(lambda: hft.compile_model(from_document(parse_json(data_bytes, "workspace"))), repeat)
hypotest, result = timed(lambda: hft.hypotest(model, data, 1.0), repeat)
fit, best = timed(lambda: hft.fit(model, data), repeat)
logpdf, _ = timed(lambda: model.logpdf(model.parameters.init, data), repeat, at_least=0.05)

toys_per_second = None
if fit < 2e-3:  # the models for which toys are quick
    poi = model.parameters.names[model.parameters.poi_index]
    toys = sample_toys(model, hft.fit(model, data, fixed={poi: 1.0}).values, 300, np.random.default_rng(1))
    seconds, _ = timed(lambda: fit_toys(model, toys, 1.0), min(repeat, 3))
    toys_per_second = len(toys) / seconds
report(
    version=hft.__version__,
    hypotest=hypotest,
    fit=fit,
    logpdf=logpdf,
    build=build,
    cls_obs=result.cls_obs,
    cls_exp=list(result.cls_exp),
    nll=best.nll,
    toys_per_second=toys_per_second,
)
