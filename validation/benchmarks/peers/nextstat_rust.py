"""NextStat, its defaults."""

import nextstat
from measure import arguments, report, timed

text, repeat = arguments()
nextstat.set_threads(1)
build, model = timed(lambda: nextstat.from_pyhf(text), repeat)
fit, best = timed(lambda: nextstat.fit(model), repeat)
hypotest, result = timed(lambda: nextstat.hypotest(1.0, model, return_tail_probs=True), repeat)
report(
    version=nextstat.__version__,
    hypotest=hypotest,
    fit=fit,
    logpdf=None,
    build=build,
    cls_obs=float(result[0]),
    cls_exp=None,
    nll=float(best.nll),
)
