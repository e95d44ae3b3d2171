"""Values of streets that break a rule, and things that have no place in one."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from street_draws import build

from scenes.street_params import (
    Driving,
    Parked,
    Pedestrian,
    Queued,
    StreetParams,
)
from scenes.street_site import Crossing, Pole, Road, Tree
from simgen.errors import ConfigError
from simgen.generate import RejectedError


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"length_m": 5}, "greater than or equal to 40"),
        ({"road": {"lane_m": 1.0}}, "greater than or equal to 2.6"),
        ({"drive_on": "top"}, "'right' or 'left'"),
        ({"parked": [{"stretch": (1, 1, 2)}]}, "less than or equal to 1.1"),
        ({"trees": [{"height_m": 4, "clear_m": 3.5}]}, "clear_m <= height_m - 1"),
        ({"bushes": [{"size_m": (9, 1)}]}, "`size_m` must be from 0.4 to 3"),
        ({"ego": {"speed_m_s": float("nan")}}, "finite number"),
        ({"pedestrans": []}, "pedestrans"),
    ],
)
def test_wrong_values_are_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        StreetParams.model_validate(values)


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        ({"queued": (Queued(),)}, ConfigError, "vehicles queue at a junction alone"),
        (
            {"pedestrians": (Pedestrian(where="crossing"),)},
            ConfigError,
            "people cross at a crossing alone",
        ),
        (
            {"road": Road(parking="near"), "parked": (Parked(far=True),)},
            ConfigError,
            "a vehicle must park where `road.parking` lets it",
        ),
        ({"parked": (Parked(),) * 60}, RejectedError, "no room for a parked vehicle"),
        (
            {"parked": (Parked(kind="truck"),)},
            RejectedError,
            "a parked vehicle is too wide for its strip",
        ),
        (
            {"driving": (Driving(kind="truck", stretch=(1, 1.1, 1), off_m=0.25),)},
            RejectedError,
            "a vehicle is too wide for its lane",
        ),
        (
            {"driving": (Driving(kind="truck"),), "trees": (Tree(clear_m=2.5),)},
            RejectedError,
            "a crown hangs lower than the tallest vehicle",
        ),
        (
            {"driving": (Driving(kind="truck"),), "poles": (Pole(height_m=3),)},
            RejectedError,
            "a lamp hangs lower than the tallest vehicle",
        ),
        (
            {
                "lasts_s": 20.0,
                "crossing": Crossing(zebra=True, place=-0.4),
                "pedestrians": (Pedestrian(where="crossing"),),
            },
            RejectedError,
            "a crossing is too short for who walks across it",
        ),
    ],
)
def test_what_has_no_place_is_refused(
    values: dict[str, object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        build(**values)
