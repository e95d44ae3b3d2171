"""The gap between clouds in words."""

from __future__ import annotations

from collections.abc import Sequence

from evaluation.clouds.gap import CloudGap, scenes
from evaluation.metrics import Result
from evaluation.verdict import Verdict

ALPHA = 0.05
_LARGE = 0.5  # standard deviations
_NAMED = 4


def cloud_verdict(gap: CloudGap) -> Verdict:
    """Put the gap into words."""
    sentences = []
    bands = _bands(gap)
    if gap.comparison is None:
        return Verdict("distance", bands[0], bands[1:])
    if gap.telling is None:
        title = "The distances were measured; no classifier was trained."
    else:
        title = _told(gap.telling.everything, "", gap)
        sentences.append(_told(gap.telling.sensor, " by roughness, grain, zeros and drop-out", gap))
        large = [each.words for each in gap.telling.differences
                 if each.sure and abs(each.d) >= _LARGE]  # fmt: skip
        sentences.append(
            f"What gives synthetic patches away: they are {_and(large[:_NAMED])}."
            if large
            else "No feature of patches differs by half a standard deviation."
        )
    sentences.append(_figures(gap))
    sentences.append(
        f"{len(gap.synthetic)} synthetic scans of {_places(scenes(gap.synthetic))}, "
        f"{len(gap.real)} {gap.options.real_word} scans of {_places(scenes(gap.real))}."
    )
    return Verdict("distance", title, (*sentences, *bands))


def judged(gap: CloudGap) -> tuple[Result, ...]:
    """What is tested: Wasserstein distances, quantiles and shares, but no single rings."""
    if gap.comparison is None:
        return ()
    spreads = [each.distances["w1"] for each in gap.comparison.spreads]
    return (*spreads, *(each.difference for each in gap.comparison.figures))


def differing(results: Sequence[Result]) -> list[str]:
    """Names of those that differ, by Holm's step-down procedure."""
    ordered = sorted(results, key=lambda each: each.p_value or 1.0)
    found = []
    for rank, each in enumerate(ordered):
        if (each.p_value or 1.0) * (len(ordered) - rank) >= ALPHA:
            break
        found.append(each.name.split(":")[0])
    return list(dict.fromkeys(found))


def _figures(gap: CloudGap) -> str:
    tested = judged(gap)
    found = differing(tested)
    least = gap.comparison.least_p if gap.comparison is not None else 0.0
    if least * len(tested) >= ALPHA:
        away = sum(each.low > 0 or each.high < 0 for each in tested)
        return (
            f"The intervals of {away} of {len(tested)} figures leave out 0; with so few places p "
            f"is at least {least:.3f}, and none could pass Holm's test."
        )
    return f"{len(found)} of {len(tested)} figures differ (p < {ALPHA} after Holm)" + (
        f": {_and(found)}." if found else "; no difference found is not equality."
    )


def _told(auc: Result, how: str, gap: CloudGap) -> str:
    scale = f"AUC {auc.value:.2f}, {auc.low:.2f} to {auc.high:.2f}, where 0.5 is guessing"
    pair = f"synthetic from {gap.options.real_word} patches{how}"
    if auc.p_value is None or auc.p_value >= ALPHA or auc.low <= 0.5:
        return f"A linear classifier was not found to tell {pair} ({scale})."
    return (
        f"A linear classifier {'easily' if auc.value >= 0.9 else 'often'} tells {pair} ({scale})."
    )


def _bands(gap: CloudGap) -> tuple[str, ...]:
    if gap.bands is None:
        return ()
    missed = [each.about for each in gap.checks if not each.passes]
    count = len(gap.checks)
    first = f"{count - len(missed)} of {count} figures lie in the bands of {gap.bands.title}."
    return (first, f"Outside: {_and(missed)}.") if missed else (first,)


def _places(count: int) -> str:
    return f"{count} place{'' if count == 1 else 's'}"


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
