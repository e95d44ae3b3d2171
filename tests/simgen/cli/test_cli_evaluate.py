"""The commands that measure, as a user runs them."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from evaluation import fetch
from simgen.cli import app, demo, main
from simgen.errors import CaptureError, ConfigError, MissingExtraError, SimgenError, StoreError

COLOURS = np.array([(215, 45, 45), (45, 185, 65), (50, 60, 215)])


def write(folder, count, *, seed, light=150, classes=2):
    """A COCO folder of 64 px pictures with two squares each, a minute apart."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(1, count + 1):
        pixels = np.clip(rng.normal(light, 15, (64, 64, 3)), 0, 255).astype(np.uint8)
        name = f"IMG_20200101_10{number:02d}00.png"
        for place in range(2):
            kind, side = int(rng.integers(classes)), int(rng.integers(14, 22))
            x, y = 32 * place + int(rng.integers(2, 9)), int(rng.integers(2, 40))
            pixels[y : y + side, x : x + side] = COLOURS[kind]
            annotations.append({"id": len(annotations) + 1, "image_id": number, "iscrowd": 0,
                                "category_id": kind + 1, "bbox": [x, y, side, side]})  # fmt: skip
        Image.fromarray(pixels).save(folder / "images" / name)
        images.append({"id": number, "file_name": name, "width": 64, "height": 64})
    categories = [{"id": n + 1, "name": name} for n, name in enumerate("abc"[:classes])]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(document))
    return folder


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory):
    return write(tmp_path_factory.mktemp("sets") / "synthetic", 13, seed=1, light=190, classes=3)


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    return write(tmp_path_factory.mktemp("sets") / "real", 40, seed=2)


@pytest.fixture(scope="module")
def model(synthetic, tmp_path_factory):
    out = tmp_path_factory.mktemp("models") / "deep" / "m.pt"
    got = ok("task", "train", synthetic, "--task", "detection", "--out", out, "--iterations", 1)
    assert json.loads(got)["classes"] == ["a", "b", "c"]
    return out


@pytest.fixture(scope="module")
def detections(model, real, tmp_path_factory):
    out = tmp_path_factory.mktemp("detections") / "d.json"
    ok("task", "predict", model, real, "--part", "gate", "--views", 1, "--out", out)
    return out


def run(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments])


def ok(*arguments, as_json=True):
    """What a command prints to stdout, which with --json is one JSON object and nothing else."""
    done = run(*arguments, *(["--json"] if as_json else []))
    assert done.exception is None, done.stderr or done.exception
    if as_json:
        assert isinstance(json.loads(done.stdout), dict)
    return done.stdout


def refused(kind, *arguments):
    done = run(*arguments)
    assert isinstance(done.exception, kind), done.exception
    assert done.stdout == ""
    return str(done.exception)


def test_train_predict_and_score_are_one_chain(detections, real):
    found = json.loads(detections.read_text())
    assert len({entry["image_id"] for entry in found}) <= 12
    facts = json.loads(ok("task", "score", detections, "--real", real / "annotations.json",
                          "--part", "gate"))  # fmt: skip
    assert facts["images"] == 12
    assert set(facts["headline"]) == {"ap30", "ap50", "ap"}
    assert facts["left_out"] == sum(entry["category"] == "c" for entry in found)


def test_scoring_a_part_on_everything_is_remarked_on(detections, real):
    done = run("task", "score", detections, "--real", real)
    assert "28 of 40 images have no detection at all" in " ".join(done.stderr.split())
    assert "ap50: " in done.stdout


def test_perfect_detections_score_one(real, tmp_path):
    document = json.loads((real / "annotations.json").read_text())
    perfect = [
        {**{k: one[k] for k in ("image_id", "category_id", "bbox")}, "score": 0.9}
        for one in document["annotations"]
    ]
    (tmp_path / "d.json").write_text(json.dumps(perfect))
    facts = json.loads(ok("task", "score", tmp_path / "d.json", "--real", real))
    assert facts["headline"] == {"ap30": 1.0, "ap50": 1.0, "ap": 1.0}
    assert facts["images_without_detections"] == 0


def test_real_training_takes_the_reference_part_alone(real, tmp_path):
    out = tmp_path / "r.pt"
    facts = json.loads(ok("task", "train", real, "--real", "--out", out, "--iterations", 1))
    assert facts["images"] == 20
    facts = json.loads(
        ok("task", "train", real, "--real", "--part", "tuning", "--out", out, "--iterations", 1)
    )
    assert facts["images"] == 8


def test_classes_and_boxes_can_be_those_of_other_captures(synthetic, real, tmp_path):
    arguments = ("task", "train", synthetic, "--out", tmp_path / "m.pt", "--iterations", 1)
    facts = json.loads(ok(*arguments, "--classes-of", real, "--boxes", "square:1.2"))
    assert facts["classes"] == ["a", "b"]


def test_gap_writes_the_report_and_says_what_it_found(synthetic, real, tmp_path):
    out = tmp_path / "gap"
    done = run("gap", synthetic, "--real", real, "--out", out, "--no-task", "--map", "pca",
               "--simulated", "--json")  # fmt: skip
    assert done.exception is None
    facts = json.loads(done.stdout)
    assert facts["simulated"] is True
    assert facts["part"] == "gate"
    assert "simulated" in (out / "report.html").read_text()
    record = json.loads((out / "gap.json").read_text())
    for name, values in facts["distances"].items():
        (one,) = [each for each in record["distances"] if each["features"] == name]
        assert values["kid"] == one["synthetic_to_real"]["kid"]["value"]
    assert "notes" in record
    assert "ignored" in done.stderr


