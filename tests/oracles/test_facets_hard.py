"""Facets where they are hardest: open meshes, any order of planes, rounded files."""

import dataclasses

import numpy as np
import pytest
from scene_kit import body, random_quaternion, scene

from simgen import geometry, world
from simgen.assets import primitives
from simgen.rays import Rays
from simgen.world import World

BOX = primitives.box((0.6, 0.4, 0.9))


def remade(shape, faces=None, vertices=None):
    faces = shape.faces if faces is None else faces
    return dataclasses.replace(
        shape,
        faces=np.ascontiguousarray(faces, np.int32),
        vertices_m=shape.vertices_m if vertices is None else vertices,
        part=np.zeros(len(faces), np.int32),
        uv=None,
        normals=None,
    )


def rays_from_all_about(seed, n=3000):
    rng = np.random.default_rng(seed)
    eye = geometry.unit(rng.standard_normal((1, 3))) * 1.3
    goals = rng.uniform(-0.7, 0.7, (n, 3))
    return Rays(eye, geometry.unit(goals - eye), np.zeros(1))


def both(spec, rays, monkeypatch):
    """Layers by facets and by trees."""
    facets = World(spec).layers(rays)
    monkeypatch.setattr(world, "_facets", lambda _: None)
    trees = World(spec).layers(rays)
    monkeypatch.undo()
    return facets, trees


def test_an_open_mesh_is_no_solid():
    assert BOX.closed
    assert BOX.convex
    for faces in (BOX.faces[:2], BOX.faces[2:], BOX.faces[:-1], BOX.faces[[0, 1, 6, 7]]):
        open_mesh = remade(BOX, faces)
        assert not open_mesh.closed
        assert not open_mesh.convex
        assert World(scene(body("b", open_mesh)))._facets[0] is None
    turned = remade(BOX, np.vstack([BOX.faces[:1, ::-1], BOX.faces[1:]]))
    assert not turned.closed  # a face that looks inwards


def test_the_inside_of_an_open_box_is_shaded_by_its_walls():
    lidless = remade(BOX, BOX.faces[np.abs(BOX.face_normals[:, 2] - 1) > 0.5])
    kernel = World(scene(body("bin", lidless)))
    up = np.array([[0.7, 0.0, 0.7]]) / np.sqrt(0.98)
    rays = Rays(np.array([[0.0, 0.0, -0.4]]), up, np.zeros(1))
    assert kernel.occluded(rays).all()


@pytest.mark.parametrize("seed", range(12))
def test_no_order_of_planes_invents_hits(seed, monkeypatch):
    """Closed solids with faces in any order: silhouettes and distances are the tree's."""
    rng = np.random.default_rng(seed)
    four = rng.uniform(-0.6, 0.6, (4, 3))
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    if np.linalg.det(four[1:] - four[0]) < 0:
        faces = faces[:, ::-1]
    for shape in (remade(BOX, rng.permutation(BOX.faces)), remade(BOX, faces, four)):
        assert shape.convex
        spec = scene(body("b", shape, (0, 0, 0), random_quaternion(rng)))
        (clipped,), (traced,) = both(spec, rays_from_all_about(seed), monkeypatch)
        assert np.isfinite(clipped.distance_m).all()
        assert len(np.setxor1d(clipped.ray, traced.ray)) <= 3  # grazing rays
        _, ours, theirs = np.intersect1d(clipped.ray, traced.ray, return_indices=True)
        np.testing.assert_allclose(clipped.distance_m[ours], traced.distance_m[theirs], atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_a_rounded_box_has_its_faces(seed, monkeypatch):
    """Coordinates as a file in single precision holds them, turned: the triangle that is met."""
    rng = np.random.default_rng(seed)
    turn = geometry.matrix(random_quaternion(rng))
    shape = remade(BOX, vertices=(BOX.vertices_m @ turn.T).astype(np.float32).astype(float))
    spec = scene(body("b", shape))
    (clipped,), (traced,) = both(spec, rays_from_all_about(seed), monkeypatch)
    _, ours, theirs = np.intersect1d(clipped.ray, traced.ray, return_indices=True)
    assert (clipped.face[ours] == traced.face[theirs]).mean() > 0.995
    weights = clipped.barycentric
    assert min(weights.min(), (1 - weights.sum(axis=1)).min()) > -1e-4
