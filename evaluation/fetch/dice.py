"""The public dice photographs: 200 pictures of 1 to 25 dice, class = the face on top."""

from __future__ import annotations

from types import MappingProxyType

from evaluation.fetch.source import Facts, Source

DICE = Source(
    name="dice",
    description="Photographs of six-sided dice; class = the face on top",
    url="https://raw.githubusercontent.com/nell-byler/dice_detection/aa69c12/tfrecords/train.record",
    commit="aa69c12",
    licence="BSD-3-Clause",
    sha256=None,
    facts=Facts(
        images=200,
        size_px=(640, 640),
        histogram=MappingProxyType(
            {"one": 254, "two": 258, "three": 245, "four": 238, "five": 257, "six": 235}
        ),
        mean_box_px=(308.0322, 279.6725, 39.7492, 39.7492),
        cell_offsets_px=(2.78, 10.04, 1.335, 1.335),
        labels_sha256="bf3b4452d5942a57fbd10c6c50a989b79af94ef8fbe4859526beec558204edd0",
        pictures_sha256="ddf1c90cf5aec3a0aba0c4f916f90cced155ed39c9128005f68cd8948dd45641",
    ),
)
