"""The filter before Postgres: only what Postgres cannot hold goes, wherever the stream is cut, and it is counted."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestration.postgres.clean import ByteFilter, Cleaned, clean_json, clean_part


def _filtered(chunks: list[bytes]) -> tuple[bytes, Cleaned]:
    cleaned = Cleaned()
    byte_filter = ByteFilter(cleaned)
    return b"".join([*map(byte_filter.clean, chunks), byte_filter.clean(b"", final=True)]), cleaned


def test_a_character_cut_between_two_chunks_arrives_whole() -> None:
    """Sockets cut anywhere: a filter that judged each chunk by itself would lose the letters at the cuts."""
    text = "Zoë – 😀 \u0301".encode()
    for cut in range(len(text) + 1):
        assert _filtered([text[:cut], text[cut:]]) == (text, Cleaned())


def test_nul_and_stray_bytes_go_and_are_counted_byte_by_byte() -> None:
    """One NUL in one mail would otherwise stop the whole COPY."""
    assert _filtered([b"a\0b\0", b"\xff", b"c\xe2\x82", b"d"]) == (b"abcd", Cleaned(nul=2, invalid_utf8=3))


def test_a_character_that_the_end_cuts_off_goes() -> None:
    """The held-back start of a character must not be forgotten at the end: the count would not tell of it."""
    assert _filtered([b"ab", b"\xf0\x9f"]) == (b"ab", Cleaned(invalid_utf8=2))


def test_surrogates_in_bytes_are_no_utf8() -> None:
    """Java's and Oracle's CESU-8 writes them; Postgres refuses them."""
    assert _filtered([b"a\xed\xa0\x80b"]) == (b"ab", Cleaned(invalid_utf8=3))


@given(st.lists(st.binary(max_size=20), max_size=8))
def test_any_stream_comes_out_as_valid_text_the_same_however_it_is_cut(chunks: list[bytes]) -> None:
    """What the filter lets through must be what Postgres takes, for any bytes at all."""
    kept, cleaned = _filtered(chunks)
    whole = b"".join(chunks)
    assert (kept, cleaned) == _filtered([whole])
    assert kept.decode() == whole.decode(errors="ignore").replace("\0", "")
    assert len(whole) == len(kept) + cleaned.nul + cleaned.invalid_utf8


@pytest.mark.parametrize(
    ("body", "kept", "counts"),
    [
        (rb'"a\u0000b"', rb'"ab"', Cleaned(nul=1)),
        (rb'"\u0000\u0000"', rb'""', Cleaned(nul=2)),
        (rb'"\\u0000"', rb'"\\u0000"', Cleaned()),  # a backslash and the text u0000
        (rb'"\\\u0000"', rb'"\\"', Cleaned(nul=1)),  # a backslash and a NUL
        (rb'"\\\\u0000"', rb'"\\\\u0000"', Cleaned()),
        (rb'"\ud83d\ude00"', rb'"\ud83d\ude00"', Cleaned()),  # a pair is a character
        (rb'"\uD83D\uDE00"', rb'"\uD83D\uDE00"', Cleaned()),
        (rb'"a\ud800b"', rb'"ab"', Cleaned(surrogates=1)),
        (rb'"\ude00\ud83d"', rb'""', Cleaned(surrogates=2)),  # the wrong way round
        (rb'"\ud83d\ud83d\ude00"', rb'"\ud83d\ude00"', Cleaned(surrogates=1)),
        (rb'"\\ud800"', rb'"\\ud800"', Cleaned()),
        (rb'"\\\ud800"', rb'"\\"', Cleaned(surrogates=1)),
        (rb'"\ud83d\u0000\ude00"', rb'""', Cleaned(nul=1, surrogates=2)),
        (b'"\\u00\x0000"', b'""', Cleaned(nul=2)),  # a NUL byte that hid the escape of another
        (b'"\0\xff"', b'""', Cleaned(nul=1, invalid_utf8=1)),
    ],
)
def test_escapes_that_postgres_refuses_go_and_text_that_looks_like_them_stays(
    body: bytes, kept: bytes, counts: Cleaned
) -> None:
    """A filter that only searched for the letters would eat what somebody wrote, and break the JSON around it."""
    cleaned = Cleaned()
    assert clean_json(body, cleaned) == kept
    assert cleaned == counts


@given(st.text(alphabet=st.sampled_from('\0\ud800\udc00\\u08dc"é😀n')))
@example("\\\0")
@example("\\u0000")
def test_any_json_text_keeps_all_but_nul_and_lone_surrogates(text: str) -> None:
    """Compared with what a JSON parser sees, not with another pattern of ours."""
    cleaned = clean_json(json.dumps(text).encode(), Cleaned())
    paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    assert json.loads(cleaned) == paired.replace("\0", "")


def test_a_megabyte_of_backslashes_is_cleaned_at_once() -> None:
    """A pattern that tried every run of backslashes from every position would take hours for one such mail."""
    rng = random.Random(1)
    body = b'"' + b"\\\\" * 500_000 + rb"\u0000\ud800" + rng.randbytes(1000).hex().encode() + b'"'
    cleaned = Cleaned()
    assert len(clean_json(body, cleaned)) == len(body) - 12
    assert cleaned == Cleaned(nul=1, surrogates=1)


def test_what_is_taken_out_of_a_shared_text_is_counted_for_its_part_alone() -> None:
    """Five answers in one text, and a count of five characters for the one that one of them lost."""
    parts = [["one\0"], ["half \ud800", "whole \U0001f98a"], ["nothing"]]
    body = json.dumps({"answers": [{"records": part} for part in parts]}).encode()
    counted = [Cleaned() for _ in parts]
    for place, cleaned in enumerate(counted):
        kept = json.loads(clean_part(body, ["answers", place, "records"], cleaned))
        assert [answer["records"] for answer in kept["answers"]] == [
            ["one"],
            ["half ", "whole \U0001f98a"],
            ["nothing"],
        ]
    assert counted == [Cleaned(nul=1), Cleaned(surrogates=1), Cleaned()]
