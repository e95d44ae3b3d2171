"""The measured gap in words that need no training in statistics, and nothing they do not say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.downstream import Estimate
from evaluation.gap import Gap

HEADLINE = "ap30"
"""The figure of the headline: found and named right, however tight the labellers' boxes are."""

MINUS = "\N{MINUS SIGN}"
_LARGE = 0.5  # standard deviations
_NOTHING = 0.05  # AP of a detector that has learnt nothing
_COARSE = 0.3  # a measurement that would miss this difference in AP says nothing
_NAMED = 3


@dataclass(frozen=True)
class Verdict:
    """What the gap comes to.

    Attributes:
        tone: "ahead", "level", "behind", or "distance" where no task was run.
        title: One sentence.
        sentences: What it rests on.
    """

    tone: str
    title: str
    sentences: tuple[str, ...]


def verdict(gap: Gap) -> Verdict:
    """Put the gap into words."""
    closing = (*_looks(gap), *_differs(gap))
    if not gap.arms:
        return Verdict("distance", _distance_title(gap), closing[1:] if _looks(gap) else closing)
    synthetic, real = gap.arms
    made, taken = synthetic.estimates[HEADLINE], real.estimates[HEADLINE]
    difference = gap.comparison[HEADLINE]
    tone, title = _task_title(made, taken, difference, _real(gap))
    first = (
        f"Average precision at IoU 0.3 on {len(gap.real.images)} {_real(gap)} pictures that "
        f"neither has seen: {_interval(made)} after training on {synthetic.trained_on}, "
        f"{_interval(taken)} after training on {real.trained_on}."
    )
    strict = (
        f"At IoU 0.5 it is {synthetic.estimates['ap50'].value:.2f} against "
        f"{real.estimates['ap50'].value:.2f}; "
        f"difference at IoU 0.3 {_signed(difference)}, over "
        f"{_seeds([len(arm.scores) for arm in gap.arms])}."
    )
    return Verdict(tone, title, (first, strict, *closing))


def smallest_seen(difference: Estimate) -> float:
    """A difference that this measurement would find 4 times in 5 (two-sided 5 %)."""
    half = (difference.high - difference.low) / 2
    return half / 1.96 * (1.96 + 0.84)


def _task_title(
    made: Estimate, taken: Estimate, difference: Estimate, real: str
) -> tuple[str, str]:
    if max(made.value, taken.value) < _NOTHING:
        return "level", "Neither training taught the detector anything: the budget was too small."
    if difference.low > 0:
        return "ahead", f"Synthetic pictures teach the detector more than {real} ones do."
    if difference.high < 0:
        share = made.value / taken.value
        return "behind", (
            f"Trained on synthetic pictures alone, the detector reaches {share:.0%} "
            f"of what {real} pictures teach it."
        )
    seen = smallest_seen(difference)
    if seen > _COARSE:
        return "level", (
            f"Too little was measured to tell synthetic from {real} training pictures apart."
        )
    return "level", (
        f"No difference was found between training on synthetic and on {real} pictures; "
        f"one below {seen:.2f} AP would easily have been missed."
    )


def _distance_title(gap: Gap) -> str:
    looks = _looks(gap)
    return looks[0] if looks else "The distances were measured; no task was run."


def _looks(gap: Gap) -> tuple[str, ...]:
    first = gap.distances[0]
    auc = first.results["auc"]
    floor = first.floor.get("auc")
    beside = (
        f" Pictures of another part of the {_real(gap)} captures: {floor.value:.2f}."
        if floor is not None
        else ""
    )
    scale = f"AUC {auc.value:.2f}, where 0.5 is guessing and 1 is always right"
    pair = f"synthetic from {_real(gap)} pictures"
    if auc.low <= 0.5:
        how = f"A simple classifier cannot tell {pair} ({scale})."
    else:
        often = "now and then" if auc.value < 0.9 else "easily"
        how = f"A simple classifier {often} tells {pair} ({scale})."
    return (how + beside,)


def _differs(gap: Gap) -> tuple[str, ...]:
    large = [each for each in gap.differences if each.sure and abs(each.d) >= _LARGE]
    if not large:
        return ("No simple statistic of pictures or labels differs by half a standard deviation.",)
    looks = [each.words for each in large if each.statistic.group == "picture"][:_NAMED]
    holds = [each.words for each in large if each.statistic.group == "labels"][:_NAMED]
    parts = [f"are {_and(looks)}"] if looks else []
    parts += [f"have {_and(holds)}"] if holds else []
    return (f"What differs most: the synthetic pictures {', and '.join(parts)}.",)


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _real(gap: Gap) -> str:
    return gap.options.real_word


def _seeds(counts: Sequence[int]) -> str:
    if len(set(counts)) == 1:
        return f"{counts[0]} training seed{'s' if counts[0] > 1 else ''} each"
    return f"{counts[0]} and {counts[1]} training seeds"


def _interval(one: Estimate) -> str:
    return f"{one.value:.2f} ({one.low:.2f} to {one.high:.2f})"


def _signed(one: Estimate) -> str:
    return f"{one.value:+.2f} ({one.low:+.2f} to {one.high:+.2f})".replace("-", MINUS)
