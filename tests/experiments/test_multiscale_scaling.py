"""What a collection makes of runs that do not tell the variance of D, or that differ in more than is drawn."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from experiments.multiscale_memory import comparisons, fluctuations

OPTIONS = {"show_theoretical": True, "log_scale": True}
OPTIONS |= {
    "visualizations": {
        "errorbars": {"power_coeff": True, "not_power_coeff": False},
        "fit3d": {"power_coeff": True, "not_power_coeff": False},
    }
}


def row(**given):
    one = {
        "run": "0",
        "N": 20,
        "K": 4,
        "tau_J": 10.0,
        "rho": 0.0,
        "u": 200.0,
        "residuals_variance": 1e-4,
        "independent": 100.0,
        "noise": np.nan,
    }
    one |= given
    return {"residuals_variance_error": 0.1 * one["residuals_variance"], "theoretical_std": one["residuals_variance"] ** 0.5} | one


def scaled(rows):
    ax = Figure().add_subplot()
    comparisons.fluctuation_scaling_std(comparisons.Compared(pd.DataFrame({"run": []}), pd.DataFrame(rows), "abc", OPTIONS), ax)
    return ax


def test_frozen_and_short_runs_are_left_out_of_the_law():
    """Variance 1 / tau_J^2 at tau_J = 10, 20 and 40: an exponent of -1, whatever frozen synapses and three samples have to say."""
    rows = [row(tau_J=tau, residuals_variance=tau**-2) for tau in (10.0, 20.0, 40.0)]
    rows += [row(tau_J=np.inf, residuals_variance=0.0), row(tau_J=1000.0, residuals_variance=5.0, independent=3.0)]
    ax = scaled(rows)
    assert any(r"\tau_J^{-1.00" in text.get_text() for text in ax.get_legend().get_texts())
    assert "1 run whose D does not fluctuate" in ax.get_title()
    with pytest.raises(comparisons.Missing, match=r"none of N, K, tau_J and rho varies among the runs that tell"):
        scaled(rows[2:])


def test_other_parameters_are_no_seeds(tmp_path):
    """Two tau_h at equal N, K, tau_J: cells of their own, named; theory that does not hold is marked; lock-in is left out."""
    rows = pd.DataFrame([row(K=k, tau_h=h, residuals_variance=v) for k in (5, 10) for h, v in ((1, 1e-4), (5, 9e-4)) for _ in range(5)])
    table = fluctuations.points(rows, ["K"], "var")
    assert table["value"].to_numpy() == pytest.approx([5e-4, 5e-4])
    assert (table["error"] < 1e-9).all()  # equal in every cell; were they seeds, 1.3e-4
    assert fluctuations.beside(rows, ["K"]) == ["tau_h"]
    rows = rows.assign(theory_holds=rows["tau_h"] == 1)
    assert r"mean over $\tau_h$; open: theory does not hold" in scaled(rows).get_title()
    kept, said = fluctuations.telling(rows.assign(locked=rows["tau_h"] / 5, tracking=0.3))
    assert said == ["10 runs locked in on one pattern"]
    assert set(kept["tau_h"]) == {1}
    drawn, _, fits = fluctuations.draw(rows.assign(N=[20, 40] * 10), ["K_std_N", "3d_std_fit"], OPTIONS, tmp_path)
    assert drawn == ["K_std_N", "3d_std_fit"]
    assert len(fits) == 3
