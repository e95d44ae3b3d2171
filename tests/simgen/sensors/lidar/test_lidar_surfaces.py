"""How surfaces answer: Lambert, gloss and retro-reflection against Walter's formulas."""

import numpy as np
import pytest

from simgen.contracts.lidar_bench import Bench, ahead, fan, matt, plate, shining
from simgen.rng import Key
from simgen.sensors.lidar import Lidar
from simgen.sensors.lidar.receiver import least_power
from simgen.spec import ImageTexture, Laser, Material


def answered(material, incidence_rad, **settings):
    """Power times range squared of a plate at 20 m."""
    wall = plate("wall", (20, 0, 0), (4000, 4000), material, yaw_rad=incidence_rad)
    bench = Bench((wall,), ahead(), settings)
    points = bench.points(Key(0))
    params = bench.lidar(Key(0)).params
    power = points["snr"] / params.noise.threshold_snr * least_power(params)
    return float(power.sum()) * 20**2


def walter(incidence, reflectance, roughness):
    """pi f cos of Walter et al. 2007, light and view alike, in terms of tangents."""
    slope = roughness**2
    tangent = np.tan(incidence)
    spread = slope**2 / (np.pi * np.cos(incidence) ** 4 * (slope**2 + tangent**2) ** 2)
    shade = 2 / (1 + np.sqrt(1 + slope**2 * tangent**2))
    brdf = reflectance * spread * shade * shade / (4 * np.cos(incidence) ** 2)
    return np.pi * brdf * np.cos(incidence)


@pytest.mark.parametrize("degrees", [0, 20, 60, 85, 88])
@pytest.mark.parametrize(("reflectance", "roughness"), [(0.04, 0.9), (0.1, 0.5), (0.04, 0.2)])
def test_gloss_is_walters(degrees, reflectance, roughness):
    gloss = Material(specular=reflectance, roughness=roughness, laser=Laser(reflectance=0.0))
    told = answered(gloss, np.radians(degrees))
    expected = walter(np.radians(degrees), reflectance, roughness)
    assert told == pytest.approx(expected, rel=1e-3, abs=2e-9 * 20**2)


def test_rough_gloss_fades_where_the_light_grazes():
    """Without shading by facets it would grow without bound: 5 times at 88 degrees."""
    rough = Material(specular=0.04, roughness=0.9, laser=Laser(reflectance=0.0))
    powers = [answered(rough, np.radians(a)) for a in (0, 60, 80, 86, 88, 89)]
    assert (np.diff(powers) < 0).all()


@pytest.mark.parametrize("degrees", [0, 30, 80])
def test_matt_goes_as_the_cosine_and_retro_as_its_square(degrees):
    cosine = np.cos(np.radians(degrees))
    assert answered(matt(0.3), np.radians(degrees)) == pytest.approx(0.3 * cosine, rel=1e-4)
    retro = answered(shining(retro=50.0), np.radians(degrees))
    assert retro == pytest.approx(50 * cosine**2, rel=1e-4)


def test_what_is_mirrored_or_let_through_is_not_matt():
    shared = Material(specular=0.0, laser=Laser(0.8, mirror=0.25, clear=0.05))
    assert answered(shared, 0.0) == pytest.approx(0.7 * 0.8, rel=1e-4)


def test_the_reflectance_is_the_lasers_or_else_the_colours_mean():
    grey = Material((0.2, 0.4, 0.9), specular=0.0)
    assert answered(grey, 0.0) == pytest.approx(0.5, rel=1e-4)
    picture = ImageTexture(np.full((2, 2, 3), 10, np.uint8), "planar")
    told = Material((0.2, 0.4, 0.9), specular=0.0, texture=picture, laser=Laser(0.7))
    assert answered(told, 0.0) == pytest.approx(0.7, rel=1e-4)


def test_textures_are_asked_where_the_laser_hits():
    """One sweep over textured and plain bodies; the albedo is asked for the former alone."""
    picture = ImageTexture(np.full((2, 2, 3), 255, np.uint8), "planar")
    painted = Material((0.5, 0.5, 0.5), specular=0.0, texture=picture)
    asked = []

    def albedo(world, surface):
        asked.append(surface.body.tolist())
        return np.full(len(surface.ray), 0.25, np.float32)

    bodies = (
        plate("plain", (30, 0, 0), material=matt(0.5)),
        plate("left", (20, 5.1, 0), (10, 10), painted),
    )
    scanner = fan(np.radians([-6.0, 6.0, -3.0, 9.0]))
    made = Bench(bodies, scanner).lidar(Key(0))
    lidar = Lidar(made.params, scanner, made.state, made.world, made.ride.rig, albedo)
    points = lidar.sweep(0, 0.0, Key(1))["lidar"]
    assert asked == [[1, 1]]
    cosine = np.cos(points["incidence_rad"])
    told = points["snr"] * points["range_m"].astype(float) ** 2 / cosine
    np.testing.assert_allclose(told / told[0], [1, 0.5, 1, 0.5], rtol=1e-4)
