"""pyhf with its NumPy backend and SciPy's SLSQP, its defaults."""

import json
import warnings

import pyhf
from measure import arguments, report, timed

warnings.simplefilter("ignore")
text, repeat = arguments()


def build_model() -> tuple[pyhf.Workspace, pyhf.Model]:
    workspace = pyhf.Workspace(json.loads(text))
    return workspace, workspace.model()


build, (workspace, model) = timed(build_model, max(1, repeat // 2))
data = workspace.data(model)
logpdf, _ = timed(lambda: model.logpdf(model.config.suggested_init(), data), repeat, at_least=0.05)
fit = hypotest = nll = cls_obs = cls_exp = None
try:
    fit, best = timed(lambda: pyhf.infer.mle.fit(data, model, return_fitted_val=True), max(1, repeat // 2))
    nll = float(best[1]) / 2
    hypotest, result = timed(lambda: pyhf.infer.hypotest(1.0, data, model, return_expected_set=True), 1)
    cls_obs, cls_exp = float(result[0]), [float(v) for v in result[1]]
except pyhf.exceptions.FailedMinimization as error:
    print("failed:", str(error)[:200])
report(
    version=pyhf.__version__,
    hypotest=hypotest,
    fit=fit,
    logpdf=logpdf,
    build=build,
    cls_obs=cls_obs,
    cls_exp=cls_exp,
    nll=nll,
)
