"""Frames, rotations and rigid transforms.

World: right-handed, z up, metres. Camera: OpenCV's, x right, y down, z forward.
Quaternions are (x, y, z, w), unit length. A pose maps body coordinates to world
coordinates: `x_world = R @ x_body + t`. Image coordinates: pixel centres have
integer coordinates, so the image covers [-0.5, W - 0.5] x [-0.5, H - 0.5].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def unit(v: ArrayLike) -> Array:
    """Scale vectors (..., n) to length one."""
    v = np.asarray(v, dtype=np.float64)
    length: Array = np.sqrt(np.einsum("...i,...i->...", v, v))
    return v / length[..., None]


def cross(a: Array, b: Array) -> Array:
    """Cross products of rows (n, 3); `np.cross` takes five times as long for a few hundred."""
    found = np.empty(a.shape)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        found[:, i] = a[:, j] * b[:, k] - a[:, k] * b[:, j]
    return found


def matrix(quaternion: ArrayLike) -> Array:
    """Rotation matrices (..., 3, 3) of unit quaternions (..., 4)."""
    q = np.asarray(quaternion, dtype=np.float64)
    x, y, z, w = (q[..., i] for i in range(4))
    turn = np.empty((*q.shape[:-1], 3, 3))
    turn[..., 0, 0], turn[..., 0, 1] = 1 - 2 * (y * y + z * z), 2 * (x * y - z * w)
    turn[..., 0, 2], turn[..., 1, 0] = 2 * (x * z + y * w), 2 * (x * y + z * w)
    turn[..., 1, 1], turn[..., 1, 2] = 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)
    turn[..., 2, 0], turn[..., 2, 1] = 2 * (x * z - y * w), 2 * (y * z + x * w)
    turn[..., 2, 2] = 1 - 2 * (x * x + y * y)
    return turn


def quaternion(rotation: ArrayLike) -> Array:
    """Unit quaternion (4,) with w >= 0 of one rotation matrix (3, 3)."""
    m = np.asarray(rotation, dtype=np.float64)
    # The eigenvector of the largest eigenvalue is stable for every rotation (Bar-Itzhack 2000).
    k = np.array(
        [
            [m[0, 0] - m[1, 1] - m[2, 2], 0, 0, 0],
            [m[0, 1] + m[1, 0], m[1, 1] - m[0, 0] - m[2, 2], 0, 0],
            [m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], m[2, 2] - m[0, 0] - m[1, 1], 0],
            [m[2, 1] - m[1, 2], m[0, 2] - m[2, 0], m[1, 0] - m[0, 1], np.trace(m)],
        ]
    )
    q: Array = np.linalg.eigh(k)[1][:, -1]
    return q if q[3] >= 0 else -q


def axis_angle(axis: ArrayLike, angle_rad: float) -> Array:
    """Quaternion (4,) of a turn by `angle_rad` about `axis`."""
    return np.append(unit(axis) * np.sin(angle_rad / 2), np.cos(angle_rad / 2))


def multiply(a: ArrayLike, b: ArrayLike) -> Array:
    """Quaternion product: the rotation `b`, then `a`; shapes (..., 4)."""
    ax, ay, az, aw = np.moveaxis(np.asarray(a, dtype=np.float64), -1, 0)
    bx, by, bz, bw = np.moveaxis(np.asarray(b, dtype=np.float64), -1, 0)
    return np.stack(
        [
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ],
        axis=-1,
    )


def slerp(a: ArrayLike, b: ArrayLike, t: ArrayLike) -> Array:
    """Interpolate unit quaternions (..., 4) on the shorter arc; `t` (...) in [0, 1]."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    t = np.asarray(t, dtype=np.float64)[..., None]
    cosine = np.sum(a * b, axis=-1, keepdims=True)
    b = np.where(cosine < 0, -b, b)
    angle = np.arccos(np.clip(np.abs(cosine), 0, 1))
    small = angle < 1e-6
    sine = np.where(small, 1, np.sin(angle))
    wa = np.where(small, 1 - t, np.sin((1 - t) * angle) / sine)
    wb = np.where(small, t, np.sin(t * angle) / sine)
    return unit(wa * a + wb * b)


def look_at(
    eye: ArrayLike, target: ArrayLike, up: ArrayLike = (0, 0, 1), roll_rad: float = 0
) -> Array:
    """Quaternion (4,) of a camera at `eye` whose z axis meets `target`.

    Image "up" points along `up`; where the view is parallel to `up`, along world y.
    `roll_rad` then turns the camera about its z axis.
    """
    forward = unit(np.subtract(target, eye))
    right = np.cross(forward, np.asarray(up, dtype=np.float64))
    if np.linalg.norm(right) < 1e-9:
        right = np.cross(forward, (0.0, 1.0, 0.0))
    right = unit(right)
    down = np.cross(forward, right)
    turn = axis_angle((0, 0, 1), roll_rad)
    return multiply(quaternion(np.stack([right, down, forward], axis=1)), turn)
