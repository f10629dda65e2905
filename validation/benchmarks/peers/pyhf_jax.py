"""pyhf with its JAX backend and SciPy's SLSQP, compiled beforehand: the first call, which compiles, is given apart."""

import json
import time
import warnings

import pyhf
from measure import arguments, report, timed

warnings.simplefilter("ignore")
pyhf.set_backend("jax", precision="64b")
text, repeat = arguments()
workspace = pyhf.Workspace(json.loads(text))
model = workspace.model()
data = workspace.data(model)
hypotest = cls_obs = cls_exp = first = None
start = time.process_time()
try:
    pyhf.infer.hypotest(1.0, data, model, return_expected_set=True)
    first = time.process_time() - start
    hypotest, result = timed(
        lambda: pyhf.infer.hypotest(1.0, data, model, return_expected_set=True), max(1, repeat // 2)
    )
    cls_obs, cls_exp = float(result[0]), [float(v) for v in result[1]]
except pyhf.exceptions.FailedMinimization as error:
    print("failed:", str(error)[:200])
report(version=pyhf.__version__, hypotest=hypotest, first_call=first, cls_obs=cls_obs, cls_exp=cls_exp)
