"""Text from standard input, in the encodings people have."""

from __future__ import annotations

import pytest

from gptoss_cli.documents.decoding import decode
from gptoss_cli.errors import UsageError

TEXT = "한글 and 漢字 🙂\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_what_carries_its_encoding_is_read(encoding):
    assert decode(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("한글".encode("cp949"), "not valid UTF-8"),
        ("한글".encode("utf-16-le"), "is binary|not valid"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "is binary"),
        (b"text\x00text", "is binary"),
        (b"\xed\xa0\x80", "not valid UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(raw, said):
    with pytest.raises(UsageError, match=said):
        decode(raw)


@pytest.mark.parametrize("encoding", ["EUC-KR", "CP949", "johab", "Shift_JIS", "GB18030"])
def test_what_is_piped_may_be_in_the_encoding_of_the_terminal(encoding):
    text = "日本" if encoding == "Shift_JIS" else "한국어"
    assert decode(text.encode(encoding), encoding) == text
    assert decode(text.encode(), encoding) == text
    with pytest.raises(UsageError, match="not valid UTF-8"):
        decode(text.encode(encoding), "iso8859-1")
    with pytest.raises(UsageError, match="not valid UTF-8"):
        decode(b"\xff\xff", encoding)


def test_a_cut_off_text_says_which_encoding_it_claims():
    with pytest.raises(UsageError, match="not valid UTF-16 or UTF-32"):
        decode("한".encode("utf-16")[:-1])
