"""Primitives against closed forms, and trimesh's opinion on whether they are solids."""

from __future__ import annotations

from math import pi

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st

from simgen.assets import primitives
from simgen.errors import AssetError
from simgen.spec import Asset

SIZES = st.tuples(*[st.floats(0.005, 0.5)] * 3)


def mesh_of(asset: Asset) -> trimesh.Trimesh:
    mesh = trimesh.Trimesh(asset.vertices_m, asset.faces, process=False)
    mesh.merge_vertices(merge_tex=True, merge_norm=True)
    return mesh


def rounded_forms(size: tuple[float, float, float], r: float) -> tuple[float, float]:
    """Volume and area of a box whose edges are rounded (Steiner's formula)."""
    a, b, c = (s - 2 * r for s in size)
    volume = a * b * c + 2 * r * (a * b + b * c + c * a) + pi * r**2 * (a + b + c)
    area = 2 * (a * b + b * c + c * a) + 2 * pi * r * (a + b + c) + 4 * pi * r**2
    return volume + 4 / 3 * pi * r**3, area


ALL = [
    primitives.box((0.1, 0.2, 0.3)),
    primitives.slab((1.0, 2.0), 0.05),
    primitives.rounded_box((0.016, 0.02, 0.03), 0.002),
    primitives.sphere(0.1),
    primitives.cylinder(0.1, 0.3),
    primitives.capsule(0.1, 0.5),
    primitives.tray((0.3, 0.2), 0.01, 0.05),
]


@pytest.mark.parametrize("asset", ALL, ids=lambda a: a.name)
def test_is_a_closed_solid_that_faces_outwards(asset: Asset) -> None:
    mesh = mesh_of(asset)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 0
    assert mesh.area_faces.min() > 0
    assert asset.part.shape == (len(asset.faces),)
    assert asset.faces.dtype == np.int32
    assert asset.vertices_m.dtype == np.float64


@pytest.mark.parametrize("asset", [a for a in ALL if a.normals is not None], ids=lambda a: a.name)
def test_normals_are_unit_and_near_those_of_the_faces(asset: Asset) -> None:
    assert asset.normals is not None
    np.testing.assert_allclose(np.linalg.norm(asset.normals, axis=1), 1, atol=1e-6)
    face = mesh_of(asset).face_normals
    agree = np.einsum("fi,fki->fk", face, asset.normals[asset.faces])
    assert agree.min() > np.cos(np.radians(15))


def test_turned_inside_out_is_told() -> None:
    asset = primitives.box((1, 1, 1))
    mesh = trimesh.Trimesh(asset.vertices_m, asset.faces[:, ::-1], process=False)
    assert mesh.volume < 0


@given(size=SIZES, share=st.floats(0.05, 0.45))
@settings(deadline=None, max_examples=25)
def test_rounded_box_has_the_volume_and_area_of_the_closed_form(
    size: tuple[float, float, float], share: float
) -> None:
    radius = share * min(size)
    asset = primitives.rounded_box(size, radius, 8)
    mesh = mesh_of(asset)
    volume, area = rounded_forms(size, radius)
    # Inscribed: never larger; 16 pieces a quarter turn.
    assert volume * (1 - 0.004) < mesh.volume <= volume * (1 + 1e-9)
    assert area * (1 - 0.004) < mesh.area <= area * (1 + 1e-9)
    np.testing.assert_allclose(asset.bounds_m, [-np.array(size) / 2, np.array(size) / 2])
    assert mesh.is_watertight


def test_rounded_box_converges_with_the_square_of_the_segments() -> None:
    size, radius = (0.016, 0.02, 0.03), 0.004
    volume, _ = rounded_forms(size, radius)
    error = [
        1 - mesh_of(primitives.rounded_box(size, radius, n)).volume / volume for n in (4, 8, 16)
    ]
    assert error[0] / error[1] == pytest.approx(4, rel=0.05)
    assert error[1] / error[2] == pytest.approx(4, rel=0.05)


def test_rounded_box_is_flat_on_its_sides_and_exact_on_its_edges() -> None:
    size, r = np.array([0.4, 0.5, 0.6]), 0.1
    asset = primitives.rounded_box((0.4, 0.5, 0.6), r, 3)
    # Each vertex is `r` from the inner box, along its normal.
    core = np.clip(asset.vertices_m, -(size / 2 - r), size / 2 - r)
    assert asset.normals is not None
    np.testing.assert_allclose(asset.vertices_m - core, r * asset.normals, atol=1e-7)
    flat = np.abs(asset.normals).max(axis=1) > 1 - 1e-7
    assert flat.sum() == 24
    assert len(np.unique(np.round(asset.vertices_m, 9), axis=0)) == len(asset.vertices_m)


