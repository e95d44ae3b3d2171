"""From repeated scans to a `lidar:` section of a config."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from evaluation.calibrate.lidar.gain import GainLaw, fit_gain, jumps_of
from evaluation.calibrate.lidar.law import NoiseLaw, Pairs, fit_law, pairs_of, snr
from evaluation.calibrate.lidar.repeats import Repeats, match
from evaluation.calibrate.lidar.scans import Scans
from evaluation.calibrate.lidar.weak import Reach, fit_reach, insides_of
from simgen.rng import Key

Array = NDArray[np.float64]
WITHIN = 0.6826894921370859  # share of a normal law within one deviation
GATE_M = 0.05  # width of the zone above a nearest range, in which flicker shows a limit
GATE_TIMES = 3.0  # more flicker there than elsewhere
DRAWS = 40
UNTOLD = (
    "The scale and power of the intensity need targets of known reflectance; they are left as "
    "they are."
)


@dataclass(frozen=True, eq=False)
class Response:
    """How readings repeat.

    Attributes:
        sigma: Spread of a reading over its value, on readings from 10 to 95.
        draws: (d,) the same from draws of blocks.
        top: Largest reading.
        above: Share of returns with readings above 100.
    """

    sigma: float
    draws: Array
    top: float
    above: float


@dataclass(frozen=True, eq=False)
class LidarCalibration:
    """What repeated scans tell of a LiDAR.

    Attributes:
        scans: What was measured.
        repeats: Directions met again.
        law: Range noise.
        response: Repeatability of readings.
        gain: Losses to jumps of the reading; None where there are none.
        reach: How far it sees.
        min_range_m: Nearest return.
        gated: Whether flicker at the nearest range shows that it is the sensor's limit.
        max_range_m: What the ratio of signal to noise is scaled by.
        reference: Reflectance that this is for.
        threshold: Least ratio that is reported, an assumption of the scale.
    """

    scans: Scans
    repeats: Repeats
    law: NoiseLaw
    response: Response
    gain: GainLaw | None
    reach: Reach
    min_range_m: float
    gated: bool
    max_range_m: float
    reference: float
    threshold: float

    @property
    def limits(self) -> tuple[str, ...]:
        """What these scans cannot tell, in sentences."""
        said = [UNTOLD]
        if self.reach.limit:
            said.append(
                "No surface was weak enough to be lost for that: the longest range is "
                f"{self.reach.max_range_m:.0f} m or more for a reflectance of "
                f"{self.reference:g}; {self.max_range_m:g} m was taken."
            )
        if self.reach.rate > 0:
            said.append(
                f"{self.reach.rate:.2%} of pulses inside surfaces were lost for no reason that "
                "is modelled."
            )
        if self.law.near_is_bound:
            said.append(
                f"Power does not fall with range as far as surfaces were seen: `near_m` is "
                f"{self.law.near_m:.0f} m or more."
            )
        if not self.gated:
            said.append(
                f"Nothing shows that {self.min_range_m:g} m, the nearest return, is the "
                "sensor's limit: `min_range_m` is left as it is."
            )
        if self.gain is None:
            said.append("Too few echoes were lost to jumps of the reading to tell a law of it.")
        return tuple(said)

    def settings(self) -> dict[str, object]:
        """A piece of a config."""
        return {"lidar": self.section()}

    def section(self) -> dict[str, object]:
        """A `lidar:` section: a normal distribution a number, its width the standard error.

        Power and near range go with the scale of the noise so closely that they are held; the
        scale's width is what the draws leave at a typical ratio.
        """
        law, wide = self.law, self.law.widening
        noise: dict[str, object] = {
            "threshold_snr": self.threshold,
            "energy_sigma": _spread(self.response.sigma, self.response.draws),
            "range_floor_m": _spread(wide * law.floor_m, wide * law.draws[:, 0]),
            "range_snr_m": _spread(wide * law.snr_m, wide * self._scales()),
            "range_snr_power": _short(law.power),
            "range_step_m": law.step_m,
            "near_m": _short(law.near_m),
            "azimuth_jitter_rad": _spread(law.jitter_rad, law.draws[:, 5]),
        }
        if self.gain is not None:
            g = self.gain
            noise["gain_steps"] = [_short(g.up), _short(g.down)]
            noise["gain_spreads"] = [_short(g.up_spread), _short(g.down_spread)]
        found: dict[str, object] = {
            "max_range_m": self.max_range_m,
            "reference_reflectance": self.reference,
            "noise": noise,
        }
        if not self.reach.limit:
            found["max_range_m"] = _spread(self.reach.max_range_m, self.reach.draws)
        if self.gated:
            found["min_range_m"] = _short(self.min_range_m)
        return found

    def write(self, path: Path, source: str) -> None:
        """Write the fragment, with what it was measured on and what it cannot tell above it."""
        turns = len(self.scans.revolutions)
        lines = [f"Measured on {turns} revolutions of {source}: {self.law.pairs} repeats.",
                 *self.limits, "In a config: extends: [room, THIS FILE]"]  # fmt: skip
        head = "".join(f"# {line}\n" for line in lines)
        path.write_text(head + yaml.safe_dump(self.settings(), sort_keys=False), encoding="utf-8")

    def facts(self) -> dict[str, object]:
        """The numbers, plain data; pairs are a value and its standard error."""
        r, law = self.repeats, self.law
        found: dict[str, object] = {
            "revolutions": len(self.scans.revolutions),
            "directions": int(r.ever.size),
            "median_sd_m": _short(float(np.nanmedian(r.sd_m()))),
            "flicker": _short(1 - r.always.sum() / r.ever.sum()),
            "return_rate": _short(float(r.returned.mean())),
            "repeats": law.pairs,
            "range_floor_m": _pair(law.floor_m, law.draws[:, 0]),
            "range_snr_m": _pair(law.snr_m, self._scales()),
            "range_snr_power": _pair(law.power, law.draws[:, 2]),
            "near_m": _pair(law.near_m, law.draws[:, 3]),
            "azimuth_jitter_rad": _pair(law.jitter_rad, law.draws[:, 5]),
            "outliers": _pair(law.outliers, law.draws[:, 4]),
            "range_step_m": law.step_m,
            "reading_sigma": _pair(self.response.sigma, self.response.draws),
            "readings_above_100": _short(self.response.above),
            "lost_inside": _short(self.reach.rate),
        }
        if self.gain is not None:
            g = self.gain
            found["gain_steps"] = [_short(g.up), _short(g.down)]
            found["gain_spreads"] = [_short(g.up_spread), _short(g.down_spread)]
            found["lost_to_jumps"] = [g.lost, g.jumps]
        key = "max_range_at_least_m" if self.reach.limit else "max_range_m"
        found[key] = _short(self.reach.max_range_m)
        found["cannot tell"] = list(self.limits)
        return found

    def _scales(self) -> Array:
        """Draws of `range_snr_m`, at the power and near range that are held."""
        law, r = self.law, self.repeats
        here = np.isfinite(r.typical_range_m())
        at = r.typical_range_m()[here], r.typical_intensity()[here]
        typical = float(np.median(snr(law.top, law.near_m, *at)))
        shares = []
        for _, scale, power, near, *_ in law.draws:
            ratio = float(np.median(snr(law.top, near, *at)))
            shares.append(scale * ratio**-power)
        scales: Array = np.array(shares) * typical**law.power
        return scales


def calibrate_lidar(
    scans: Scans,
    key: Key,
    max_range_m: float = 100.0,
    reference: float = 0.1,
    threshold: float = 6.0,
    draws: int = DRAWS,
) -> LidarCalibration:
    """Measure noise, losses and readings on repeated scans of a still scene.

    Args:
        scans: Two revolutions or more.
        key: Stream of the bootstraps.
        max_range_m: From the data sheet: where the reference reflectance is seen half the time.
        reference: What the data sheet calls that.
        threshold: Least ratio of signal to noise that is reported.
        draws: Draws of blocks, each.

    Raises:
        CaptureError: When there are too few repeats inside surfaces.
    """
    repeats, pairs = match(scans), pairs_of(scans)
    top = threshold * max_range_m**2 / reference
    law = fit_law(pairs, top, key / "law", draws)
    response = _response(pairs, scans, key / "response", draws)
    reach = fit_reach(
        insides_of(scans), law.near_m, response.sigma, reference, threshold, key / "reach", draws
    )
    nearest, gated = _gate(repeats)
    return LidarCalibration(
        scans, repeats, law, response, fit_gain(jumps_of(scans), key / "gain", draws), reach,
        nearest, gated, max_range_m, reference, threshold,
    )  # fmt: skip


def _response(pairs: Pairs, scans: Scans, key: Key, draws: int) -> Response:
    inside = (pairs.intensity > 10) & (pairs.intensity < 95)
    values = np.concatenate([t.intensity[t.range_m > 0] for t in scans.revolutions])
    change, level = np.diff(pairs.reading[inside])[:, 0], pairs.intensity[inside]

    def sigma(change: Array, level: Array) -> float:
        wide = float(np.quantile(np.abs(change) / level, WITHIN)) ** 2 / 2
        rounding = float(np.mean(1 / (12 * level**2)))
        return float(np.sqrt(max(wide - rounding, 0.0)))

    if inside.sum() < 50:
        return Response(0.0, np.zeros(0), float(values.max()), float((values > 100).mean()))
    rng = key.generator()
    block = pairs.block[inside]
    rows = [np.flatnonzero(block == name) for name in np.unique(block)]
    found = []
    for _ in range(draws):
        chosen = np.concatenate([rows[k] for k in rng.integers(0, len(rows), len(rows))])
        found.append(sigma(change[chosen], level[chosen]))
    above = float((values > 100).mean())
    return Response(sigma(change, level), np.array(found), float(values.max()), above)


def _gate(repeats: Repeats) -> tuple[float, bool]:
    """The nearest return, and whether flicker right above it shows a limit."""
    near = repeats.range_m[repeats.returned].min()
    where = repeats.typical_range_m()
    zone = repeats.ever & (where < near + GATE_M)
    flicker = repeats.ever & ~repeats.always
    rest = flicker[repeats.ever & ~zone].mean()
    return float(near), bool(zone.sum() > 20 and flicker[zone].mean() > GATE_TIMES * rest)


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _pair(value: float, draws: Array) -> list[float]:
    error = float(np.std(draws, ddof=1)) if len(draws) > 1 else float("nan")
    return [_short(value), float(f"{error:.3g}")]


def _spread(value: float, draws: Array) -> object:
    error = float(np.std(draws, ddof=1)) if len(draws) > 1 else 0.0
    if not error > 0:
        return _short(value)
    return {
        "normal": {
            "mean": _short(value),
            "std": float(f"{error:.3g}"),
            "low": _short(max(value - 3 * error, 0.0)),
            "high": _short(value + 3 * error),
        }
    }
