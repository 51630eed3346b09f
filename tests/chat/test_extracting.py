"""What is taken out of an answer."""

from __future__ import annotations

import pytest

from gptoss_cli.chat.extracting import extracted
from gptoss_cli.errors import UnmetFormError

ANSWER = """Run this:

```bash
ls -l
```

and then

~~~ python title="a.py"
print("```")
~~~

- or in a list:

  ```json
  {"a": 1}
  ```
"""


@pytest.mark.parametrize(
    ("what", "found"),
    [
        ("code", "ls -l\n"),
        ("sh", "ls -l\n"),
        ("Bash", "ls -l\n"),
        ("py", 'print("```")\n'),
        ("json", '  {"a": 1}\n'),
    ],
)
def test_the_first_block_of_its_kind(what, found):
    assert extracted(ANSWER, what) == found


def test_every_block():
    assert extracted(ANSWER, "code", every=True) == 'ls -l\nprint("```")\n  {"a": 1}\n'


def test_code_that_is_cut_off_is_what_there_is():
    assert extracted("```c\nint main() {", "code") == "int main() {\n"


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ('{"a": [1, 2]}', '{"a": [1, 2]}\n'),
        ("[1, 2]\n", "[1, 2]\n"),
        ('It is {"a": "}"}, as asked.', '{"a": "}"}\n'),
        ("{not this} but [3] and [4]", "[3]\n"),
        ('```\n{"a": 1}\n```', '{"a": 1}\n'),
        ('"텍스트"', '"텍스트"\n'),
    ],
)
def test_json_is_found_without_its_fence(answer, found):
    assert extracted(answer, "json") == found


def test_all_values_of_json():
    assert extracted("[1] then {}", "json", every=True) == "[1]\n{}\n"


@pytest.mark.parametrize("what", ["code", "json", "rust"])
def test_nothing_of_that_kind(what):
    with pytest.raises(UnmetFormError, match="the answer has no"):
        extracted("It is 42. {", what)


def test_an_answer_full_of_brackets_takes_no_time():
    with pytest.raises(UnmetFormError):
        extracted("[" * 100_000, "json")
