"""runner/rows.py: what a file holds is not played again; runner/workers.py: what becomes of a task that fails."""

import json
from functools import partial

import pytest

from chain_bandit.runner.rows import resumed_rows
from chain_bandit.runner.workers import here, processes


def inverse(number: int) -> float:
    return 1 / number


def rows(numbers, file, workers=here, play=inverse):
    asked = [(number, number + 1) for number in numbers]

    def row(task, made):
        return inputs(task) | {"made": made}

    def inputs(task):
        return {"asked": task}

    return resumed_rows(asked, inputs, lambda task: play(task[0]), row, file, workers)


def test_rows_that_a_file_holds_are_given_first_and_not_played_again(tmp_path):
    file, played = tmp_path / "rows.jsonl", []

    def noted(number: int) -> float:
        played.append(number)
        return inverse(number)

    begun = rows([1, 2, 4], file, play=noted)
    assert [next(begun)["made"], next(begun)["made"]] == [1, 0.5]
    begun.close()
    assert played == [1, 2]
    assert [json.loads(line) for line in file.read_text().splitlines()] == [
        {"asked": [1, 2], "made": 1.0}, {"asked": [2, 3], "made": 0.5},
    ]  # fmt: skip
    assert [row["made"] for row in rows([4, 2], file, play=noted)] == [1.0, 0.5, 0.25]
    assert played == [1, 2, 4]
    assert len(file.read_text().splitlines()) == 3


def test_a_task_that_raises_ends_them_and_those_before_it_are_kept(tmp_path):
    file = tmp_path / "rows.jsonl"
    with pytest.raises(ZeroDivisionError):
        list(rows([5, 0, 7], file))
    assert [json.loads(line)["made"] for line in file.read_text().splitlines()] == [0.2]


def test_processes_give_each_task_its_own_result_and_look_meanwhile():
    looks = []
    workers = processes(2, look=partial(looks.append, None), every=0.05)
    assert {task: result() for task, result in workers(inverse, range(1, 9))} == {n: 1 / n for n in range(1, 9)}
    assert len(looks) >= 8
    failed = dict(processes(2)(inverse, [0, 4]))
    assert failed[4]() == 0.25
    with pytest.raises(ZeroDivisionError):
        failed[0]()
