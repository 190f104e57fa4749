"""What makes a test one: a name that tells the fault, a place in its room, an assertion that can fail."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.conventions.sources import parsed, python_files

Function = ast.FunctionDef | ast.AsyncFunctionDef


def all_tests() -> Iterator[tuple[Path, Function]]:
    """Yields every test function of the suite with its file."""
    for path in python_files("tests"):
        for node in ast.walk(parsed(path)):
            if isinstance(node, Function) and node.name.startswith("test_"):
                yield path, node


def is_check(node: ast.AST) -> bool:
    """Tells whether a node can fail a test: an assertion, pytest.raises, or a helper that is named for asserting."""
    if isinstance(node, ast.Assert):
        return True
    name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    return name.split(".")[-1].startswith(("assert_", "expect", "raises", "warns", "fail"))


def may_be_empty(loop: ast.AST) -> bool:
    """Tells whether a loop runs over something whose length the test does not spell out."""
    if not isinstance(loop, ast.For | ast.AsyncFor):
        return False
    spelled = isinstance(loop.iter, ast.List | ast.Tuple | ast.Set | ast.Dict)
    return not spelled and not ast.unparse(loop.iter).startswith(("range(", "enumerate((", "enumerate(["))


def checks_outside_loops(node: ast.AST) -> Iterator[ast.AST]:
    """Yields the checks that run whatever the data, those in a loop over nothing left out."""
    for child in ast.iter_child_nodes(node):
        if is_check(child):
            yield child
        if not may_be_empty(child):
            yield from checks_outside_loops(child)


def test_every_test_is_named_for_a_situation_and_what_is_expected() -> None:
    """A red `test_sync_2` says nothing; a red sentence is half the diagnosis."""
    found = list(all_tests())
    assert found
    assert not [f"{path}: {test.name}" for path, test in found if len(test.name.split("_")) < 5]


def test_every_test_lies_in_the_folder_of_its_room() -> None:
    """A test outside a room is found by nobody who changes the room."""
    found = {path for path, _ in all_tests()}
    assert found
    assert not [str(path) for path in found if len(path.parts) < 3 or not path.name.startswith("test_")]


def test_every_test_checks_something_even_when_its_data_is_empty() -> None:
    """A loop over no rows passes: what is looped over is asserted not to be empty, or spelled out."""
    idle = [
        f"{path}:{test.lineno} {test.name}"
        for path, test in all_tests()
        if not list(checks_outside_loops(test))
    ]
    assert not idle, "\n".join(idle)


def test_every_skip_says_how_to_be_cured() -> None:
    """A test that skips without a word is a test that nobody runs again."""
    calls = [
        (path, node)
        for path in python_files("tests")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"skip", "skipif", "xfail"}
    ]
    mute = [
        f"{path}:{call.lineno}"
        for path, call in calls
        if not any(len(ast.unparse(a)) > 25 for a in reasons(call))
    ]
    bare = [
        f"{path}:{node.lineno}"
        for path in python_files("tests")
        for node in ast.walk(parsed(path))
        if isinstance(node, Function)
        for mark in node.decorator_list
        if ast.unparse(mark) in {"pytest.mark.skip", "pytest.mark.xfail"}
    ]
    assert not mute + bare, "\n".join(mute + bare)


def reasons(call: ast.Call) -> list[ast.expr]:
    """Returns what a skip gives as its reason, by keyword or as its one argument."""
    named = [keyword.value for keyword in call.keywords if keyword.arg == "reason"]
    return named or call.args[:1]