def test_split_writes_the_parts(real, tmp_path):
    facts = json.loads(ok("real", "split", real, "--out", tmp_path / "s.json"))
    written = json.loads((tmp_path / "s.json").read_text())
    assert facts["images"] == {name: len(names) for name, names in written["parts"].items()}
    assert facts["sha256"] == written["sha256"]


@pytest.mark.parametrize(
    ("kind", "arguments", "words"),
    [
        (CaptureError, ("gap", "{tmp}/no", "--real", "{real}", "--out", "{tmp}/o"), "must exist"),
        (ConfigError, ("gap", "{real}", "--real", "{real}", "--out", "{tmp}/o", "--part", "gat"),
         "did you mean 'gate'"),
        (ConfigError, ("gap", "{real}", "--real", "{real}", "--out", "{tmp}/o", "--boxes", "oval"),
         "box convention"),
        (ConfigError, ("task", "train", "{real}", "--out", "{tmp}/m", "--part", "gate"),
         "must come with `--real`"),
        (ConfigError, ("task", "train", "{real}", "--out", "{tmp}/m", "--task", "detecton"),
         "did you mean 'detection'"),
        (CaptureError, ("task", "predict", "{tmp}/m.pt", "{real}", "--out", "{tmp}/d"),
         "a model file must exist"),
        (ConfigError, ("task", "predict", "{tmp}/m.pt", "{real}", "--out", "{tmp}/d", "--views", 3),
         "1, 2 or 4"),
        (CaptureError, ("task", "score", "{tmp}/d.json", "--real", "{real}"), "readable JSON"),
        (CaptureError, ("real", "get", "dise", "--to", "{tmp}/r"), "did you mean 'dice'"),
        (CaptureError, ("real", "get", "dice", "--to", "{tmp}/r", "--from", "{tmp}/none"),
         "a local copy must exist"),
        (StoreError, ("real", "split", "{real}", "--out", "{real}/annotations.json/s.json"),
         "choose another --out"),
    ],
)  # fmt: skip
def test_mistakes_get_one_clear_error(kind, arguments, words, real, tmp_path):
    filled = [str(each).format(tmp=tmp_path, real=real) for each in arguments]
    assert words in refused(kind, *filled)


def test_a_missing_extra_is_named(synthetic, real, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda *_: None)
    message = refused(MissingExtraError, "gap", synthetic, "--real", real, "--out", tmp_path / "o")
    assert "pip install 'simgen[eval]'" in message


@pytest.mark.parametrize("error", [ConfigError, CaptureError, StoreError])
def test_an_error_leaves_with_its_exit_code(error, monkeypatch, capsys, tmp_path):
    def fail(*_, **__):
        raise error("a rule must hold", "no")

    monkeypatch.setattr("evaluation.captures.load_captures", fail)
    monkeypatch.setattr("sys.argv", ["simgen", "real", "split", "x", "--out", str(tmp_path / "s")])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == error.exit_code != SimgenError.exit_code
    assert "a rule must hold; got no" in capsys.readouterr().err


def test_boxes_that_people_drew_loose_are_found_out(real, tmp_path):
    """Detections a fifth smaller than the annotations' squares: the convention is square:1.25."""
    document = json.loads((real / "annotations.json").read_text())
    tight = []
    for one in document["annotations"]:
        x, y, w, h = one["bbox"]
        box = [x + 0.1 * w, y + 0.1 * h, 0.8 * w, 0.8 * h]
        tight.append({"image_id": one["image_id"], "category_id": one["category_id"],
                      "bbox": box, "score": 0.9})  # fmt: skip
    (tmp_path / "d.json").write_text(json.dumps(tight))
    facts = json.loads(ok("task", "boxes", tmp_path / "d.json", "--real", real))
    assert facts["boxes"] == "square:1.25"
    assert facts["matched"] == 80
    assert facts["quartiles"] == [1.25, 1.25]


@pytest.mark.parametrize("where", ["photographs", "nowhere"])
def test_the_demo_measures_photographs_or_says_that_it_has_none(where, real, tmp_path, monkeypatch):
    def unreachable(*_, **__):
        raise CaptureError("a download must succeed", "no network here")

    def small(preset, overrides, out, workers):
        size = ("camera.width=96", "camera.height=96", "camera.fx_px=100", "camera.k1=0")
        return generate(preset, (*overrides, *size), out, workers)

    generate = demo._generate
    monkeypatch.setattr(demo, "_generate", small)
    monkeypatch.setattr(demo, "NEARBY", tmp_path / "none")
    monkeypatch.setattr(fetch, "fetch", unreachable)
    if where == "photographs":
        shutil.copytree(real, tmp_path / "real" / "dice")
        file = tmp_path / "real" / "dice" / "annotations.json"
        file.write_text(file.read_text().replace('"a"', '"one"').replace('"b"', '"two"'))
        monkeypatch.setenv("SIMGEN_REAL", str(tmp_path / "real"))
    else:
        monkeypatch.delenv("SIMGEN_REAL", raising=False)
    done = run("demo", "--out", tmp_path / "out", "--count", 24, "--workers", 1, "--no-task")
    assert done.exception is None, done.exception
    simulated = where == "nowhere"
    assert json.loads((tmp_path / "out" / "gap.json").read_text())["simulated"] is simulated
    assert ("simulated stand-in" in done.stdout) is simulated
    assert ("no network here" in done.stderr) is simulated
