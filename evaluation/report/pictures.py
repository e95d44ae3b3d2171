"""Pictures inside a page: JPEG as data URIs, with labels drawn over them as SVG."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray

from evaluation.captures import CaptureSet, LabelledImage

Box = Sequence[float]
Pixels = NDArray[np.uint8]
MINIMUM_CROP_PX = 64.0


@dataclass(frozen=True)
class Shape:
    """A box to draw.

    Attributes:
        box: x, y, width, height, px of the picture.
        style: CSS class.
        text: Written at its upper edge.
        tip: Shown when the mouse is over it.
    """

    box: tuple[float, float, float, float]
    style: str
    text: str = ""
    tip: str = ""


def data_uri(pixels: Pixels, width_px: int, quality: int = 82) -> str:
    """A JPEG of at most this width, as a data URI."""
    height, width = pixels.shape[:2]
    if width > width_px:
        size = (width_px, max(1, round(height * width_px / width)))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, packed = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return "data:image/jpeg;base64," + base64.b64encode(packed.tobytes()).decode("ascii")


def contact_sheet(
    images: Sequence[LabelledImage], columns: int = 4, width_px: int = 160, quality: int = 78
) -> bytes:
    """A JPEG of pictures side by side, row by row, each scaled to the width of a column.

    Args:
        images: At least one; cells have the shape of the first, on black.
        columns: Of the sheet; fewer where there are fewer pictures.
        width_px: Of a column.
        quality: Of the JPEG, 0 to 100.
    """
    columns = min(columns, len(images))
    height_px = max(1, round(images[0].height * width_px / images[0].width))
    rows = -(-len(images) // columns)
    sheet = np.zeros((rows * height_px, columns * width_px, 3), np.uint8)
    for place, image in enumerate(images):
        scale = min(width_px / image.width, height_px / image.height)
        size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
        y, x = place // columns * height_px, place % columns * width_px
        y, x = y + (height_px - size[1]) // 2, x + (width_px - size[0]) // 2
        small = cv2.resize(image.read(), size, interpolation=cv2.INTER_AREA)
        sheet[y : y + size[1], x : x + size[0]] = small
    _, packed = cv2.imencode(
        ".jpg", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return packed.tobytes()


def grouped(sheets: Sequence[bytes]) -> list[tuple[int, int, str]]:
    """First, last and data URI of each run of equal JPEGs."""
    found: list[tuple[int, int, str]] = []
    for number, sheet in enumerate(sheets):
        if number and sheet == sheets[number - 1]:
            found[-1] = (found[-1][0], number, found[-1][2])
        else:
            data = base64.b64encode(sheet).decode("ascii")
            found.append((number, number, f"data:image/jpeg;base64,{data}"))
    return found


def overlaid(
    image: LabelledImage,
    categories: Mapping[int, str],
    outlines: Iterable[NDArray[np.float64]] = (),
    width_px: int = 420,
) -> Markup:
    """The whole picture with its boxes, class names and masks, which the page can switch off."""
    shapes = [
        Shape(
            (float(x), float(y), float(w), float(h)),
            "box ignored" if ignored else f"box c{int(number) % 10}",
            "" if ignored else categories[int(number)],
            f"{categories[int(number)]} {w:.0f} x {h:.0f} px{' (ignored)' if ignored else ''}",
        )
        for (x, y, w, h), number, ignored in zip(
            image.boxes, image.categories, image.ignore, strict=True
        )
    ]
    whole = (0.0, 0.0, float(image.width), float(image.height))
    return drawing(image.read(), whole, shapes, outlines, width_px, image.name)


def crop(
    image: LabelledImage, pixels: Pixels, box: Box, shapes: Sequence[Shape], width_px: int = 200
) -> Markup:
    """A square around a box, about two and a half times as large, with these shapes."""
    x, y, width, height = box
    side = min(max(2.5 * max(width, height), MINIMUM_CROP_PX), image.width, image.height)
    left = float(np.clip(x + width / 2 - side / 2, 0, image.width - side))
    top = float(np.clip(y + height / 2 - side / 2, 0, image.height - side))
    window = (round(left), round(top), int(side), int(side))
    return drawing(pixels, window, shapes, (), width_px, image.name)


def drawing(
    pixels: Pixels,
    window: tuple[float, float, float, float],
    shapes: Iterable[Shape],
    outlines: Iterable[NDArray[np.float64]],
    width_px: int,
    name: str,
) -> Markup:
    """An SVG of a window of a picture; coordinates are those of the whole picture."""
    x, y, width, height = window
    part = pixels[int(y) : int(y + height), int(x) : int(x + width)]
    unit = width / 400  # so that lines and letters look alike at any size of picture
    inner = [
        Markup('<polygon class="mask" points="{}"/>').format(
            " ".join(f"{px:.1f},{py:.1f}" for px, py in each)
        )
        for each in outlines
    ]
    inner += [_shape(each, unit) for each in shapes]
    return Markup(
        '<svg class="picture" viewBox="{} {} {} {}" role="img" aria-label="{}">'
        '<image href="{}" x="{}" y="{}" width="{}" height="{}"/>'
        '<g class="labels" style="--unit:{}">{}</g></svg>'
    ).format(
        *window, name, data_uri(np.ascontiguousarray(part), width_px), *window,
        f"{unit:.4f}", Markup("").join(inner),
    )  # fmt: skip


def thumbnails(captures: CaptureSet, names: Iterable[str], width_px: int) -> dict[str, str]:
    """Data URIs of small copies, by name; names that the captures do not have are left out."""
    by_name = {image.name: image for image in captures.images}
    return {name: data_uri(by_name[name].read(), width_px, 78) for name in names if name in by_name}


def _shape(shape: Shape, unit: float) -> Markup:
    x, y, width, height = shape.box
    text = (
        Markup('<text x="{:.1f}" y="{:.1f}" font-size="{:.2f}">{}</text>').format(
            x, y - 3 * unit if y > 14 * unit else y + height + 12 * unit, 11 * unit, shape.text
        )
        if shape.text
        else Markup("")
    )
    return Markup(
        '<g class="{}"><title>{}</title>'
        '<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>{}</g>'
    ).format(shape.style, escape(shape.tip), x, y, width, height, text)
