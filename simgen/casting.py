"""The loops of the ray kernel: into a body's frame, and from what a tree says back out.

Poses come as positions (m, 3) and rotations (m, 3, 3) from body to world, with m = 1, or
one for each row where the body moves while rays are cast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simgen.compiled import compiled

Array = NDArray[np.float64]
Floats = NDArray[np.float32]
Indices = NDArray[np.intp]
Ints = NDArray[np.int32]


@compiled
def into_body(
    origins_m: Array,
    directions: Array,
    index: Indices,
    position_m: Array,
    turn: Array,
    centre_m: Array,
    radius_m: float,
) -> tuple[Floats, Floats, Array]:
    """Rays `index` (k,) in the frame of a body, moved up to its sphere.

    Args:
        origins_m: (n, 3) or (1, 3), world frame.
        directions: (n, 3), world frame.
        index: Which rays.
        position_m: Of the body's poses.
        turn: Of the body's poses.
        centre_m: Of its sphere, body frame.
        radius_m: Of its sphere.

    Returns:
        Origins and directions (k, 3), and how far along themselves the rays were moved (k,).
    """
    k, shared, still = len(index), len(origins_m) == 1, len(position_m) == 1
    origin, direction = np.empty((k, 3), np.float32), np.empty((k, 3), np.float32)
    start = np.empty(k)
    for row in range(k):
        i = index[row]
        o, m = 0 if shared else i, 0 if still else row
        x = origins_m[o, 0] - position_m[m, 0]
        y = origins_m[o, 1] - position_m[m, 1]
        z = origins_m[o, 2] - position_m[m, 2]
        u, v, w = directions[i, 0], directions[i, 1], directions[i, 2]
        a = x * turn[m, 0, 0] + y * turn[m, 1, 0] + z * turn[m, 2, 0]
        b = x * turn[m, 0, 1] + y * turn[m, 1, 1] + z * turn[m, 2, 1]
        c = x * turn[m, 0, 2] + y * turn[m, 1, 2] + z * turn[m, 2, 2]
        d = u * turn[m, 0, 0] + v * turn[m, 1, 0] + w * turn[m, 2, 0]
        e = u * turn[m, 0, 1] + v * turn[m, 1, 1] + w * turn[m, 2, 1]
        f = u * turn[m, 0, 2] + v * turn[m, 1, 2] + w * turn[m, 2, 2]
        s = (centre_m[0] - a) * d + (centre_m[1] - b) * e + (centre_m[2] - c) * f
        s = max(s - 1.001 * radius_m, 0.0)
        origin[row, 0], origin[row, 1], origin[row, 2] = a + s * d, b + s * e, c + s * f
        direction[row, 0], direction[row, 1], direction[row, 2] = d, e, f
        start[row] = s
    return origin, direction, start


@compiled
def poses_at(
    known_s: Array, positions_m: Array, quaternions: Array, times_s: Array, index: Indices
) -> tuple[Array, Array]:
    """Poses of a moving body at the times `index` (k,), as `Motion.at` has them.

    Args:
        known_s: (p,) times of the recorded poses, rising.
        positions_m: (p, 3).
        quaternions: (p, 4).
        times_s: Of all rays.
        index: Which rays.

    Returns:
        Positions (k, 3) and rotations (k, 3, 3).
    """
    k, last = len(index), len(known_s) - 1
    position, turn = np.empty((k, 3)), np.empty((k, 3, 3))
    q = np.empty(4)
    for row in range(k):
        time = times_s[index[row]]
        if row > 0 and time == times_s[index[row - 1]]:
            position[row], turn[row] = position[row - 1], turn[row - 1]
            continue
        after = min(max(np.searchsorted(known_s, time), 1), last)
        share = (time - known_s[after - 1]) / (known_s[after] - known_s[after - 1])
        share = min(max(share, 0.0), 1.0)
        cosine = 0.0
        for a in range(4):
            cosine += quaternions[after - 1, a] * quaternions[after, a]
        side = -1.0 if cosine < 0 else 1.0
        angle = np.arccos(min(abs(cosine), 1.0))
        first, second = 1 - share, share
        if angle >= 1e-6:
            first = np.sin((1 - share) * angle) / np.sin(angle)
            second = np.sin(share * angle) / np.sin(angle)
        square = 0.0
        for a in range(4):
            q[a] = first * quaternions[after - 1, a] + second * side * quaternions[after, a]
            square += q[a] * q[a]
        x, y, z, w = q / np.sqrt(square)
        for a in range(3):
            position[row, a] = (
                positions_m[after - 1, a] * (1 - share) + positions_m[after, a] * share
            )
        turn[row, 0, 0], turn[row, 0, 1] = 1 - 2 * (y * y + z * z), 2 * (x * y - z * w)
        turn[row, 0, 2], turn[row, 1, 0] = 2 * (x * z + y * w), 2 * (x * y + z * w)
        turn[row, 1, 1], turn[row, 1, 2] = 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)
        turn[row, 2, 0], turn[row, 2, 1] = 2 * (x * z - y * w), 2 * (y * z + x * w)
        turn[row, 2, 2] = 1 - 2 * (x * x + y * y)
    return position, turn


@compiled
def met(
    index: Indices, start_m: Array, face: Ints, beyond_m: Floats, u: Floats, v: Floats
) -> tuple[Indices, Array, Ints, Floats]:
    """Of rays `index` (k,) those that met a face: ray, distance, face and barycentrics (h, 2).

    Args:
        index: Rays that were asked.
        start_m: How far they had been moved.
        face: Which face each met; -1 for none.
        beyond_m: How much farther.
        u: First barycentric coordinate.
        v: Second one.
    """
    hits = 0
    for f in face:
        hits += f >= 0
    ray, distance = np.empty(hits, np.intp), np.empty(hits)
    which, barycentric = np.empty(hits, np.int32), np.empty((hits, 2), np.float32)
    k = 0
    for row in range(len(index)):
        if face[row] >= 0:
            ray[k], which[k] = index[row], face[row]
            distance[k] = start_m[row] + beyond_m[row]
            barycentric[k, 0], barycentric[k, 1] = u[row], v[row]
            k += 1
    return ray, distance, which, barycentric


@compiled
def keep_nearer(
    layer: int,
    ray: Indices,
    distance_m: Array,
    face: Ints,
    barycentric: Floats,
    body: Ints,
    nearest_m: Array,
    nearest_face: Ints,
    nearest_barycentric: Floats,
) -> None:
    """Write the hits (h,) of body `layer` over those (n,) that are farther, in place."""
    for k in range(len(ray)):
        i = ray[k]
        if distance_m[k] < nearest_m[i]:
            body[i], nearest_m[i], nearest_face[i] = layer, distance_m[k], face[k]
            nearest_barycentric[i, 0] = barycentric[k, 0]
            nearest_barycentric[i, 1] = barycentric[k, 1]


@compiled
def describe(
    rows: Indices,
    ray: Indices,
    origins_m: Array,
    directions: Array,
    distance_m: Array,
    face: Ints,
    barycentric: Floats,
    position_m: Array,
    turn: Array,
    corners: Ints,
    face_normals: Array,
    normals: Floats,
    parts: Ints,
    uv: Floats,
    point: Array,
    local: Array,
    normal: Floats,
    smooth: Floats,
    part: Ints,
    coordinates: Floats,
) -> None:
    """Fill in the surface at the hits `rows` (h,) of one body.

    Args:
        rows: Rows of the surface; `ray` (k,) tells their rays.
        ray: (k,) rays of the surface.
        origins_m: Of all rays.
        directions: Of all rays.
        distance_m: Of all hits.
        face: Of all hits.
        barycentric: Of all hits.
        position_m: Of the body's poses, for each of `rows` where it moves.
        turn: Likewise.
        corners: (f, 3) vertices of the faces.
        face_normals: (f, 3).
        normals: (v, 3) of vertices, or empty.
        parts: (f,) materials.
        uv: (v, 2), or empty.
        point: What is written, as all that follow; see `Surface`.
        local: Likewise.
        normal: Likewise.
        smooth: Likewise.
        part: Likewise.
        coordinates: Likewise.
    """
    shared, still = len(origins_m) == 1, len(position_m) == 1
    for h in range(len(rows)):
        row = rows[h]
        i = ray[row]
        o, m, f = 0 if shared else i, 0 if still else h, face[i]
        s = distance_m[i]
        for a in range(3):
            point[row, a] = origins_m[o, a] + s * directions[i, a]
        x = point[row, 0] - position_m[m, 0]
        y = point[row, 1] - position_m[m, 1]
        z = point[row, 2] - position_m[m, 2]
        p, q, r = face_normals[f, 0], face_normals[f, 1], face_normals[f, 2]
        facing = 0.0
        for a in range(3):
            local[row, a] = x * turn[m, 0, a] + y * turn[m, 1, a] + z * turn[m, 2, a]
            n = turn[m, a, 0] * p + turn[m, a, 1] * q + turn[m, a, 2] * r
            normal[row, a] = n
            facing += n * directions[i, a]
        side = -1.0 if facing > 0 else 1.0
        for a in range(3):
            normal[row, a] *= side
        part[row] = parts[f]
        v, w = barycentric[i, 0], barycentric[i, 1]
        u = 1 - v - w
        c0, c1, c2 = corners[f, 0], corners[f, 1], corners[f, 2]
        if len(normals):
            p = u * normals[c0, 0] + v * normals[c1, 0] + w * normals[c2, 0]
            q = u * normals[c0, 1] + v * normals[c1, 1] + w * normals[c2, 1]
            r = u * normals[c0, 2] + v * normals[c1, 2] + w * normals[c2, 2]
            length = np.sqrt(p * p + q * q + r * r)
            facing = 0.0
            for a in range(3):
                n = (turn[m, a, 0] * p + turn[m, a, 1] * q + turn[m, a, 2] * r) / length
                smooth[row, a] = n
                facing += n * normal[row, a]
            side = -1.0 if facing < 0 else 1.0
            for a in range(3):
                smooth[row, a] *= side
        else:
            for a in range(3):
                smooth[row, a] = normal[row, a]
        if len(uv):
            for a in range(2):
                coordinates[row, a] = u * uv[c0, a] + v * uv[c1, a] + w * uv[c2, a]


@compiled
def meet_box(
    points_m: Array,
    rows: Indices,
    directions: Array,
    hidden: NDArray[np.bool_],
    position_m: Array,
    turn: Array,
    low_m: Array,
    high_m: Array,
    reach_m: float,
) -> tuple[Indices, Indices]:
    """Pairs of points and directions (s, 3) whose rays meet a box within reach.

    Args:
        points_m: (n, 3), world frame.
        rows: (k,) which of them to ask for.
        directions: World frame.
        hidden: (n, s) pairs to leave out.
        position_m: Of the poses of the box, for each of `rows` where it moves.
        turn: Likewise.
        low_m: Its lower corner, body frame.
        high_m: Its upper corner.
        reach_m: How far along the rays.

    Returns:
        Which point and which direction, point by point.
    """
    still, s = len(position_m) == 1, len(directions)
    which, way = np.empty(len(rows) * s, np.intp), np.empty(len(rows) * s, np.intp)
    pace, at = np.empty((s, 3)), np.empty(3)
    k = 0
    for h in range(len(rows)):
        row, m = rows[h], 0 if still else h
        if h == 0 or not still:
            for j in range(s):
                for a in range(3):
                    speed = (
                        directions[j, 0] * turn[m, 0, a]
                        + directions[j, 1] * turn[m, 1, a]
                        + directions[j, 2] * turn[m, 2, a]
                    )
                    pace[j, a] = 1 / speed if abs(speed) > 1e-12 else 1e12
        x = points_m[row, 0] - position_m[m, 0]
        y = points_m[row, 1] - position_m[m, 1]
        z = points_m[row, 2] - position_m[m, 2]
        for a in range(3):
            at[a] = x * turn[m, 0, a] + y * turn[m, 1, a] + z * turn[m, 2, a]
        for j in range(s):
            near, far = 0.0, reach_m
            for a in range(3):
                first = (low_m[a] - at[a]) * pace[j, a]
                second = (high_m[a] - at[a]) * pace[j, a]
                near = max(near, min(first, second))
                far = min(far, max(first, second))
                if near > far:
                    break
            if near <= far and far > 0 and not hidden[row, j]:
                which[k], way[k] = row, j
                k += 1
    return which[:k], way[:k]


@compiled
def lifted_rays(
    points_m: Array, normals: Floats, lift_m: float, directions: Array, which: Indices, way: Indices
) -> tuple[Array, Array]:
    """Origins and directions (k, 3) of pairs: points (n, 3), a little off their surface."""
    origin, direction = np.empty((len(which), 3)), np.empty((len(which), 3))
    for k in range(len(which)):
        for a in range(3):
            origin[k, a] = points_m[which[k], a] + lift_m * normals[which[k], a]
            direction[k, a] = directions[way[k], a]
    return origin, direction


@compiled
def mark(table: NDArray[np.bool_], which: Indices, way: Indices, chosen: NDArray[np.bool_]) -> None:
    """Set the chosen pairs in a table (n, s)."""
    for k in range(len(which)):
        if chosen[k]:
            table[which[k], way[k]] = True
