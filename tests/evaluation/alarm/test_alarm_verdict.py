"""The alarm on whole runs: files of any loop, our ledger, the page, the command line."""

import csv
import json

import numpy as np
import pytest
from scipy.stats import kstest, norm
from typer.testing import CliRunner

from evaluation.alarm.diagnosis import Evidence
from evaluation.alarm.ledger import Ledger
from evaluation.alarm.power import detectable, pictures_needed, power_at, require_power
from evaluation.alarm.pressure import forecast
from evaluation.alarm.report.page import render, write_page
from evaluation.alarm.rule import Rule
from evaluation.alarm.scores import ScoreError, summarise
from evaluation.alarm.sealed import sealed_test
from evaluation.alarm.trajectory import _trajectory, from_ledger, load
from evaluation.alarm.verdict import answer, judge
from simgen.cli import app
from simgen.errors import ConfigError, StoreError
from simgen.rng import Key

KEY = Key(5)
GOOD = ([0.70, 0.75, 0.80, 0.84], [0.72, 0.77, 0.81, 0.85])
BAD = ([0.74, 0.82, 0.80, 0.70], [0.75, 0.82, 0.90, 0.95])
RUNNER = CliRunner()


def scores(values, name="run", pictures=500, seeds=3, seed_sd=0.006):
    rng = (KEY / name).generator()
    common = 0.8 * rng.standard_normal(pictures)
    found = []
    for value in values:
        bar = norm.ppf(value + rng.normal(0, seed_sd, (seeds, 1)))
        found.append((common + 0.6 * rng.standard_normal((seeds, pictures)) < bar).astype(float))
    return found


def written(path, run, **extra):
    values, proxies = run
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["checkpoint", "proxy", "seed", "image", "score", *extra])
        for t, (rows, proxy) in enumerate(zip(scores(values), proxies, strict=True)):
            for k, row in enumerate(rows):
                writer.writerows(
                    [t, proxy, k, f"{i}.jpg", score, *(e[t] for e in extra.values())]
                    for i, score in enumerate(row)
                )
    return path


def as_json(path, run, **extra):
    values, proxies = run
    plain = {
        "checkpoints": [
            {"proxy": p, "scores": s.tolist()} for p, s in zip(proxies, scores(values), strict=True)
        ]
    } | extra
    path.write_text(json.dumps(plain))
    return path


def test_a_run_that_fools_itself_is_told_from_one_that_does_not(tmp_path):
    bad = judge(load(written(tmp_path / "bad.csv", BAD)), key=KEY)
    assert {each.name for each in bad.flags} == {"REVERSAL", "STAGNATION"}
    assert bad.title.startswith("Stop: at checkpoint")
    assert bad.best == 1
    good = judge(load(written(tmp_path / "good.csv", GOOD)), key=KEY)
    assert good.flags == ()
    assert "No over-optimisation was detected; falls smaller than 0." in good.title
    assert "safe" not in good.title


def judged_scores(found):
    run = _trajectory(
        "run", None, [0.7, 0.7], found, None, [None, None], Evidence(), ("a", "b")
    )  # fmt: skip
    return judge(run, key=KEY, demand=False)


def test_a_gate_that_can_tell_nothing_is_not_praised():
    same = judged_scores([np.zeros((3, 50))] * 2)
    assert same.title.startswith("This gate tells nothing: every picture scored the same")
    rng = (KEY / "wild").generator()
    wild = judged_scores([rng.random((3, 50)) * [[0.1], [1.0], [0.6]] for _ in range(2)])
    assert wild.detectable > wild.trajectory.gate.mean.max()
    assert f"only a fall of {wild.detectable:.3f} would usually be seen" in wild.title
    assert {each.tone for each in (same, wild)} == {"level"}
    assert judged_scores(scores([0.8, 0.8])).tone == "ahead"


def test_csv_json_and_ledger_of_one_run_say_the_same(tmp_path):
    plain = load(written(tmp_path / "run.csv", BAD))
    other = load(as_json(tmp_path / "run.json", BAD))
    assert np.allclose(plain.gate.mean, other.gate.mean)
    ledger = Ledger(tmp_path / "loop", lambda: "2030")
    ledger.start(Rule(checkpoints=4), split="abc", gate={}, about={})
    said = []
    for t, (array, proxy) in enumerate(zip(scores(BAD[0]), BAD[1], strict=True)):
        if said and said[-1] == "stop":
            break
        ledger.look(t, proxy, setting=f"s{t}", arrays={"scores": array})
        said.append(answer(ledger, key=KEY))
    verdict = judge(plain, key=KEY)
    assert said.index("stop") == verdict.flags[0].checkpoint
    assert ledger.answers() == tuple(said)
    run = from_ledger(ledger)
    assert np.allclose(run.gate.mean[0], plain.gate.mean[0, : len(said)])
    assert run.registered
    assert not plain.registered


