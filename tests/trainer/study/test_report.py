import numpy as np
import pytest

from trainer.evaluation.metrics import Interval
from trainer.study.answers import answers, verdict
from trainer.study.report import _finite

PEOPLE = 60


def of_people(mean: float, seed: int) -> list[float]:
    return list(np.random.default_rng(seed).normal(mean, 0.1, PEOPLE))


def results(bolid: float, others: float, words: float = 0.5) -> dict[str, dict[str, list[float]]]:
    def row(likeness: float, text: float, seed: int) -> dict[str, list[float]]:
        figures = {"sim_gt_body": of_people(likeness, seed), "garment_rank1": of_people(likeness, seed + 1)}
        return figures | {"text_agreement_here": of_people(text, seed + 2)}

    names = ("text", "instantid", "pulid")
    return {name: row(others, 0.5, 10 * n) for n, name in enumerate(names)} | {"bolid": row(bolid, words, 100)}


def test_the_answer_follows_the_figures_whichever_way_they_fall() -> None:
    names = ["text", "instantid", "pulid", "bolid"]
    assert "helps" in answers(results(0.8, 0.4), names)[-1]
    assert "at no measurable price" in answers(results(0.8, 0.4), names)[-1]
    assert "at a price" in answers(results(0.8, 0.4, words=0.2), names)[-1]
    assert "not shown" in answers(results(0.4, 0.4), names)[-1]
    assert "not shown" in answers(results(0.2, 0.4), names)[-1]
    carried = results(0.8, 0.4) | {"pulid": results(0.8, 0.8)["pulid"]}
    texts = {
        line.split(":")[1].strip().split(" ")[0]: line for line in answers(carried, names) if "A face alone" in line
    }
    assert "is not shown to carry over" in texts["instantid"] and "face alone carries over" in texts["pulid"]
    half = results(0.8, 0.4)
    half["bolid"]["garment_rank1"] = half["pulid"]["garment_rank1"]
    alone = [line for line in answers(half, names) if " alone: " in line]
    assert "BoLID beats every" in alone[0] and "is not shown to beat every" in alone[1]
    assert "not shown" in answers(half, names)[-1]
    assert "no answer" in answers(results(0.8, 0.4), ["text"])[0]


def test_the_file_holds_null_for_what_is_not_a_number() -> None:
    assert _finite({"a": [np.nan, 1.5, {"b": float("inf")}], "c": "nan"}) == {"a": [None, 1.5, {"b": None}], "c": "nan"}


@pytest.mark.parametrize(
    ("low", "high", "expected"), [(0.1, 0.2, "more"), (-0.2, -0.1, "less"), (-0.1, 0.2, "no difference shown")]
)
def test_only_an_interval_without_zero_says_better_or_worse(low: float, high: float, expected: str) -> None:
    assert verdict(Interval((low + high) / 2, low, high, 10)) == expected
    assert verdict(Interval(np.nan, np.nan, np.nan, 0)) == "not measured"
