"""The page of the alarm on a tuning: settings, pictures, the numbers behind each flag."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evaluation.alarm.ledger import Ledger
from evaluation.alarm.report.chart import _ticks, path, spark
from evaluation.alarm.report.page import render, write_page
from evaluation.alarm.rule import Rule
from evaluation.alarm.shown import seen_looks
from evaluation.alarm.trajectory import load
from evaluation.alarm.verdict import judge
from evaluation.report.pictures import grouped
from simgen.rng import Key

KEY = Key(8)
REAL = (0.55, 0.65, 0.65, 0.35)
SHADES = (40, 90, 90, 160)


def sheet(shade: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 32), (shade, shade, shade)).save(buffer, "JPEG")
    return buffer.getvalue()


@pytest.fixture
def tuning(tmp_path: Path) -> Path:
    """A loop of four looks whose gate falls at the last, in whose judge alone it got better."""
    ledger = Ledger(tmp_path / "alarm", lambda: "2030")
    evidence = {
        "parameters": [["scene.light.sky", 0.0, 2.0], ["camera.blur_px", 0.0, 4.0]],
        "table": {"categories": ["die"], "sizes_px": [32, 96]},
    }
    draw = (KEY / "gate").generator()
    ease = draw.normal(0, 0.2, 400)
    ledger.start(
        Rule(checkpoints=4, kappa=0.0), split="0" * 64,
        gate={"features": draw.standard_normal((50, 4))}, about={"evidence": evidence},
    )  # fmt: skip
    for look, (value, shade) in enumerate(zip(REAL, SHADES, strict=True)):
        draw = (KEY / look).generator()
        ledger.look(
            look, -1 + 0.2 * look, setting=f"{look:064d}", pressure=0.3 * look,
            arrays={
                "scores": value + ease + draw.normal(0, 0.05, (3, 400)),
                "features": draw.standard_normal((40, 4)),
                "judge": draw.normal(0.3 * look, 0.1, 40),
                "panel": draw.normal(0.0, 0.1, (2, 40)),
                "parameters": np.array([1.0, 0.5 * look]),
                "sheet": np.frombuffer(sheet(shade), np.uint8),
            },
        )  # fmt: skip
        ledger.answer(look, "stop" if look == 3 else "continue")
    return tmp_path


def test_the_page_shows_settings_pictures_and_the_numbers_of_flags(tuning: Path) -> None:
    (tuning / "tune.html").write_text("the loop's own page")
    found = judge(load(tuning / "alarm"), key=KEY)
    assert "FOOLS ONE MODEL" in {flag.name for flag in found.flags}
    page, _ = write_page(found, tuning / "report")
    text = page.read_text()
    assert "scene.light.sky" in text
    assert "0 to 4" in text
    assert text.count("<figure class=") == 1 + 3  # the chart, and looks 1 and 2 share a sheet
    assert "Checkpoints 1 to 2" in text
    assert text.count("data:image/jpeg;base64,") == 3
    assert "a flag was raised" in text
    assert "best that passed" in text
    assert re.search(r"own judge: -?0\.\d\d to 0\.9\d", text)
    assert "outside judges" in text
    assert "the captures have one category" in text  # why BIAS AMPLIFICATION was not run
    assert '<a href="../tune.html">' in text
    assert "that the real score does not fall" in text
    assert "0" * 60 not in text.replace("base64", "")  # a digest is cut short
    assert not re.search(r"(src|href)=.?http", text)


def test_a_loop_of_another_generator_has_no_such_parts(tuning: Path, tmp_path: Path) -> None:
    rows = ["checkpoint,proxy,seed,image,score"]
    draw = (KEY / "csv").generator()
    for look in range(3):
        for seed in range(2):
            rows += [
                f"{look},{0.01 * look},{seed},{image},{draw.random():.3f}" for image in range(400)
            ]
    (tmp_path / "loop.csv").write_text("\n".join(rows))
    text = render(judge(load(tmp_path / "loop.csv"), key=KEY))
    assert re.search(r"nearest at checkpoint \d: z = -?\d\.\d\d, needed \d\.\d\d", text)
    assert "never asked: the proxy gained too little" in text
    assert "0.25 of its gain" in text
    assert "What the pictures became" not in text
    assert "What the loop moved" not in text
    assert "what it looks at was not recorded" in text
    assert "page of the tuning" not in text
    # A start that is as near as can be told gives no judge, and the page says so.
    ledger = Ledger(tmp_path / "near", lambda: "2030")
    before = Ledger(tuning / "alarm")
    ledger.start(Rule(checkpoints=4), split="0" * 64, gate={}, about=before.state().opened["about"])
    for look in before.state().looks[:2]:
        side = before.side(look)
        kept = {name: side[name] for name in ("scores", "parameters", "sheet")}
        ledger.look(look.checkpoint, look.proxy, setting=look.setting, arrays=kept)
        ledger.answer(look.checkpoint, "continue")
    text = render(judge(load(tmp_path / "near"), key=KEY))
    assert "the start was not clearly apart from the captures" in text


def test_a_loop_is_told_of_its_looks_without_a_score(tuning: Path) -> None:
    looks = seen_looks(Ledger(tuning / "alarm"))
    assert [each.answer for each in looks] == ["continue"] * 3 + ["stop"]
    assert looks[2].values == {"scene.light.sky": 1.0, "camera.blur_px": 1.0}
    assert looks[3].sheet == sheet(160)
    assert set(vars(looks[0])) == {"number", "answer", "values", "sheet"}


def test_equal_sheets_are_shown_once() -> None:
    found = grouped([b"a", b"b", b"b", b"a"])
    assert [(first, last) for first, last, _ in found] == [(0, 0), (1, 2), (3, 3)]
    assert found[0][2] == "data:image/jpeg;base64,YQ=="
    assert grouped([]) == []


def test_charts_stand_between_their_ends() -> None:
    drawn = str(path(np.array([0.0, 2.0, 1.0]), np.array([0.0, 2.0]), 1))
    heights = [float(y) for y in re.findall(r'cy="([\d.]+)"', drawn)]
    assert heights == [58.0, 6.0, 32.0]  # the bottom, the top, the middle
    assert drawn.count('class="mark"') == 1
    lines = str(spark([("gate", np.array([np.nan, 1.0, 3.0])), ("press", np.ones(3))], "x"))
    assert "nan" not in lines
    assert _ticks(-1.04, 0.1, 6).tolist() == pytest.approx([-1, -0.8, -0.6, -0.4, -0.2, 0])
