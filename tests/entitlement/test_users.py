"""The user list as a file: what is read, and how a mistake in it is told. No database."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestration.entitlement.users import FluintUser, read_user_file
from orchestration.errors import SetupError

HEAD = "email,full_name,is_licensed\n"
ADA = FluintUser("ada@acme.example", "Berg, Ada", True)


@pytest.mark.parametrize(
    "text",
    [
        HEAD + 'ada@acme.example,"Berg, Ada",true\n',
        "\ufeff" + HEAD + 'ada@acme.example,"Berg, Ada",YES\r\n\r\n',
        'Is_Licensed; Email ;team;full_name\n1;" ada@acme.example ";East;Berg, Ada\n',
        HEAD + 'ada@acme.example,"Berg, Ada",true\nADA@acme.example,A.,1\n',
        "email\tfull_name\tis_licensed\nada@acme.example\tBerg, Ada\tlicensed",
    ],
    ids=[
        "commas",
        "bom-and-empty-line",
        "semicolons-other-order-other-columns",
        "twice",
        "tabs-no-last-line-end",
    ],
)
def test_a_list_as_spreadsheets_save_it_is_read(tmp_path: Path, text: str) -> None:
    """Spreadsheets write a mark at the beginning, semicolons where a comma is the decimal sign, and columns in any order."""
    file = tmp_path / "users.csv"
    file.write_text(text, encoding="utf-8", newline="")
    assert read_user_file(file) == [ADA]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: there is no column email"),
        ("mail,is_licensed\n", "Its column mail may be meant"),
        ("email,full_name\n", "no column is_licensed"),
        (HEAD + "a@b.example,A,true\nno address,B,true\n", "line 3, column email"),
        (HEAD + "@b.example,B,true\n", "line 2, column email"),
        (HEAD + "a@b.example,A,perhaps\n", "line 2, column is_licensed"),
        (HEAD + "a@b.example,Berg, Ada,true\n", "line 2, there are 4 values for 3 columns"),
        (
            HEAD + "a@b.example,A,true\n\nA@B.example,B,false\n",
            "line 4, column is_licensed: line 2 says otherwise",
        ),
        (HEAD + 'a@b.example,"A,true\n', "line 2, the line is no CSV"),
        (HEAD + 'a@b.example,"A"B,true\n', "line 2, the line is no CSV"),
    ],
)
def test_a_mistake_in_a_list_is_told_with_its_line_and_column(tmp_path: Path, text: str, said: str) -> None:
    """A list of 500 people with one typing error, and nobody who says where it is."""
    file = tmp_path / "users.csv"
    file.write_text(text)
    with pytest.raises(SetupError, match=r"Nothing was imported\.$") as refused:
        read_user_file(file)
    assert said in str(refused.value)


def test_a_list_that_is_no_text_is_refused_without_a_traceback(tmp_path: Path) -> None:
    """A spreadsheet's own format, or a path with a slip of the pen."""
    file = tmp_path / "users.xlsx"
    file.write_bytes(b"PK\x03\x04\xff\xfe\x00")
    for path, said in (
        (file, "cannot be read as a UTF-8 text file"),
        (tmp_path / "none.csv", "There is no file"),
    ):
        with pytest.raises(SetupError, match=said):
            read_user_file(path)


def test_a_list_from_a_pipe_is_read(tmp_path: Path) -> None:
    """`export | fluint users import /dev/stdin` was no text file: a pipe cannot be read from its beginning again."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as writer:
        writer.submit(pipe.write_text, HEAD + 'ada@acme.example,"Berg, Ada",true\n')
        assert read_user_file(pipe) == [ADA]
