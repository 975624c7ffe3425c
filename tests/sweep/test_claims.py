"""Each verdict follows from the table, and turns where the table says the opposite."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from fmq_explore.measure import bootstrap
from fmq_explore.sweep.claims import claim_latents, claim_quality, claim_ratio, claim_scaling
from fmq_explore.sweep.evidence import Evidence, geometric, over_models, slopes_db
from fmq_explore.sweep.standings import at_budget, crossover, wins
from fmq_explore.sweep.table import Table
from fmq_explore.sweep.tasks import DEFAULT_SCHEMES

from .made import ERROR, made_table, squared_error

ALL = DEFAULT_SCHEMES
OT, OTHERS = "equal_mass", ("uniform", "piecewise", "logarithmic")


def only(*good):
    """A law that is near full precision for some schemes, and far from it for the others."""
    return lambda scheme, bits: 1.05 if scheme in good else 9.0


@pytest.mark.parametrize(
    ("law", "verdict"),
    [
        (only(OT), "holds"),
        (only(OT, "optimal", "clipped"), "holds"),  # the claim is about the paper's four
        (only(OT, "uniform"), "holds partly"),
        (only(*ALL), "does not hold"),
        (only(*OTHERS), "does not hold"),
        (only(), "does not hold"),
        (lambda s, b: 1.05 if s == OT and b > 2 else 9.0, "holds partly"),
    ],
)
def test_quality_and_latents_hold_only_if_equal_mass_keeps_what_the_others_lose(law, verdict):
    quality = claim_quality(Evidence(made_table(fd=law)), ALL)
    latents = claim_latents(Evidence(made_table(variance=law)), ALL)
    assert quality.verdict == latents.verdict == verdict
    assert quality.kept_by == latents.kept_by


def test_quality_asks_for_readable_samples_too():
    table = made_table(fd=only(OT), readability=lambda scheme, bits: 0.5)
    assert claim_quality(Evidence(table), ALL).verdict == "does not hold"


def test_shares_count_cases_and_pairs():
    shares = claim_quality(Evidence(made_table(fd=lambda s, b: 1 + (s != OT) * b)), ALL)
    assert shares.support == 1
    assert shares.ahead == 1
    assert shares.kept_by == {scheme: float(scheme == OT) for scheme in ALL}
    behind = claim_quality(Evidence(made_table(fd=lambda s, b: 1 + (s == OT) * b)), ALL)
    assert (behind.support, behind.ahead) == (0, 0)


def test_scaling_holds_for_errors_that_fall_by_6_db_a_bit():
    scaling = claim_scaling(Evidence(made_table()), ALL)
    assert scaling.verdict == "holds"
    for slope in scaling.w2_squared.values():
        assert slope.value == pytest.approx(-20 * np.log10(2), abs=1e-3)
    for slope in scaling.fd.values():  # a table of six digits has little left of a small excess
        assert slope.value == pytest.approx(-20 * np.log10(2), abs=0.1)


@pytest.mark.parametrize(
    ("base", "n_agreeing", "verdict"), [(2.0, 2, "holds partly"), (4.0, 4, "holds")]
)
def test_scaling_turns_where_equal_mass_falls_by_3_db_a_bit(base, n_agreeing, verdict):
    def law(scheme, bits):
        return ERROR[scheme] * (base**-bits if scheme == OT else 4.0**-bits)

    scaling = claim_scaling(
        Evidence(made_table(w2_squared=law, fd=lambda s, b: 1 + law(s, b))), ALL
    )
    assert (len(scaling.agreeing), scaling.verdict) == (n_agreeing, verdict)
    slow = made_table(w2_squared=lambda s, b: 2.0**-b, fd=lambda s, b: 1 + 2.0**-b)
    assert claim_scaling(Evidence(slow), ALL).verdict == "does not hold"


@pytest.mark.parametrize(
    ("rho", "verdict"),
    [
        (lambda bits: 0.3, "holds"),
        (lambda bits: 0.7, "does not hold"),
        (lambda bits: 0.2, "does not hold"),
        (lambda bits: 0.3 if bits <= 5 else 2.0, "holds partly"),
        (lambda bits: 0.3 * 4 ** (bits - 2), "does not hold"),
    ],
)
def test_the_ratio_holds_only_if_it_stays_in_the_range(rho, verdict):
    def law(scheme, bits):
        return 4.0**-bits * (rho(bits) if scheme == OT else 1)

    table = made_table(w2_squared=law, fd=lambda s, b: 1 + law(s, b))
    ratio = claim_ratio(Evidence(table))
    assert ratio.verdict == verdict
    assert [r.value for r in ratio.w2_squared] == pytest.approx(
        [rho(b) for b in ratio.bits], rel=1e-4
    )
    assert claim_ratio(Evidence(made_table(w2_squared=law, fd=lambda s, b: 9.0))).verdict != "holds"


def test_an_excess_that_is_not_above_the_baseline_with_every_seed_is_not_used():
    table = made_table()
    rows = [
        dict(row, fd=0.99) if (row["scheme"], row["bits"], row["seed"]) == (OT, 5, 1) else row
        for row in table.rows
    ]
    excess = Evidence(Table(tuple(rows))).excess(OT)
    assert np.isnan(excess).any(axis=0).tolist() == [False, False, False, True, *[False] * 3]
    assert excess[0, 0] == pytest.approx(8 * squared_error(OT, 2), rel=1e-4)


def test_slopes_are_those_of_least_squares():
    bits, values = (2, 3, 4, 6), np.array([[3.0, 1.1, 0.2, 0.04], [1.0, np.nan, 0.3, -1.0]])
    expected = stats.linregress(bits, 10 * np.log10(values[0])).slope
    slopes = slopes_db(bits, values)
    assert slopes[0] == pytest.approx(expected)
    assert np.isnan(slopes[1])  # two usable values have no slope worth the name


def test_the_interval_over_models_is_that_of_the_library():
    values = np.array([1.0, 2.5, 2.0, 7.0, np.nan])
    expected = bootstrap(lambda x: float(x.mean()), torch.tensor(values[:4]), n_resamples=1000)
    found = over_models(values)
    for name in ("value", "low", "high"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name))
    logs = over_models(np.log(values))
    assert geometric(values).high == pytest.approx(np.exp(logs.high))
    assert np.isnan(over_models(np.array([np.nan])).value)


def test_standings_at_equal_labels():
    evidence = Evidence(made_table())
    best = wins(evidence, ALL, "psnr")
    assert best["optimal"].tolist() == [3] * 7
    assert sum(count.sum() for count in best.values()) == 21
    assert crossover(evidence, "w2") == [None] * 3  # equal mass has the smaller error throughout

    def law(scheme, bits):
        return 2.0**-bits if scheme == OT else 4.0**-bits * 30

    assert crossover(Evidence(made_table(w2_squared=law)), "w2") == [5] * 3


def test_a_budget_takes_the_best_version_that_fits_whatever_its_label():
    table = made_table()
    parts = (Evidence(table, "channel"), Evidence(table, "tensor"))
    found = at_budget(parts, ALL, 5.0)
    # per tensor 4.1 bits fit with 4 bits on the label, per channel 4.5 do
    assert found[OT].psnr.value == pytest.approx(30 - 100 * squared_error(OT, 4), rel=1e-4)
    assert found["optimal"].best == 3
    assert found[OT].best == 0
    nothing = at_budget(parts, ALL, 1.0)
    assert nothing[OT].n_models == 0
    assert np.isnan(nothing[OT].psnr.value)
    channel = at_budget(parts[:1], ALL, 5.0)
    bits = max(b for b in range(2, 9) if b + 2**b / 32 <= 5)
    assert channel[OT].fd.value == pytest.approx(1 + 8 * squared_error(OT, bits), rel=1e-4)


def test_rows_of_several_settings_are_not_mixed():
    table = made_table()
    other = Table((*table.rows, dict(table.rows[0], n=999)))
    with pytest.raises(ValueError, match="mixes n 64 and 999"):
        Evidence(other)
    with pytest.raises(ValueError, match="no rows of granularity 'group'"):
        replace(Evidence(table), granularity="group")
