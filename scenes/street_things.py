"""What stands at the kerbs and in the gardens: trees, bushes, poles, signs, your own meshes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

import numpy as np

from scenes import surfaces
from scenes.packing import Stretch
from scenes.street_houses import House
from scenes.street_params import Meshes, StreetParams
from scenes.street_plan import FURNITURE_M, SIDES, Plan
from scenes.street_site import Bush, Sign, Tree
from simgen import geometry
from simgen.assets.assembly import Model
from simgen.assets.fittings import lamp_post, sign
from simgen.assets.folders import AssetRef, categorise, scan
from simgen.assets.plants import Habit, bush, tree
from simgen.errors import ConfigError
from simgen.generate import RejectedError
from simgen.rng import Key
from simgen.spec import Body, Motion

BEHIND_M = 0.7  # between the pavement and what grows in a garden: room for a wall or a hedge
PLANTS = Key(0) / "plants"  # variants are the same in every scene, so that their trees are cached
ZEBRA_SIGN = Sign(plate="square", size_m=0.85, colour=(0.1, 0.25, 0.65))
STOP_SIGN = Sign(plate="octagon", size_m=0.9, colour=(0.75, 0.08, 0.08))
PRIORITY_SIGN = Sign(plate="diamond", size_m=0.8, colour=(0.95, 0.8, 0.2))


@lru_cache(maxsize=256)
def grown(
    habit: Habit, height_m: float, crown_m: float, clear_m: float, dense: float, leaf_m: float,
    variant: int,
) -> Model:  # fmt: skip
    """A tree; the same for the same numbers."""
    return tree(habit, height_m, crown_m, clear_m, dense, leaf_m, PLANTS / "tree" / variant)


@lru_cache(maxsize=128)
def bushy(across_m: float, height_m: float, variant: int) -> Model:
    """A bush; the same for the same numbers."""
    return bush((across_m, across_m, height_m), 3.0, 0.25, PLANTS / "bush" / variant)


def signs(plan: Plan) -> Iterator[Body]:
    """Signs of the crossing, then those of the parameters."""
    for number, (far, x, facing, one) in enumerate(_crossing_signs(plan)):
        y = plan.side(far) * (plan.kerb_m(far) + FURNITURE_M)
        yield _sign(plan, f"crossing sign {number}", one, x, y, facing)
    for number, one in enumerate(plan.params.signs):
        wanted = one.place * plan.params.length_m
        x = plan.put(f"kerb {one.far}", "a sign", wanted, one.size_m)
        y = plan.side(one.far) * (plan.kerb_m(one.far) + FURNITURE_M)
        yield _sign(plan, f"sign {number}", one, x, y, 0.0 if one.far else np.pi)


def _crossing_signs(plan: Plan) -> Iterator[tuple[bool, float, float, Sign]]:
    """Side, place, facing and look of each sign that a crossing calls for."""
    stripes, cut = plan.zebra, plan.junction
    for far in SIDES if stripes is not None else ():
        assert stripes is not None  # noqa: S101 - for mypy, which forgets it
        x = stripes[1] + 0.5 if far else stripes[0] - 0.5
        plan.block(f"kerb {far}", x - 0.5, x + 0.5)
        yield far, x, 0.0 if far else np.pi, ZEBRA_SIGN
    if cut is None:
        return
    for far in SIDES:
        # For those who drive along the street, before the side street.
        x = cut[1] + 2.0 if far else (stripes or cut)[0] - 2.5
        plan.block(f"kerb {far}", x - 0.5, x + 0.5)
        yield far, x, 0.0 if far else np.pi, PRIORITY_SIGN
        # For those who come out of it; at the kerb on their side of their way.
        corner = cut[0] - 0.45 if far else cut[1] + 0.45
        yield far, corner, plan.side(far) * np.pi / 2, STOP_SIGN


def _sign(plan: Plan, name: str, one: Sign, x: float, y: float, facing_rad: float) -> Body:
    model = sign(one.plate, one.size_m, 2.5 + one.size_m / 2)
    materials = {
        "face": surfaces.retro(one.colour, 0.5, one.retro),
        "back": surfaces.METAL,
        "post": surfaces.METAL,
    }
    turn = geometry.axis_angle((0, 0, 1), facing_rad)
    return Body(
        name,
        model.asset,
        tuple(materials[part] for part in model.parts),
        Motion.rest((x, y, plan.params.road.kerb_m), turn),
        category(plan.params, "sign"),
        attributes={"plate": one.plate},
    )


def poles(plan: Plan, tallest_m: float) -> Iterator[Body]:
    """Lamps and plain poles at the kerb; arms reach over the road.

    Raises:
        RejectedError: For an arm that hangs lower than the tallest vehicle, or no room.
    """
    for number, one in enumerate(plan.params.poles):
        if one.arm_m > 0 and one.height_m < tallest_m + 0.3:
            raise RejectedError("a lamp hangs lower than the tallest vehicle")
        x = plan.put(f"kerb {one.far}", "a pole", one.place * plan.params.length_m, 0.6)
        side = plan.side(one.far)
        model = lamp_post(round(one.height_m, 1), round(one.arm_m, 1), round(one.radius_m, 2))
        turn = geometry.axis_angle((0, 0, 1), -side * np.pi / 2)
        place = (x, side * (plan.kerb_m(one.far) + FURNITURE_M), plan.params.road.kerb_m)
        materials = {"post": surfaces.METAL, "head": surfaces.LAMP}
        yield Body(
            f"pole {number}",
            model.asset,
            tuple(materials[part] for part in model.parts),
            Motion.rest(place, turn),
            category(plan.params, "pole"),
        )


def trees(plan: Plan, rows: dict[bool, list[House]], tallest_m: float) -> Iterator[Body]:
    """Trees at the kerb and in gardens.

    Args:
        plan: The street.
        rows: Its houses.
        tallest_m: Height of the tallest vehicle.

    Raises:
        RejectedError: For a crown at the kerb that hangs too low, or no room at the kerb.
    """
    for number, one in enumerate(plan.params.trees):
        wanted = one.place * plan.params.length_m
        if one.garden:
            spot = _garden(plan, rows, one.far, wanted, one.crown_m)
            if spot is None:
                continue
            x, out = spot
        else:
            if plan.params.road.kerb_m + one.clear_m < tallest_m + 0.1:
                raise RejectedError("a crown hangs lower than the tallest vehicle")
            x = _kerbside(plan, rows, one, wanted)
            out = FURNITURE_M - plan.params.road.pavement_m
        model = grown(
            one.habit,
            *(round(v, 1) for v in (one.height_m, one.crown_m, one.clear_m)),
            round(one.leaf_density_m, 1),
            round(one.leaf_m, 2),
            one.variant,
        )
        y = plan.side(one.far) * (plan.outer_m(one.far) + out)
        leaf = surfaces.matt(one.colour, one.reflectance)
        yield Body(
            f"tree {number}",
            model.asset,
            tuple({"bark": surfaces.BARK, "leaf": leaf}[part] for part in model.parts),
            Motion.rest((x, y, plan.params.road.kerb_m)),
            category(plan.params, "tree"),
            attributes={"at": "garden" if one.garden else "kerb"},
        )


def _kerbside(plan: Plan, rows: dict[bool, list[House]], one: Tree, wanted: float) -> float:
    """A place at the kerb where the crown meets neither facade nor garden hedge."""
    room = plan.params.road.pavement_m - FURNITURE_M
    tight = tuple(
        Stretch((h.low_m + h.high_m) / 2, h.high_m - h.low_m)
        for h in rows[one.far]
        if room + h.building.setback_m < one.crown_m / 2 + 0.2
    )
    # A wide crown hangs over the gardens: it keeps off what grows there.
    garden = plan.taken.setdefault(f"garden {one.far}", [])
    hangs = one.crown_m / 2 > room + BEHIND_M - 0.2
    also = (*tight, *garden) if hangs else tight
    x = plan.room(f"kerb {one.far}", wanted, one.crown_m, also=also)
    if x is None:
        raise RejectedError("no room for a tree")
    if hangs:
        garden.append(Stretch(x, one.crown_m))
    return x


def bushes(plan: Plan, rows: dict[bool, list[House]]) -> Iterator[Body]:
    """Bushes in gardens; without a class."""
    for number, one in enumerate(plan.params.bushes):
        spot = _garden(plan, rows, one.far, one.place * plan.params.length_m, one.size_m[0])
        if spot is not None:
            yield _bush(plan, number, one, *spot)


def _bush(plan: Plan, number: int, one: Bush, x: float, out: float) -> Body:
    model = bushy(round(one.size_m[0], 1), round(one.size_m[1], 1), one.variant)
    y = plan.side(one.far) * (plan.outer_m(one.far) + out)
    leaf = surfaces.matt(one.colour, one.reflectance)
    return Body(
        f"bush {number}", model.asset, (leaf,), Motion.rest((x, y, plan.params.road.kerb_m))
    )


def _garden(
    plan: Plan, rows: dict[bool, list[House]], far: bool, wanted: float, across_m: float
) -> tuple[float, float] | None:
    """A free place in a garden: along the street, and from the pavement outwards."""
    best = None
    for house in rows[far]:
        if house.building.setback_m < across_m + BEHIND_M + 0.2:
            continue
        low, high = house.low_m + 0.1, house.high_m - 0.1
        if high - low < across_m:
            continue
        middle = min(max(wanted, low + across_m / 2), high - across_m / 2)
        if best is None or abs(middle - wanted) < abs(best[0] - wanted):
            best = middle, (low, high)
    if best is None:
        return None
    x = plan.room(f"garden {far}", wanted, across_m, ends_m=best[1])
    return None if x is None else (x, BEHIND_M + across_m / 2)


def category(params: StreetParams, name: str) -> str | None:
    """The class of a piece of scenery, where it has one."""
    return name if params.classes == "all" else None


@lru_cache(maxsize=16)
def _offer(settings: str) -> tuple[tuple[AssetRef, ...], dict[str, str]]:
    meshes = Meshes.model_validate_json(settings)
    refs = scan(meshes.folder, meshes.scale)
    return refs, categorise({ref.name: ref.category for ref in refs}, meshes.categories)


def mesh_classes(meshes: Meshes | None) -> tuple[str, ...]:
    """Classes of a folder of meshes, sorted: the same for every sample."""
    return (
        () if meshes is None else tuple(sorted(set(_offer(meshes.model_dump_json())[1].values())))
    )


def objects(plan: Plan) -> Iterator[Body]:
    """Meshes from a folder, in the middle of the pavements.

    Raises:
        ConfigError: Where no folder is given.
        RejectedError: For one that is too wide for the pavement, or has no room.
    """
    params = plan.params
    if not params.objects:
        return
    if params.meshes is None:
        raise ConfigError(
            "`objects` need a folder of meshes",
            f"{len(params.objects)} objects, meshes: null",
            "give `meshes.folder`",
        )
    refs, classes = _offer(params.meshes.model_dump_json())
    for number, one in enumerate(params.objects):
        ref = refs[min(int(one.pick * len(refs)), len(refs) - 1)]
        loaded = ref.load(params.meshes.max_texture_px)
        low, high = loaded.asset.bounds_m
        centre, across = (low + high) / 2, float(np.hypot(*(high - low)[:2]))
        free = params.road.pavement_m - FURNITURE_M - 0.4
        if across > free:
            raise RejectedError("an object is too wide for the pavement")
        x = plan.put(
            f"walk {one.far} {False}", "an object", one.place * params.length_m, across,
            gap_m=0.5,
        )  # fmt: skip
        plan.block(f"walk {one.far} {True}", x - across / 2, x + across / 2)
        side, turn = plan.side(one.far), geometry.axis_angle((0, 0, 1), one.turn_rad)
        y = side * (plan.outer_m(one.far) - free / 2)
        # The middle of its underside goes to its place.
        origin = np.array([x, y, params.road.kerb_m]) - geometry.matrix(turn) @ [
            centre[0],
            centre[1],
            low[2],
        ]
        materials = loaded.materials
        if params.meshes.reflectance is not None:
            materials = tuple(
                replace(m, laser=replace(m.laser, reflectance=params.meshes.reflectance))
                for m in materials
            )
        yield Body(
            f"object {number}",
            loaded.asset,
            materials,
            Motion.rest(origin, turn),
            classes[ref.name],
            attributes={"asset": ref.name},
        )
