"""The list of mutants is what it says, and the tests catch a few of them; `make mutants` tries them all."""

import ast
import os
import subprocess
import sys

import mutants
import pytest
from mutants import Mutant

SAMPLE = 6


KERNEL = mutants.KERNEL.read_text(encoding="utf-8")


def test_every_mutant_is_another_kernel():
    def body(kernel, function):
        lines = mutants.functions(KERNEL)[function]
        return ast.dump(ast.parse("".join(kernel.splitlines(keepends=True)[lines.start : lines.stop])))

    seen = {body(KERNEL, function) for function in mutants.functions(KERNEL)}
    for mutant in mutants.read():
        its = body(mutant.source(KERNEL), mutant.function)
        assert its not in seen, mutant
        seen.add(its)


def test_there_are_hundreds_in_every_function():
    listed = [mutant.function for mutant in mutants.read()]
    assert len(listed) >= 200
    assert set(listed) == set(mutants.functions(KERNEL))


SOURCE = """\
def first(a):
    if a > 1:
        a = 2
    return a


def second(a):
    if a > 1:
        return 1
    if a > 1:
        return 2
    return a
"""


def test_a_line_is_found_in_its_function_alone():
    assert Mutant("first", "if a > 1:", "if a > 2:").source(SOURCE) == SOURCE.replace("if a > 1:", "if a > 2:", 1)
    assert Mutant("second", "return a", "return 0").source(SOURCE) == SOURCE[:-2] + "0\n"
    for missing in (Mutant("first", "return 1", "return 2"), Mutant("first", "a", "b"), Mutant("second", "if a > 1:", "pass")):
        with pytest.raises(LookupError, match=f"{missing.function}.* times: {missing.old}"):
            missing.source(SOURCE)
    with pytest.raises(LookupError, match="no function third"):
        Mutant("third", "return a", "return 1").source(SOURCE)


def run(*arguments):
    command = [sys.executable, mutants.__file__, "--workers", "1", *arguments]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": ""}, capture_output=True, text=True, timeout=100)


def test_a_few_are_caught():
    done = run("--sample", str(SAMPLE))
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line[:8] for line in done.stdout.splitlines() if "  ->  " in line] == ["caught  "] * SAMPLE
    assert f"{SAMPLE} of {SAMPLE} caught" in done.stdout


@pytest.mark.parametrize("function", ["reference_of", "turn_of"])
def test_what_orders_lock_and_who_comes_first_shows_over_rest(function):
    done = run("--rest", f"{function}:")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SURVIVED" not in done.stdout
    assert done.stdout.count("  ->  ") == 5