def test_scores_that_never_differ_are_told(tmp_path):
    path = as_json(tmp_path / "run.json", GOOD)
    assert load(path).notes == ()
    plain = json.loads(path.read_text())
    for each in plain["checkpoints"]:
        each["scores"] = np.zeros((2, 20)).tolist()
    path.write_text(json.dumps(plain))
    [note] = load(path).notes
    assert note.startswith("Every gate score is 0: such a gate tells nothing")


def test_a_voided_protocol_comes_first(tmp_path):
    ledger = Ledger(tmp_path / "loop", lambda: "2030")
    ledger.start(Rule(checkpoints=4), split="abc", gate={}, about={})
    for t, (array, proxy) in enumerate(zip(scores(GOOD[0]), GOOD[1], strict=True)):
        ledger.look(t, proxy, setting=f"s{t}", arrays={"scores": array})
    ledger.void("scores on a dashboard")
    verdict = judge(from_ledger(ledger), key=KEY)
    assert verdict.title.startswith("This run proves nothing")
    assert "scores on a dashboard" in render(verdict)


def test_the_page_names_settings_only_where_they_have_names(tmp_path):
    page = render(judge(load(written(tmp_path / "run.csv", BAD)), key=KEY))
    assert "<th>setting</th>" not in page
    ledger = Ledger(tmp_path / "named")
    ledger.start(Rule(checkpoints=4), split="abc", gate={}, about={})
    for t, (array, proxy) in enumerate(zip(scores(GOOD[0]), GOOD[1], strict=True)):
        ledger.look(t, proxy, setting=f"s{t}", arrays={"scores": array})
    page = render(judge(from_ledger(ledger), key=KEY))
    assert "<th>setting</th>" in page
    assert "<td>s0</td>" in page


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("proxy", "proxi", 1), "did you mean 'proxy'"),
        (lambda text: text.replace(",image", "", 1), "a column must be there; got .'image'."),
        (lambda text: text.replace("0,0.75,0,3.jpg,", "0,0.75,0,2.jpg,", 1), "must stand once"),
        (lambda text: text.replace("0,0.75,0,3.jpg,", "0,0.76,0,3.jpg,", 1), "has one proxy"),
        (lambda text: text.replace("0,0.75,0,3.jpg,", "0,x,0,3.jpg,", 1), "must hold numbers"),
        (
            lambda text: text.replace("0,0.75,0,3.jpg,1.0", "0,0.75,0,3.jpg,nan", 1),
            "must be finite",
        ),
        (
            lambda text: text.replace("1,0.82,0,3.jpg,", "1,0.82,0,z.jpg,", 1),
            "on the same pictures; got scores for some only of 3.jpg, z.jpg",
        ),
    ],
)
def test_broken_csv_files_are_refused(tmp_path, change, said):
    path = written(tmp_path / "run.csv", BAD)
    text = path.read_text()
    broken = change(text)
    if broken == text:  # this picture's score was 0
        broken = change(text.replace("0,0.75,0,3.jpg,0.0", "0,0.75,0,3.jpg,1.0", 1))
    path.write_text(broken)
    with pytest.raises((ConfigError, ScoreError), match=said):
        load(path)


def test_broken_json_files_are_refused(tmp_path):
    path = tmp_path / "run.json"
    path.write_text("{}")
    with pytest.raises(ConfigError, match="must be JSON with `checkpoints`"):
        load(path)
    plain = json.loads(as_json(path, BAD).read_text())
    plain["checkpoints"][1]["scores"][2][4] = None
    path.write_text(json.dumps(plain))
    with pytest.raises(ScoreError, match=r"must be finite; got nan at seed 2, picture 4"):
        load(path)
    plain["checkpoints"][1].pop("scores")
    path.write_text(json.dumps(plain))
    with pytest.raises(ConfigError, match="a checkpoint must have `scores`"):
        load(path)
    with pytest.raises(ConfigError, match=r"a run must be a loop's folder, a \.csv or a \.json"):
        load(written(tmp_path / "run.txt", BAD))


def test_a_gate_too_small_is_refused_with_the_size_needed(tmp_path):
    values, proxies = BAD
    path = tmp_path / "small.json"
    rows = [
        {"proxy": p, "scores": s[:, :20].tolist()}
        for p, s in zip(proxies, scores(values), strict=True)
    ]
    path.write_text(json.dumps({"checkpoints": rows}))
    with pytest.raises(
        ScoreError, match=r"see a fall of 0.12; got 20 pictures .* use at least \d+ "
    ):
        judge(load(path), key=KEY)


