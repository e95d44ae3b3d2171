"""Every registered format of pictures holds the contract, and the contract catches broken ones."""

import dataclasses
import itertools
import json
import uuid

import pytest

from simgen.formats.coco import FORMAT, CocoFormat
from simgen.formats.contract import ContractError, check_format
from simgen.registry import formats

PICTURES = [name for name in formats() if not hasattr(formats()[name], "fields")]


@pytest.mark.parametrize("name", PICTURES)
def test_every_format_holds_the_contract(name, tmp_path):
    check_format(formats()[name], tmp_path)


class Broken:
    """COCO with one fault in what it writes."""

    name = "broken"
    box_tolerance_px = 0.0

    def write(self, dataset, out):
        written = FORMAT.write(dataset, out)
        file = out / "annotations.json"
        document = json.loads(file.read_text())
        self.spoil(document)
        file.write_text(json.dumps(document))
        return written

    def read(self, path):
        return FORMAT.read(path)


class DropsAnObject(Broken):
    def spoil(self, document):
        document["annotations"].pop()


class ShiftsBoxes(Broken):
    def spoil(self, document):
        for annotation in document["annotations"]:
            annotation["bbox"][0] -= 0.5


class LosesAnImage(Broken):
    def spoil(self, document):
        lost = document["images"].pop()
        document["annotations"] = [
            a for a in document["annotations"] if a["image_id"] != lost["id"]
        ]


class AddsAnImage(Broken):
    def spoil(self, document):
        document["images"].append(document["images"][-1] | {"id": 99})


class SwapsClasses(Broken):
    def spoil(self, document):
        for annotation in document["annotations"]:
            annotation["category_id"] = 3 - annotation["category_id"]


class SwapsMasks(Broken):
    def spoil(self, document):
        first, second = document["annotations"][:2]
        first["segmentation"], second["segmentation"] = (
            second["segmentation"],
            first["segmentation"],
        )


class SwapsSides(Broken):
    def spoil(self, document):
        for image in document["images"]:
            image["width"], image["height"] = image["height"], image["width"]


class SwapsPictures(Broken):
    def spoil(self, document):
        first, second = document["images"][:2]
        first["file_name"], second["file_name"] = second["file_name"], first["file_name"]


class WritesAStamp(Broken):
    def spoil(self, document):
        document["info"]["stamp"] = uuid.uuid4().hex


class WritesAFileNow(Broken):
    numbers = itertools.count()

    def write(self, dataset, out):
        written = FORMAT.write(dataset, out)
        (out / f"log-{next(self.numbers)}").touch()
        return written


class WritesAnywhere(Broken):
    def write(self, dataset, out):
        if out.exists():
            (out / "annotations.json").write_text("{}")
            return None
        return FORMAT.write(dataset, out)


@pytest.mark.parametrize(
    ("candidate", "rule"),
    [
        (DropsAnObject(), "every object that a pixel shows must be written and read back; got"),
        (ShiftsBoxes(), "must come back within 0 px; .* 0.5 px off; .* mind the half pixel"),
        (LosesAnImage(), "every frame must be written .*; got no image at place 4"),
        (AddsAnImage(), "every frame must be written .*; got an image too many at place 5"),
        (SwapsClasses(), "an object must keep its category; got"),
        (SwapsMasks(), "a mask must come back as it was; got"),
        (SwapsSides(), "an image's size must be told; got 64x96"),
        (SwapsPictures(), "an image's pixels must not change"),
        (WritesAStamp(), "equal bytes; got annotations.json; leave dates"),
        (WritesAFileNow(), "equal bytes; got log-"),
        (WritesAnywhere(), "a folder that is not empty must be refused"),
        (CocoFormat(min_visible=0.9), "every object that a pixel shows"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_broken_format_is_caught(candidate, rule, tmp_path):
    with pytest.raises(ContractError, match=rule):
        check_format(candidate, tmp_path)


def test_a_stated_tolerance_is_allowed(tmp_path):
    check_format(dataclasses.replace(FORMAT, box_tolerance_px=0.5), tmp_path)
    tolerant = ShiftsBoxes()
    tolerant.box_tolerance_px = 0.5
    check_format(tolerant, tmp_path / "shifted")
