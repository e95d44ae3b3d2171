"""What a gate can see: the smallest fall it finds with a given chance, and the size for more."""

from __future__ import annotations

import math

from scipy import stats

from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import FEWEST_IMAGES, ScoreError


def student(critical: float, df: float) -> float:
    """Critical value of Student's law that a critical normal score stands for."""
    return float(stats.t.isf(stats.norm.sf(critical), df))


def detectable(error: float, critical: float, rule: Rule, df: float = math.inf) -> float:
    """Smallest real fall from an earlier checkpoint that is flagged with chance `rule.power`.

    `delta + (c + t_power) SE`: a fall of `delta` is tolerated, so it comes on top.

    Args:
        error: Standard error of a difference between two checkpoints.
        critical: Critical value at the checkpoint, a normal score.
        rule: What was registered.
        df: Degrees of freedom of the standard error.
    """
    return rule.delta + (student(critical, df) + float(stats.t.ppf(rule.power, df))) * error


def power_at(fall: float, error: float, critical: float, rule: Rule, df: float = math.inf) -> float:
    """Chance that a real fall between two checkpoints is flagged at the second."""
    if error <= 0:
        return 1.0 if fall > rule.delta else 0.0
    beyond = (fall - rule.delta) / error
    if math.isinf(df):
        return float(stats.norm.sf(critical - beyond))
    return float(stats.nct.sf(student(critical, df), df, beyond))


def pictures_needed(
    picture_sd: float, seed_sd: float, seeds: int, critical: float, rule: Rule
) -> int | None:
    """Gate pictures with which a fall of `delta + drop` is flagged with chance `rule.power`.

    Args:
        picture_sd: Standard deviation over pictures of a difference of two checkpoints.
        seed_sd: Standard deviation of the mean score between training seeds.
        seeds: Training seeds of a checkpoint.
        critical: Critical value, a normal score.
        rule: What was registered.

    Returns:
        None where no number is enough, since the training seeds alone hide such a fall.
    """
    allowed = (rule.drop / (critical + float(stats.norm.ppf(rule.power)))) ** 2
    left = allowed - 2 * seed_sd**2 / seeds
    return None if left <= 0 else math.ceil(picture_sd**2 / left)


def seeds_needed(seed_sd: float, critical: float, rule: Rule) -> int:
    """Training seeds with which half of the allowed variance is left to the pictures."""
    allowed = (rule.drop / (critical + float(stats.norm.ppf(rule.power)))) ** 2
    return max(2, math.ceil(4 * seed_sd**2 / allowed))


def require_power(
    picture_sd: float, seed_sd: float, pictures: int, seeds: int, critical: float, rule: Rule
) -> None:
    """Refuse a gate that would miss a fall of `delta + drop` more often than not.

    Args:
        picture_sd: See `pictures_needed`.
        seed_sd: See `pictures_needed`.
        pictures: Gate pictures.
        seeds: Training seeds of a checkpoint.
        critical: See `pictures_needed`.
        rule: What was registered.

    Raises:
        ScoreError: With the number of pictures, or of training seeds, that is needed.
    """
    error = math.sqrt(picture_sd**2 / pictures + 2 * seed_sd**2 / seeds)
    found = power_at(rule.delta + rule.drop, error, critical, rule)
    if found >= 0.5:
        return
    needed = pictures_needed(picture_sd, seed_sd, seeds, critical, rule)
    fall = rule.delta + rule.drop
    raise ScoreError(
        f"a gate must be able to see a fall of {fall:g}",
        f"{pictures} pictures and {seeds} training seeds, which would find it "
        f"{100 * found:.0f} times in 100",
        f"use at least {needed} gate pictures"
        if needed is not None
        else f"use at least {seeds_needed(seed_sd, critical, rule)} training seeds: their spread "
        f"of {seed_sd:.3f} alone hides it",
        "gate",
    )


def require_chance(pictures: int, rule: Rule, where: str = "gate") -> None:
    """Refuse a gate before any score is known, where nothing could save it.

    Its luck is taken to be the best: scores of two checkpoints differ from picture to picture
    by `rule.spread` alone, all trainings agree, and one comparison has the whole error rate.
    `require_power` knows the spreads and the number of comparisons, and refuses more.

    Args:
        pictures: Gate pictures.
        rule: What this gate may spend.
        where: Named in the error.

    Raises:
        ScoreError: With the number of pictures that is needed at the very least.
    """
    if pictures < FEWEST_IMAGES:
        raise ScoreError(
            f"a gate must hold at least {FEWEST_IMAGES} pictures", pictures,
            "take more captures, or give the gate a larger share", where,
        )  # fmt: skip
    critical = float(stats.norm.isf(rule.alpha))
    error = rule.spread / math.sqrt(pictures)
    fall = rule.delta + rule.drop
    found = power_at(fall, error, critical, rule)
    if found >= 0.5:
        return
    needed = pictures_needed(rule.spread, 0.0, 2, critical, rule)
    assert needed is not None  # noqa: S101 - trainings that agree hide nothing
    raise ScoreError(
        f"a gate must be able to see a fall of {fall:g}",
        f"{pictures} pictures, which would find it {100 * found:.0f} times in 100 even if scores "
        f"differed by {rule.spread:g} (standard deviation) from picture to picture and all "
        "trainings agreed",
        f"use {needed} gate pictures or more, or state a larger --drop than {rule.drop:g}: a fall "
        f"of {rule.delta:g} is tolerated beside it",
        where,
    )
