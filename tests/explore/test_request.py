"""A request is complete, checked at the boundary, and survives the trip through a link."""

from dataclasses import fields, replace

import pytest

from fmq_explore.explore import Request

OTHER = {
    "model": "moons",
    "scheme": "uniform",
    "bits": None,
    "granularity": "group",
    "group_size": 17,
    "keep": ("bias", "time", "net.*"),
    "codebook_dtype": "float32",
    "layer": "net.0.weight",
    "row": 3,
    "solver": "rk4",
    "steps": 7,
    "label": 4,
    "guidance": 2.25,
    "seed": 99,
    "compare": "equal_mass",
    "budget": 123_456,
    "objective": "error",
    "rescue": "codes",
}


def test_every_field_travels_in_the_link() -> None:
    assert set(OTHER) == {f.name for f in fields(Request)}
    for name, value in OTHER.items():
        request = replace(Request(), **{name: value})
        assert request != Request()
        assert Request.from_query(request.query()) == (request, [])
    together = Request(**OTHER)
    assert Request.from_query("?" + together.query()) == (together, [])


def test_the_default_needs_no_words() -> None:
    assert Request().query() == ""
    assert Request.from_query("") == (Request(), [])


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("bits=9", "bits"),
        ("bits=two", "bits"),
        ("steps=0", "steps"),
        ("seed=-1", "seed"),
        ("guidance=much", "guidance"),
        ("granularity=row", "granularity"),
        ("label=-7", "label"),
        ("budget=-1", "budget"),
        ("objective=luck", "objective"),
        ("rescue=magic", "rescue"),
    ],
)
def test_a_broken_link_keeps_the_rest_and_says_what_was_wrong(query: str, name: str) -> None:
    request, problems = Request.from_query(f"scheme=uniform&{query}")
    assert request == Request(scheme="uniform")
    (problem,) = problems
    assert name in problem
    assert problem.endswith(".")


@pytest.mark.parametrize(
    "values",
    [{"bits": 0}, {"steps": 101}, {"guidance": -1.0}, {"group_size": 1}, {"codebook_dtype": "int"}],
)
def test_bad_values_name_themselves_and_the_remedy(values: dict) -> None:
    ((name, value),) = values.items()
    with pytest.raises(ValueError, match=rf"{name} is .*{value}.*choose"):
        Request(**values)


def test_requests_are_keys() -> None:
    assert len({Request(), Request(), Request(bits=4)}) == 2
