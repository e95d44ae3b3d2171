"""How densely to look at a moving scene, so that nothing an event camera sees is skipped."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from simgen.errors import SimgenError
from simgen.sensors.event.light import Levels, levels, share_changed
from simgen.sensors.event.params import EventParams

Shot = tuple[float, NDArray[np.floating], Levels]


def adaptive_frames(
    render: Callable[[float], NDArray[np.floating]],
    params: EventParams,
    start_s: float,
    end_s: float,
    *,
    limit_ln: float,
    longest_s: float,
    shortest_s: float,
    share: float = 0.0,
) -> Iterator[tuple[float, NDArray[np.floating]]]:
    """Images (time_s, radiance) from `start_s` to `end_s`, closer where the light changes.

    The span is cut into equal intervals of `longest_s` or less; one over which the response of
    more than `share` of the pixels changes by more than `limit_ln` is halved, again and again.
    No image is rendered in vain, and not more than `log2(longest_s / shortest_s) + 2` are held.

    The bound: between neighbours no pixel but a `share` changes by more than `limit_ln`,
    unless halving them would come below `shortest_s`. The time stamp of an event is then wrong
    by less than the interval that it lies in. What comes and goes again within one interval is
    not seen, so `longest_s` must be shorter than the shortest flash, and than the time in
    which the narrowest thing passes a pixel. A sharp edge jumps however short the interval:
    with a share of 0 it drives all intervals to the shortest.

    Args:
        render: Radiance (H, W) or (H, W, 3) at a time.
        params: The pixels, whose response is what must not jump.
        start_s: First image.
        end_s: Last image.
        limit_ln: Largest change between two images, such as half a threshold.
        longest_s: Longest interval.
        shortest_s: Shortest interval.
        share: Pixels that may change by more, 0 to 1.

    Raises:
        SimgenError: When the span or a limit is not positive, or the intervals are in
            the wrong order.
    """
    _check(start_s, end_s, limit_ln, longest_s, shortest_s, share)
    count = math.ceil((end_s - start_s) / longest_s * (1 - 1e-12))
    each = (end_s - start_s) / count
    depth = max(0, math.floor(math.log2(each / shortest_s) + 1e-9))

    def shot(time_s: float) -> Shot:
        image = render(time_s)
        return time_s, image, levels(params, image, f"image at {time_s} s")

    before = shot(start_s)
    yield before[:2]
    for k in range(count):
        # What is to come, nearest last: an image and how often its interval was halved.
        ahead = [(shot(end_s if k == count - 1 else start_s + (k + 1) * each), 0)]
        while ahead:
            after, halved = ahead[-1]
            if halved < depth and share_changed(params, before[2], after[2], limit_ln) > share:
                ahead[-1] = after, halved + 1
                ahead.append((shot((before[0] + after[0]) / 2), halved + 1))
            else:
                before = ahead.pop()[0]
                yield before[:2]


def _check(
    start_s: float, end_s: float, limit_ln: float, longest_s: float, shortest_s: float, share: float
) -> None:
    if not end_s > start_s:
        raise SimgenError("`start_s < end_s` must hold", f"{start_s} and {end_s}")
    if not limit_ln > 0:
        raise SimgenError("`limit_ln` must be above 0", limit_ln, "half a threshold serves well")
    if not 0 < shortest_s <= longest_s:
        raise SimgenError(
            "`0 < shortest_s <= longest_s` must hold", f"{shortest_s} and {longest_s}"
        )
    if not 0 <= share < 1:
        raise SimgenError("`0 <= share < 1` must hold", share, "0 leaves no pixel out")