@pytest.mark.parametrize("n", [8, 33, 64])
def test_cylinder_is_a_prism(n: int) -> None:
    r, h = 0.2, 0.7
    mesh = mesh_of(primitives.cylinder(r, h, n))
    base = 0.5 * n * r**2 * np.sin(2 * pi / n)
    assert mesh.volume == pytest.approx(base * h, rel=1e-9)
    assert mesh.area == pytest.approx(2 * base + 2 * n * r * np.sin(pi / n) * h, rel=1e-9)


def test_sphere_and_capsule_converge_to_the_closed_form() -> None:
    for make, volume, area in (
        (lambda n: primitives.sphere(0.1, n), 4 / 3 * pi * 0.1**3, 4 * pi * 0.1**2),
        (
            lambda n: primitives.capsule(0.1, 0.5, n),
            4 / 3 * pi * 0.1**3 + pi * 0.1**2 * 0.3,
            4 * pi * 0.1**2 + 2 * pi * 0.1 * 0.3,
        ),
    ):
        meshes = [mesh_of(make(n)) for n in (32, 64, 128)]
        error = [1 - m.volume / volume for m in meshes]
        assert error[0] / error[1] == pytest.approx(4, rel=0.05)
        assert error[1] / error[2] == pytest.approx(4, rel=0.05)
        assert meshes[2].area == pytest.approx(area, rel=2e-3)


def test_box_has_a_unit_square_of_texture_on_each_side() -> None:
    asset = primitives.box((0.1, 0.2, 0.3))
    mesh = mesh_of(asset)
    assert mesh.volume == pytest.approx(0.006)
    assert mesh.area == pytest.approx(0.22)
    assert asset.uv is not None
    corners = asset.uv[asset.faces]
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    # Half a square each, and not mirrored.
    np.testing.assert_allclose((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2, 0.5)


def test_slab_is_under_the_ground_plane() -> None:
    asset = primitives.slab((1.0, 2.0), 0.05)
    np.testing.assert_allclose(asset.bounds_m, [[-0.5, -1, -0.05], [0.5, 1, 0]])
    assert asset.collision == "box"


def test_tray_has_its_four_parts() -> None:
    x, y, wall, height = 0.3, 0.2, 0.01, 0.05
    asset = primitives.tray((x, y), wall, height)
    mesh = mesh_of(asset)
    outer = (x + 2 * wall) * (y + 2 * wall)
    assert mesh.volume == pytest.approx(outer * (height + wall) - x * y * height)
    area = {
        name: mesh.area_faces[asset.part == k].sum() for k, name in enumerate(primitives.TRAY_PARTS)
    }
    assert area["floor"] == pytest.approx(x * y)
    assert area["inner wall"] == pytest.approx(2 * (x + y) * height)
    assert area["rim"] == pytest.approx(outer - x * y)
    assert area["outer wall"] == pytest.approx(outer + 2 * (x + y + 4 * wall) * (height + wall))
    floor = mesh.triangles_center[asset.part == 0]
    np.testing.assert_allclose(floor[:, 2], 0)
    assert asset.collision == "mesh"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: primitives.box((1, -1, 1)), "`size_m.y > 0` must hold; got -1"),
        (lambda: primitives.sphere(float("nan")), "`radius_m > 0` must hold; got nan"),
        (lambda: primitives.rounded_box((1, 1, 1), 0.5), "`radius_m < min(size_m) / 2` must hold"),
        (lambda: primitives.rounded_box((1, 1, 1), 0.1, 0), "`segments >= 1` must hold; got 0"),
        (lambda: primitives.capsule(1, 2), "`height_m > 2 * radius_m` must hold"),
        (lambda: primitives.cylinder(1, 1, 2), "`segments >= 3` must hold; got 2"),
        (lambda: primitives.tray((1, 1), 0, 1), "`wall_m > 0` must hold; got 0"),
    ],
)
def test_refuses_what_is_no_solid(make: object, said: str) -> None:
    with pytest.raises(AssetError) as fault:
        make()  # type: ignore[operator]
    assert said in str(fault.value)
