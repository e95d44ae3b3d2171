"""The end of a run: one pre-registered test on the sealed part, and the winner's curse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from evaluation.alarm.contrasts import contrasts, estimate
from evaluation.alarm.scores import Array, ScoreError, summarise
from evaluation.alarm.state import State


def read_scores(path: Path) -> tuple[Array, Array]:
    """Scores of the first and the last setting on the sealed part, (K, n) each.

    Raises:
        ScoreError: The file does not hold them.
    """
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return np.array(plain["first"], dtype=float), np.array(plain["last"], dtype=float)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ScoreError(
            "sealed scores must be JSON with `first` and `last`", repr(error), where=str(path)
        ) from error


def sealed_test(
    state: State, first: Array, last: Array, confidence: float = 0.95
) -> dict[str, Any]:
    """Test whether the last setting is better than the first, and how much tuning flattered.

    Args:
        state: Where the run stands; its newest proxy is what the sealed score is held against.
        first: (K, n) scores of the first setting on the sealed part.
        last: (K, n) of the last one.
        confidence: Of the interval of the gain.

    Returns:
        Plain data: "gain" with its interval and p-value (one-sided, no gain), "score" of the
        last setting, "proxy", and "winners_curse", the proxy less the score.

    Raises:
        ScoreError: Scores cannot be used, or the run has no look.
    """
    if not state.looks:
        raise ScoreError("a run must have looked at its gate before its end", 0)
    summary = summarise([first, last])
    found = estimate(summary, contrasts(2))
    gain, error, df = (float(each[0, 0]) for each in (found.change, found.error, found.df))
    reach = float(stats.t.ppf(0.5 + confidence / 2, df)) * error
    score, proxy = float(summary.mean[0, 1]), state.looks[-1].proxy
    return {
        "gain": gain,
        "low": gain - reach,
        "high": gain + reach,
        "p_value": float(stats.t.sf(gain / error, df)) if error > 0 else float(gain <= 0),
        "score": score,
        "proxy": proxy,
        "winners_curse": proxy - score,
        "pictures": int(first.shape[1]),
    }
