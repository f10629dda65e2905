"""Tests by pseudo-experiments as records of a result document."""

from hftranslate.crosscheck.document import HypoTestRecord, ToysRecord
from hftranslate.inference.tester import Tester
from hftranslate.toys.hypotest import run_toy_test
from hftranslate.toys.samples import ToyOptions


def toy_record(tester: Tester, poi: float, n: int, seed: int) -> HypoTestRecord:
    """Test a value of the parameter of interest with ``n`` toys of each hypothesis; errors are binomial.

    Raises
    ------
    FitFailed
        A fit of the data failed, or more than one toy in a hundred.
    """
    found = run_toy_test(tester, poi, ToyOptions(toys=n, seed=seed))
    return HypoTestRecord(
        poi=poi,
        test_stat=tester.test_stat,
        calculator="toys",
        q=found.q,
        clsb=found.clsb.value,
        clb=found.clb.value,
        cls_obs=found.cls.value,
        cls_exp=(None,) * 5,
        toys=ToysRecord(
            n=n,
            seed=seed,
            clsb_error=found.clsb.error,
            clb_error=found.clb.error,
            cls_error=found.cls.error,
        ),
    )
