from pathlib import Path

import numpy as np
import pytest

from trainer.errors import DataError
from trainer.shards import PeopleShards, read_shards
from trainer.study.evaluate import EvaluationPlan, cases_of, requests_of
from trainer.synthetic.shards import ShardPlan, write_shards


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> PeopleShards:
    folder = tmp_path_factory.mktemp("test-people")
    write_shards(folder, ShardPlan(2_000_000, 3, 8, 48, 32), workers=1)
    return read_shards(folder)


def test_what_a_picture_is_compared_with_is_never_among_its_references(people: PeopleShards) -> None:
    cases = cases_of(people, EvaluationPlan())
    assert len(cases) == 3
    for case in cases:
        photos = {*case.references, case.held_out, case.other}
        assert len(photos) == len(case.references) + 2
        assert {int(people.identity[photo]) for photo in photos} == {case.identity}
        assert {int(people.outfit[photo]) for photo in photos} == {0}


def test_everyone_is_asked_the_same(people: PeopleShards) -> None:
    plan = EvaluationPlan(people=2, seed=7)
    cases = cases_of(people, plan)
    assert cases == cases_of(people, plan)
    first, again = (requests_of(people, cases, "scene", plan) for _ in range(2))
    assert [(r.prompt, r.seed) for r in first] == [(r.prompt, r.seed) for r in again]
    assert len({r.seed for r in first}) == 2
    assert all(request.pose is None for request in first)


def test_the_pose_asked_for_is_the_held_out_photos(people: PeopleShards) -> None:
    plan = EvaluationPlan()
    cases = cases_of(people, plan)
    height, width = people.images.shape[1:3]
    for case, request in zip(cases, requests_of(people, cases, "pose", plan), strict=True):
        assert request.pose is not None
        np.testing.assert_allclose(
            request.pose[:, :2] * (width, height), people.keypoints[case.held_out][:, :2], atol=1e-3
        )


def test_clothes_are_asked_for_in_the_prompts_language(people: PeopleShards) -> None:
    english, russian, _ = cases_of(people, EvaluationPlan())
    assert english.prompts["clothes"].endswith(f"wearing a {english.top} t-shirt")
    assert russian.prompts["clothes"].endswith("футболке")
    assert russian.prompts["clothes"].startswith(russian.prompts["scene"])


def test_too_few_photos_are_refused_in_one_line(tmp_path: Path) -> None:
    write_shards(tmp_path, ShardPlan(2_000_000, 2, 2, 48, 32), workers=1)
    with pytest.raises(DataError, match="render more"):
        cases_of(read_shards(tmp_path), EvaluationPlan())
