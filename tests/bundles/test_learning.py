"""The ranking learns, is judged beside the rules on what it never saw, and the rules stay whenever it cannot be trusted."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, date, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from bookings.bundles import examples, features, made_up, ranking, rules, scoring, versions
from bookings.bundles.kinds import KINDS
from bookings.models import Booking, BundleExample, BundleModel

TODAY = date(2026, 11, 21)
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TRIP = {"journey": "return", "nights": "2-3", "lead": "3-7", "party": "one", "cabin": "economy", "route": "domestic",
        "weekday": "mon", "price": "near", "included": "no bag"}
REAL_SUPPLIER = {"DUFFEL_IS_SANDBOX": False, "DUFFEL_API_BASE": "https://api.duffel.com"}


@pytest.fixture(autouse=True)
def fresh() -> Any:
    ranking.forget()
    yield
    ranking.forget()


def some(number: int = 1300, seed: int = 1) -> list[examples.Example]:
    rows = ({**row, "day": date.fromisoformat(row["day"])} for row in made_up.history(number, seed, TODAY))
    return examples._usable(rows)[0]


def weights(best: str = "complete") -> dict[str, Any]:
    """A model that always prefers one kind."""
    from bookings.bundles.training import COLUMNS

    return {"intercepts": {kind: 3.0 if kind == best else 0.0 for kind in KINDS},
            "weights": {kind: dict.fromkeys(COLUMNS, 0.0) for kind in KINDS}}


def stored(**more: Any) -> BundleModel:
    from bookings.bundles.training import COLUMNS

    return versions.keep(**{"weights": weights(), "columns": COLUMNS, "source": "real", "examples": 5000,
                            "metrics": {}, "verdict": "beats the rules", "good_enough": True, "now": NOW, **more})


def run(name: str, *args: str) -> str:
    out = StringIO()
    call_command(name, *args, stdout=out)
    return out.getvalue()


# --- learning ---------------------------------------------------------------------------------------------------


def test_the_same_history_and_seed_make_the_same_model_and_it_beats_the_rules() -> None:
    from bookings.bundles import training

    one, two = training.train(some(), seed=7), training.train(some(), seed=7)
    assert one.weights == two.weights
    assert one.metrics == two.metrics
    assert one.good_enough
    assert one.model.log_loss < one.rules.log_loss
    assert one.model.mrr > one.rules.mrr
    assert set(one.metrics["model"]) == set(one.metrics["rules"]) == {"logLoss", "top1", "mrr"}
    number = len(some())
    assert (one.metrics["fitted"], one.metrics["heldOut"]) == (number * 8 // 10, number - number * 8 // 10)


def test_a_history_without_taste_does_not_beat_the_rules() -> None:
    from bookings.bundles import training

    at_random = [examples.Example(one.day, one.features, ["light", "bag", "flexible"],
                                  ["light", "bag", "flexible"][index * 7919 % 3])
                 for index, one in enumerate(some(1200))]
    trained = training.train(at_random, seed=1)
    assert not trained.good_enough
    assert trained.verdict.startswith("does not beat the rules")


@pytest.mark.parametrize("history", [some(900), [examples.Example(one.day, one.features, ["light", "bag"], "light")
                                                 for one in some(1300)]], ids=["few", "one kind"])
def test_too_little_is_said_and_nothing_is_trained(history: list[examples.Example]) -> None:
    from bookings.bundles import training

    with pytest.raises(training.TooLittle):
        training.train(history, seed=1)


def test_what_stood_first_is_not_learned_as_taste() -> None:
    """People here take whatever stands first; the model must not turn that into a liking for the kind."""
    from bookings.bundles import training

    kinds = ["light", "bag", "flexible"]
    history = []
    for index, one in enumerate(some(1300)):
        first = kinds[0] if index % 10 < 7 else kinds[1 + index % 2]
        order = [first, *(kind for kind in kinds if kind != first)]
        history.append(examples.Example(one.day, one.features, order, first if index % 20 else kinds[index // 20 % 3]))
    model = training.train(history, seed=1)
    likely = model.weights.probabilities(history[0].columns, kinds)
    assert max(likely.values()) < 0.6, likely  # "light" stood first and was taken in 70 % of the trips


def test_metrics_are_what_they_say() -> None:
    judged = [(["a", "b"], {"a": 0.5, "b": 0.5}, "a"), (["a", "b"], {"a": 0.5, "b": 0.5}, "b")]
    found = scoring.score(judged)
    assert (round(found.log_loss, 4), found.top1, found.mrr) == (0.6931, 0.5, 0.75)


def test_plain_python_says_the_same_as_scikit_learn() -> None:
    from sklearn.linear_model import LogisticRegression

    from bookings.bundles import training

    history = some(1300)
    made = training._fit(history, 0.3, 1)
    theirs = LogisticRegression(C=0.3, max_iter=1000, random_state=1)
    theirs.fit([training._row(one) for one in history], [one.chosen for one in history])
    for one in history[:5]:
        row = training._row(one)
        for name in training._FIRST:
            row[training._ALL[name]] = 1 / len(KINDS)  # neutral: nobody knows what will stand first
        likely = dict(zip(theirs.classes_, theirs.predict_proba([row])[0], strict=True))
        offered = sum(likely[kind] for kind in one.offered)
        ours = made.probabilities(one.columns, one.offered)
        assert ours == pytest.approx({kind: likely[kind] / offered for kind in one.offered}, abs=1e-4)


# --- serving ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_without_a_model_the_rules_order() -> None:
    found = ranking.rank(TRIP, KINDS)
    assert (found.order, found.ranker, found.by_model) == (rules.order(TRIP, KINDS), "rules", False)


@pytest.mark.django_db
def test_the_active_model_orders_and_a_new_one_is_noticed(django_assert_num_queries: Any) -> None:
    versions.activate(stored().version)
    assert ranking.rank(TRIP, KINDS).order[0] == "complete"
    with django_assert_num_queries(1):
        assert ranking.rank(TRIP, ["light", "bag"]).ranker == "model 1"
    versions.activate(stored(weights=weights("bag")).version)
    found = ranking.rank(TRIP, KINDS)
    assert (found.order[0], found.ranker, found.by_model) == ("bag", "model 2", True)
    versions.use_rules()
    assert ranking.rank(TRIP, KINDS).ranker == "rules"


@pytest.mark.django_db
@pytest.mark.parametrize("broken", [
    {"weights": {}}, {"weights": {"intercepts": {"light": "x"}, "weights": {}}}, {"features": ["nights:2-3"]},
    {"weights": {**weights(), "intercepts": {kind: float("1e999") for kind in KINDS}}}, {"features_version": 99},
    {"weights": [1, 2]},
], ids=["empty", "not numbers", "other columns", "infinite", "unknown version", "a list"])
def test_a_row_that_cannot_be_used_leaves_it_to_the_rules(broken: dict[str, Any]) -> None:
    words = {"weights": weights(), "features": stored_columns(), "features_version": 1, **broken}
    BundleModel.objects.create(version=1, created_at=NOW, source="real", examples=5000, metrics={}, active=True,
                               verdict="beats the rules", good_enough=True,
                               **{**words, "weights": _storable(words["weights"])})
    found = ranking.rank(TRIP, KINDS)
    assert (found.order, found.by_model) == (rules.order(TRIP, KINDS), False)


def stored_columns() -> list[str]:
    from bookings.bundles.training import COLUMNS

    return list(COLUMNS)


def _storable(raw: Any) -> Any:
    """PostgreSQL's JSON knows no infinity; a text that reads as one does the same."""
    return json.loads(json.dumps(raw).replace("Infinity", '"Infinity"'))