def test_the_size_asked_for_gives_the_power_asked_for():
    rule, critical = Rule(), 3.3
    n = pictures_needed(0.5, 0.01, 3, critical, rule)
    error = np.sqrt(0.5**2 / n + 2 * 0.01**2 / 3)
    assert power_at(rule.delta + rule.drop, error, critical, rule) == pytest.approx(0.8, abs=2e-3)
    assert detectable(error, critical, rule) == pytest.approx(rule.delta + rule.drop, abs=1e-3)
    assert pictures_needed(0.5, 0.2, 3, critical, rule) is None
    with pytest.raises(ScoreError, match=r"use at least \d+ training seeds: their spread of 0.200"):
        require_power(0.5, 0.2, 10_000, 3, critical, rule)


def test_the_power_is_what_happens():
    rule = Rule(checkpoints=2)
    hits, due = 0, []
    for number in range(150):
        run = load_pair(scores([0.84, 0.78], f"power{number}", pictures=600))
        verdict = judge(run, key=KEY, draws=1000)
        hits += bool(verdict.flags)
        primary = verdict.primary
        error, critical, df = (
            float(each[0, 1]) for each in (primary.error, primary.critical, primary.df)
        )
        due.append(power_at(0.06, error, critical, rule, df))
    assert hits / 150 == pytest.approx(np.mean(due), abs=0.12)


def load_pair(rows):
    return _trajectory(
        "pair",
        Rule(checkpoints=2, drop=1.0),
        [0, 0],
        rows,
        None,
        [None, None],
        Evidence(),
        ("a", "b"),
    )


def test_a_forecast_finds_its_own_curve():
    d = np.linspace(0, 2, 8)
    values = 0.7 + d * (0.12 - 0.05 * d)
    summary = summarise(scores(values, "curve", pictures=4000, seed_sd=0.002))
    found = forecast(d, summary, 2.3)
    due = 2.3 * (0.12 - 0.05 * 2.3) - 2 * (0.12 - 0.1)
    assert found.low < due < found.high
    assert found.high - found.low < 0.1
    assert forecast(d[:3], summary.first(3), 2.3) is None


def test_the_page_is_whole_and_asks_for_nothing(tmp_path):
    run = load(written(tmp_path / "bad.csv", BAD, pressure=[0.0, 0.5, 1.0, 1.5]))
    page, record = write_page(judge(run, key=KEY), tmp_path / "out")
    text = page.read_text()
    assert "<svg" in text
    assert "http" not in text.replace("http://www.w3.org", "")
    assert "not registered in a ledger" in text
    plain = json.loads(record.read_text())
    assert plain["detected"] is True
    assert plain["pressure"] == [0.0, 0.5, 1.0, 1.5]


def test_the_command_says_it_and_leaves_with_its_code(tmp_path):
    bad = written(tmp_path / "bad.csv", BAD)
    done = RUNNER.invoke(app, ["alarm", str(bad), "--out", str(tmp_path / "out"), "--json"])
    assert done.exit_code == 10
    assert json.loads(done.stdout)["flags"]
    good = written(tmp_path / "good.csv", GOOD)
    done = RUNNER.invoke(app, ["alarm", str(good)])
    assert done.exit_code == 0
    assert "none detected" in done.stdout
    assert "minimum detectable fall" in done.stdout


def test_the_sealed_part_is_tested_once_and_shows_the_winners_curse(tmp_path):
    ledger = Ledger(tmp_path / "loop", lambda: "2030")
    ledger.start(Rule(checkpoints=4), split="abc", gate={}, about={})
    ledger.look(0, 0.9, setting="a", arrays={"scores": scores([0.7])[0]})
    first, last = scores([0.70, 0.80], "sealed")
    path = tmp_path / "sealed.json"
    path.write_text(json.dumps({"first": first.tolist(), "last": last.tolist()}))
    done = RUNNER.invoke(
        app, ["alarm", "sealed", str(ledger.folder), "--scores", str(path), "--json"]
    )
    assert done.exit_code == 0, done.output
    facts = ledger.state().sealed
    assert facts["low"] < 0.1 < facts["high"]
    assert facts["winners_curse"] == pytest.approx(0.9 - last.mean())
    again = RUNNER.invoke(app, ["alarm", "sealed", str(ledger.folder), "--scores", str(path)])
    assert isinstance(again.exception, StoreError)
    assert "the sealed part opens once" in str(again.exception)


def test_sealed_p_values_are_uniform_without_a_gain(tmp_path):
    ledger = Ledger(tmp_path / "loop", lambda: "2030")
    ledger.start(Rule(), split="abc", gate={}, about={})
    ledger.look(0, 0.9, setting="a", arrays={"scores": scores([0.7])[0]})
    state, rng = ledger.state(), (KEY / "null").generator()
    found = []
    for _ in range(500):
        rows = (
            rng.normal(0, 1, (1, 1, 80))
            + rng.normal(0, 0.1, (2, 3, 1))
            + rng.normal(0, 0.3, (2, 3, 80))
        )
        found.append(sealed_test(state, rows[0], rows[1])["p_value"])
    assert kstest(found, "uniform").pvalue > 0.01
