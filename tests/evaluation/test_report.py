"""The page: whole, alone, readable by a strict parser, and saying what was measured."""

import base64
import dataclasses
import json
import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from evaluation.captures import load_captures
from evaluation.feature_map import FeatureMap, feature_map
from evaluation.features import Features, colour_and_edges
from evaluation.gap import measure_gap
from evaluation.report import gap_record, write_report
from evaluation.report.charts import spread_out
from evaluation.report.outlines import outlines
from evaluation.report.pictures import Shape, crop, data_uri
from evaluation.report.view import number, signed
from evaluation.report.write import render
from evaluation.synthetic import captures_of
from simgen.dataset import Dataset
from simgen.dataset.toy import ToySource
from simgen.engine import generate_dataset
from simgen.errors import CaptureError, ConfigError
from simgen.rng import Key

SECTIONS = ("samples", "task", "mistakes", "distances", "statistics", "map", "method")
VOID = {"meta", "input", "img", "br", "link", "image", "rect", "circle", "path", "polygon"}


class Page(HTMLParser):
    """Collects tags and text, and refuses tags that are not closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.links, self.section = [], [], [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        found = dict(attributes)
        self.links += [found[name] for name in ("src", "href", "data") if name in found]
        if tag not in VOID:
            self.open.append((tag, found.get("id")))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for tag, name in self.open:
            if tag == "section":
                self.section[name] = self.section.get(name, "") + data


@pytest.fixture(scope="module")
def page(tiny_gap):
    return render(tiny_gap)


def test_the_page_is_well_formed_and_has_every_section(page):
    found = Page(page)
    assert tuple(found.section) == SECTIONS
    assert found.tags.count("h1") == 1


def test_the_page_asks_for_nothing(page):
    found = Page(page)
    assert found.links
    assert all(link.startswith("data:image/jpeg;base64,") for link in found.links)
    assert not {"script", "link", "iframe", "object"} & set(found.tags)
    assert "http" not in re.sub(r"base64,[A-Za-z0-9+/=]+", "", page)
    assert "@import" not in page
    assert "url(" not in page
    assert len(page) < 4_000_000


def test_the_page_shows_the_numbers_that_were_measured(page, tiny_gap):
    section = Page(page).section
    for arm in tiny_gap.arms:
        for one in arm.estimates.values():
            assert f"{one.value:.2f}" in section["task"]
    for each in tiny_gap.distances:
        assert each.extractor.name in section["distances"]
        assert number(each.results["fd"].value) in section["distances"]
    for one in tiny_gap.differences:
        assert one.statistic.name in section["statistics"]
        assert signed(one.d) in section["statistics"]
    assert "gate, 12 pictures" in section["method"]
    assert "reference, 20 pictures" in section["method"]
    assert tiny_gap.chosen.split.sha256[:16] in section["method"]


def test_a_distance_is_never_called_fid(page):
    mentions = re.findall(r".{60}\bFID\b.{60}", page, flags=re.DOTALL)
    assert len(mentions) == 1  # the sentence that says it is not
    assert "None of them is the" in mentions[0]


def test_a_stand_in_is_called_simulated_in_every_section(page, simulated_gap):
    text = render(simulated_gap)
    found = Page(text)
    for name in SECTIONS:
        assert "simulated" in found.section[name]
    assert text.count('class="flag"') >= len(SECTIONS)
    assert 'class="banner"' in text
    assert "simulated" not in re.sub(r"<style>.*</style>", "", page, flags=re.DOTALL).lower()
    assert gap_record(simulated_gap)["simulated"] is True


def test_names_cannot_break_the_page(tiny_gap):
    names = {1: "<i>red</i>", 2: 'gr"een', 3: "blue & co"}
    evil = dataclasses.replace(tiny_gap.sample, categories=names)
    text = render(dataclasses.replace(tiny_gap, sample=evil))
    Page(text)
    assert "<i>red</i>" not in text
    assert "&lt;i&gt;red&lt;/i&gt;" in text


def test_without_a_task_its_sections_are_gone(tiny_gap):
    text = render(dataclasses.replace(tiny_gap, arms=(), comparison={}))
    found = Page(text)
    assert "task" not in found.section
    assert "mistakes" not in found.section
    assert "not run" in found.section["method"]


def test_files_are_written_whole(tiny_gap, tmp_path):
    page, record = write_report(tiny_gap, tmp_path / "deep" / "out")
    assert sorted(p.name for p in page.parent.iterdir()) == ["gap.json", "report.html"]
    plain = json.loads(record.read_text(), parse_constant=pytest.fail)
    assert plain["real"]["part"] == "gate"
    arms = {arm.name: arm for arm in tiny_gap.arms}
    for name, arm in arms.items():
        figures = plain["task"][name]["figures"]
        assert figures["ap50"]["value"] == arm.estimates["ap50"].value
        assert len(plain["task"][name]["scores"]) == 2
    fd = plain["distances"][0]["synthetic_to_real"]["fd"]
    assert fd["value"] == tiny_gap.distances[0].results["fd"].value
    before = page.read_text()
    write_report(tiny_gap, page.parent)
    assert page.read_text() == before


def test_a_folder_that_cannot_be_written_is_one_clear_error(tiny_gap, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(CaptureError, match="choose another --out"):
        write_report(tiny_gap, tmp_path / "file" / "out")


def test_the_distances_of_a_plain_folder_make_a_page(
    synthetic_folder, squares_folder, tiny_options, tmp_path
):
    plain = squares_folder("plain", 13, seed=9, labels=False, times=False)
    options = dataclasses.replace(tiny_options, map_method="pca")
    text = render(measure_gap(synthetic_folder, plain, options, folder=tmp_path))
    assert "no labels" in text
    assert "principal components" in Page(text).section["map"]


# Pieces


def test_outlines_enclose_the_pixels_of_the_masks(tmp_path):
    generate_dataset(ToySource(seed=1, frames=1, bodies=1), tmp_path / "toy", count=6)
    dataset = Dataset.open(tmp_path / "toy")
    images = [image for image in captures_of(dataset).images if len(image.boxes)]
    found = outlines(dataset.path, images)
    assert len(images) > 2
    for image in images:
        points = np.concatenate(found[image.name])
        x, y, width, height = image.boxes[0]
        low, high = points.min(axis=0), points.max(axis=0)
        np.testing.assert_allclose(low, [x + 0.5, y + 0.5], atol=0.8)
        np.testing.assert_allclose(high, [x + width - 0.5, y + height - 0.5], atol=0.8)


def test_captures_without_masks_have_no_outlines(real_folder, tmp_path):
    assert outlines(real_folder, load_captures(real_folder).images[:2]) == {}
    assert outlines(tmp_path, ()) == {}


def test_a_crop_at_the_border_stays_in_the_picture(real_folder):
    image = load_captures(real_folder).images[0]
    pixels = image.read()
    svg = str(crop(image, pixels, (90.0, 0.0, 6.0, 6.0), [Shape((90, 0, 6, 6), "wrong", "x")]))
    (window,) = re.findall(r'viewBox="([^"]+)"', svg)
    x, y, width, height = map(float, window.split())
    assert (x + width, y) == (96, 0)
    assert width == height == 64


def test_a_data_uri_holds_a_jpeg_of_that_width():
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[..., 0] = 200
    raw = base64.b64decode(data_uri(pixels, 20).split(",")[1])
    back = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)
    assert back.shape == (10, 20, 3)
    assert back[..., 2].mean() > 180
    assert back[..., 0].mean() < 40


def test_the_map_keeps_groups_apart_and_is_the_same_again():
    rng = np.random.default_rng(0)
    extractor = colour_and_edges()
    sets = {
        name: Features(
            rng.normal(shift, 1, (40, 168)).astype(np.float32),
            tuple(f"{n}" for n in range(40)),
            extractor,
        )
        for name, shift in (("synthetic", 0.0), ("real", 3.0))
    }
    for method in ("tsne", "pca"):
        found = feature_map(sets, method=method, key=Key(3))
        again = feature_map(sets, method=method, key=Key(3))
        np.testing.assert_array_equal(found.places, again.places)
        assert found.places.min() >= 0
        assert found.places.max() <= 1
        first, second = found.places[:40], found.places[40:]
        apart = np.linalg.norm(first.mean(axis=0) - second.mean(axis=0))
        assert apart > first.std(axis=0).max()
        assert apart > second.std(axis=0).max()
    with pytest.raises(ConfigError, match="did you mean 'tsne'"):
        feature_map(sets, method="tsn", key=Key(3))


def test_thumbnails_are_spread_over_the_map():
    places = np.array([[0.1, 0.1], [0.11, 0.1], [0.9, 0.9], [0.5, 0.5]])
    groups = ("synthetic", "synthetic", "real", "synthetic")
    layout = FeatureMap(places, groups, ("a", "b", "c", "d"), "pca", "f")
    chosen = spread_out(layout, 8)
    assert ("real", "c") in chosen
    assert ("synthetic", "d") in chosen
    assert len({("synthetic", "a"), ("synthetic", "b")} & set(chosen)) == 1
    assert len(chosen) == len(set(chosen)) == 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (148.2, "148"),
        (0.047, "0.047"),
        (0.0086, "0.0086"),
        (0.5, "0.50"),
        (-3.14159, "\N{MINUS SIGN}3.14"),
    ],
)
def test_numbers_are_short(value, text):
    assert number(value) == text