@pytest.mark.django_db
def test_a_class_of_a_later_release_leaves_it_to_the_rules() -> None:
    versions.activate(stored().version)
    assert ranking.rank({**TRIP, "nights": "a fortnight"}, KINDS).ranker == "rules"


def test_no_web_process_loads_scikit_learn() -> None:
    code = ("import fly2any.wsgi, sys; from django.urls import get_resolver; get_resolver().url_patterns; "
            "import bookings.checkout.urls, bookings.api.urls, bookings.bundles, bookings.sweep, bookings.tasks; "
            "print([name for name in ('sklearn', 'numpy', 'scipy') if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          cwd=Path(__file__).resolve().parents[2])
    assert done.stdout.strip() == "[]"


# --- which model may rank ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_model_that_did_not_beat_the_rules_never_ranks() -> None:
    row = stored(good_enough=False, verdict="does not beat the rules: by a mile")
    with pytest.raises(versions.NotAllowed, match="does not beat the rules"):
        versions.activate(row.version)
    with pytest.raises(IntegrityError), transaction.atomic():
        BundleModel.objects.filter(pk=row.pk).update(active=True)
    assert ranking.rank(TRIP, KINDS).ranker == "rules"


@pytest.mark.django_db
def test_made_up_history_never_ranks_where_suppliers_are_real(settings: Any) -> None:
    row = stored(source="made up")
    versions.activate(row.version)
    assert ranking.rank(TRIP, KINDS).made_up
    for name, value in REAL_SUPPLIER.items():
        setattr(settings, name, value)
    assert ranking.rank(TRIP, KINDS).ranker == "rules", "not even when it was active before"
    versions.use_rules()
    with pytest.raises(CommandError, match="learned from made-up history; with real suppliers it may never rank"):
        run("train_bundles", "--activate", "1")
    assert not BundleModel.objects.filter(active=True).exists()


@pytest.mark.django_db
def test_one_goes_back_to_another_version_or_to_the_rules() -> None:
    first, second = stored(), stored(weights=weights("bag"))
    assert "model 2" in run("train_bundles", "--activate", str(second.version))
    assert "model 1" in run("train_bundles", "--activate", str(first.version))
    assert list(BundleModel.objects.filter(active=True)) == [first]
    assert "The rules order the bundles." in run("train_bundles", "--rules")
    with pytest.raises(CommandError, match="no model 9"):
        run("train_bundles", "--activate", "9")


# --- the commands -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_training_on_made_up_history_says_so_everywhere() -> None:
    said = run("make_bundle_history", "--bookings", "1300", "--seed", "3", "--into-training-table")
    assert "made up" in said
    assert set(BundleExample.objects.values_list("source", flat=True)) == {"made up"}
    assert Booking.objects.count() == 0
    told = run("train_bundles", "--made-up")
    assert "Now in use: model 1 (made-up history)." in told
    row = BundleModel.objects.get()
    assert (row.source, row.active, row.version) == ("made up", True, 1)
    assert f"log loss {row.metrics['rules']['logLoss']:.4f}" in told
    assert f"log loss {row.metrics['model']['logLoss']:.4f}" in told
    scoring.read(row.weights, row.features)
    found = ranking.rank(TRIP, KINDS)
    assert (found.by_model, found.made_up) == (True, True)


@pytest.mark.django_db
def test_real_training_never_takes_made_up_rows() -> None:
    run("make_bundle_history", "--bookings", "1300", "--into-training-table")
    assert "Not trained: 0 usable examples; 1000 are needed" in run("train_bundles")
    assert BundleModel.objects.count() == 0


@pytest.mark.django_db
def test_a_file_of_history_is_made_up_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    run("make_bundle_history", "--bookings", "50", "--seed", "3", "--out", str(path))
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows == list(made_up.history(50, 3, date.fromisoformat(rows[-1]["day"])))
    assert {row["source"] for row in rows} == {"made up"}
    assert "Not trained" in run("train_bundles", "--history", str(path))
    path.write_text(json.dumps({**rows[0], "source": "real"}))
    with pytest.raises(CommandError, match="not marked as made up"):
        run("train_bundles", "--history", str(path))


def test_made_up_trips_are_plausible_and_use_known_classes() -> None:
    rows = list(made_up.history(4000, 5, TODAY))
    assert all(features.columns(row["features"]) for row in rows)
    assert all(row["chosen"] in ("", *row["offered"]) for row in rows)

    def share(kind: str, **trip: str) -> float:
        fitting = [row for row in rows if trip.items() <= row["features"].items() and kind in row["offered"]]
        return sum(row["chosen"] == kind for row in fitting) / len(fitting)

    assert share("bag_seat", party="family") > 2 * share("bag_seat", party="one")
    assert share("flexible", lead="0-2") > 2 * share("flexible", lead="61+")
    assert share("light", nights="2-3") > share("light", nights="8-14")
    assert not any("bag" in row["offered"] for row in rows if row["features"]["included"] == "bag")


def test_what_a_trip_is_is_told_in_classes() -> None:
    from tests.trail.rows import offer_json

    raw = offer_json("off_1")
    found = features.of_offer(raw, today=date(2026, 12, 10), cheapest_minor=50000)
    assert found == {"journey": "oneway", "nights": "none", "lead": "8-21", "party": "one", "cabin": "economy",
                     "route": "long", "weekday": "sun", "price": "near", "included": "bag"}
    features.columns(found)
    with pytest.raises(ValueError, match="no class"):
        features.columns({"nights": "many"})
