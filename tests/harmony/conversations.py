"""What the goldens are made of: conversations, completions and texts.

`make_goldens.py` asks the reference for the tokens of each; `test_render.py`, `test_parse.py` and
`test_vocabulary.py` compare.
"""

from __future__ import annotations

from typing import Any

from gptoss_cli.messages import (
    BuiltinTool,
    Channel,
    Conversation,
    DeveloperPrompt,
    FunctionTool,
    Message,
    ReasoningEffort,
    Role,
    SystemPrompt,
    analysis,
    final,
    user,
)

WEATHER = {
    "type": "object",
    "properties": {
        "location": {
            "type": "string",
            "description": "The city and state, e.g. San Francisco, CA",
        },
        "format": {"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"},
    },
    "required": ["location"],
}


def call(
    arguments: str,
    to: str = "functions.get_weather",
    *,
    channel: Channel = Channel.COMMENTARY,
    content_type: str | None = "<|constrain|>json",
) -> Message:
    return Message(
        role=Role.ASSISTANT,
        content=arguments,
        channel=channel,
        recipient=to,
        content_type=content_type,
    )


def result(
    output: str,
    name: str = "functions.get_weather",
    *,
    channel: Channel = Channel.COMMENTARY,
) -> Message:
    return Message(
        role=Role.TOOL, content=output, name=name, recipient="assistant", channel=channel
    )


def preamble(text: str) -> Message:
    return Message(role=Role.ASSISTANT, content=text, channel=Channel.COMMENTARY)


def python(code: str) -> Message:
    return call(code, "python", channel=Channel.ANALYSIS, content_type="code")


def python_result(output: str) -> Message:
    return result(output, "python", channel=Channel.ANALYSIS)


def said(*messages: Message, **prompt: Any) -> Conversation:
    """A conversation of `messages`; `prompt` are fields of the system and developer prompts."""
    developer = {
        k: prompt.pop(k) for k in ("instructions", "functions", "response_formats") if k in prompt
    }
    return Conversation(
        system=SystemPrompt(**{"date": "2025-06-28", **prompt}),
        developer=DeveloperPrompt(**developer) if developer else None,
        messages=messages,
    )


def with_tool(parameters: dict[str, Any] | None, description: str = "Does it.") -> Conversation:
    return said(user("Go."), functions=(FunctionTool("do", description, parameters),))


def with_property(schema: object) -> Conversation:
    return with_tool({"type": "object", "properties": {"field": schema}})


DEFAULTS = (
    *(
        None,
        True,
        "",
        "한국어",
        [],
        {},
        [1, "two", None],
        {"b": {"a": [1.0]}, "ü": "\u0001\u2028\t/"},
    ),
    *(0, -7, 2**63, 2**64, -(2**63) - 1),
    *(0.5, -0.0, 1e15, 1e16, 1e22, 1e-4, 1e-5, -1.5e-5, 1e-6, 1e-300),
)

TOOLS = (
    FunctionTool("get_location", "Gets the location of the user."),
    FunctionTool("get_weather", "Gets the current weather.", WEATHER),
)

SYSTEM = {
    "hello": said(user("Hello")),
    "nothing said yet": said(),
    "effort low": said(user("Hello"), effort=ReasoningEffort.LOW),
    "effort high": said(user("Hello"), effort=ReasoningEffort.HIGH),
    "no date": said(user("Hello"), date=None),
    "no cutoff": said(user("Hello"), knowledge_cutoff=None),
    "neither date nor cutoff": said(user("Hello"), date=None, knowledge_cutoff=None),
    "another identity": said(user("Hello"), identity="You are a\n\nparrot."),
    "python": said(user("2**99?"), builtin_tools=(BuiltinTool.PYTHON,)),
    "browser": said(user("News?"), builtin_tools=(BuiltinTool.BROWSER,)),
    "python and browser": said(
        user("News?"), builtin_tools=(BuiltinTool.PYTHON, BuiltinTool.BROWSER)
    ),
    "built-in tools and functions": said(
        user("News?"),
        builtin_tools=(BuiltinTool.BROWSER, BuiltinTool.PYTHON),
        functions=TOOLS,
        instructions="Be brief.",
    ),
}

DEVELOPER = {
    "instructions": said(user("Hi"), instructions="Always respond in riddles"),
    "instructions of several lines": said(user("Hi"), instructions="# One\n\n- two\n\n\nthree\n"),
    "functions": said(user("Hi"), functions=TOOLS),
    "instructions and functions": said(
        user("Hi"), functions=TOOLS, instructions="Use a friendly tone."
    ),
    "description of several lines": with_tool(None, "One.\nTwo.\r\n\nFour.\n"),
    "no description": with_tool(WEATHER, ""),
    "only a carriage return": with_tool(None, "a\rb\r"),
    "no parameters": with_tool(None),
    "empty parameters": with_tool({}),
    "object without properties": with_tool({"type": "object"}),
    "object with empty properties": with_tool({"type": "object", "properties": {}}),
}

SCHEMAS = {
    "weather": with_tool(WEATHER),
    "schema: described object": with_tool({"type": "object", "description": "All of it."}),
    "schema: primitive types": with_tool(
        {
            "type": "object",
            "properties": {
                t: {"type": t}
                for t in ("string", "number", "integer", "boolean", "array", "object", "null", "x")
            },
            "required": ["string", "array", "elsewhere", 7],
        }
    ),
    "schema: untyped": with_property({}),
    "schema: not a schema": with_property(True),
    "schema: several types": with_property({"type": ["integer", "string", "null"], "default": 1}),
    "schema: no types": with_property({"type": []}),
    "schema: strange types": with_property({"type": [1, 2]}),
    "schema: enum": with_property({"type": "string", "enum": ["a", 'say "b"', "c d"]}),
    "schema: enum of numbers": with_property({"type": "number", "enum": [1, 2]}),
    "schema: enum that is mixed": with_property({"type": "string", "enum": ["a", None, 3]}),
    "schema: empty enum with default": with_property(
        {"type": "string", "enum": [], "default": "a"}
    ),
    "schema: enum default": with_property({"type": "string", "enum": ["a"], "default": "a"}),
    "schema: string default": with_property({"type": "string", "default": 'x "y" \\ \n z'}),
    "schema: nullable": with_property({"type": "string", "nullable": True}),
    "schema: nullable null": with_property({"type": ["string", "null"], "nullable": True}),
    "schema: nullable enum with null inside": with_property(
        {"type": "string", "enum": ["nullify"], "nullable": True}
    ),
    "schema: not nullable": with_property({"type": "string", "nullable": False}),
    "schema: title": with_property({"type": "string", "title": "Title", "description": "Text."}),
    "schema: examples": with_property(
        {"type": "string", "examples": ["one", 2, "th\nree", None], "default": "one"}
    ),
    "schema: no examples": with_property({"type": "string", "examples": []}),
    "schema: description of several lines": with_property(
        {"type": "string", "description": "One.\nTwo.\r\nThree."}
    ),
    "schema: array of strings": with_property({"type": "array", "items": {"type": "string"}}),
    "schema: array of enums": with_property(
        {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}, "default": []}
    ),
    "schema: array of arrays": with_property(
        {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}
    ),
    "schema: array of objects": with_property(
        {
            "type": "array",
            "items": {
                "type": "object",
                "description": "One of them.",
                "properties": {"x": {"type": "number", "description": "Left."}},
                "required": ["x"],
            },
        }
    ),
    "schema: nested objects": with_property(
        {
            "type": "object",
            "description": "Outer.",
            "properties": {
                "inner": {
                    "type": "object",
                    "description": "Inner.",
                    "properties": {"leaf": {"type": "string", "default": ""}},
                    "required": ["leaf"],
                }
            },
        }
    ),
    "schema: oneOf at the top": with_tool(
        {
            "oneOf": [
                {"type": "string", "description": "A name.", "default": "me"},
                {"type": "string", "enum": ["a", "b"], "default": "a"},
                {"type": "number", "nullable": True, "default": 3},
                {"type": "object", "properties": {"x": {"type": "string"}}},
            ]
        }
    ),
    "schema: oneOf with nothing in it": with_tool({"oneOf": []}),
    "schema: oneOf that is no list": with_property(
        {"oneOf": "x", "description": "Text.", "default": "d", "type": "string"}
    ),
    "schema: oneOf property": with_property(
        {
            "description": "Either.",
            "default": "x",
            "oneOf": [
                {"type": "string", "description": "First."},
                {"type": "number", "description": "Second.", "default": 2},
                {"type": "string", "enum": ["a"], "default": "a", "nullable": True},
                {"type": "object", "properties": {"y": {"type": "boolean"}}},
            ],
        }
    ),
    "schema: oneOf property described as its first variant": with_property(
        {
            "description": "Same.",
            "oneOf": [
                {"type": "string", "description": "Same.", "default": "x"},
                {"type": "number", "description": "Other."},
            ],
        }
    ),
    "schema: oneOf property of an enum": with_property(
        {"enum": ["a"], "default": "a", "title": "T", "oneOf": [{"type": "string"}]}
    ),
    "schema: oneOf inside oneOf": with_property(
        {"oneOf": [{"oneOf": [{"type": "string"}, {"type": "number", "description": "n"}]}]}
    ),
    "schema: empty oneOf property": with_property({"oneOf": []}),
    "schema: what the reference does not know": with_property(
        {"anyOf": [{"type": "string"}], "$ref": "#/x", "const": 1, "pattern": "a+"}
    ),
    "schema: defaults": with_tool(
        {
            "type": "object",
            "properties": {f"p{i}": {"default": default} for i, default in enumerate(DEFAULTS)},
        }
    ),
    "schema: property names": with_tool(
        {
            "type": "object",
            "properties": {"": {}, "two words": {}, "ünï": {}, "a-b": {}, "line\nbreak": {}},
            "required": ["two words", ""],
        }
    ),
}

TURNS = {
    "second turn": said(user("2+2?"), final("4"), user("And 3+5?")),
    "analysis before a final": said(user("2+2?"), analysis("Easy."), final("4"), user("3+5?")),
    "several analyses before a final": said(
        user("2+2?"), analysis("Hm."), analysis("Easy."), preamble("Wait…"), final("4"), user("?")
    ),
    "analysis cut off, no final": said(user("2+2?"), analysis("Let me th"), user("Well?")),
    "preamble": said(user("Go."), preamble("**Plan**:\n1. Think"), functions=TOOLS),
    "call": said(user("SF?"), call('{"location":"SF"}'), functions=TOOLS),
    "call and result": said(
        user("SF?"), call('{"location":"SF"}'), result('{"sunny": true}'), functions=TOOLS
    ),
    "unfinished tool loop keeps its analysis": said(
        user("SF?"),
        analysis("Need the tool."),
        preamble("I will look."),
        call('{"location":"SF"}'),
        result('{"sunny": true}'),
        analysis("And again."),
        call('{"location":"LA"}'),
        result('{"sunny": false}'),
        functions=TOOLS,
    ),
    "finished tool loop loses its analysis": said(
        user("SF?"),
        analysis("Need the tool."),
        call('{"location":"SF"}'),
        result('{"sunny": true}'),
        final("Sunny."),
        user("Thanks"),
        functions=TOOLS,
    ),
    "python at work": said(
        user("2**99?"),
        analysis("Compute."),
        python("print(2**99)"),
        python_result("633825300114114700748351602688\n"),
        builtin_tools=(BuiltinTool.PYTHON,),
    ),
    "python has worked": said(
        user("2**99?"),
        analysis("Compute."),
        python("print(2**99)"),
        python_result("633825300114114700748351602688\n"),
        final("6.3e29"),
        user("Thanks"),
        builtin_tools=(BuiltinTool.PYTHON,),
    ),
    "browser at work": said(
        user("News?"),
        call('{"query":"news"}', "browser.search", channel=Channel.ANALYSIS),
        result("【0†Front page】", "browser.search", channel=Channel.ANALYSIS),
        builtin_tools=(BuiltinTool.BROWSER,),
    ),
    "content type: json": said(user("?"), call("{}", content_type="json")),
    "content type: constrain and a blank": said(
        user("?"), call("{}", content_type="<|constrain|> json")
    ),
    "content type: constrain alone": said(user("?"), call("{}", content_type="<|constrain|>")),
    "content type: none": said(user("?"), call("{}", content_type=None)),
    "to all": said(user("?"), Message(role=Role.ASSISTANT, content="x", recipient="all")),
    "call without a channel": said(
        Message(role=Role.ASSISTANT, content="{}", recipient="functions.get_weather")
    ),
    "assistant without a channel": said(user("?"), Message(role=Role.ASSISTANT, content="!")),
    "named user": said(Message(role=Role.USER, content="Hi", name="ann")),
    "system and developer messages in between": said(
        user("Hi"),
        Message(role=Role.SYSTEM, content="Be careful."),
        Message(role=Role.DEVELOPER, content="Be nice."),
    ),
    "empty contents": said(user(""), analysis(""), call(""), result(""), functions=TOOLS),
    "two finals": said(user("?"), final("one"), final("two"), user("!")),
    # Here the reference forgets less than docs/format.md asks for: see DROPPED_BY_THE_DOCS.
    "analysis of the second turn": said(
        user("2+2?"),
        analysis("A."),
        final("4"),
        user("3+5?"),
        analysis("B."),
        final("8"),
        user("?"),
    ),
    "tool loop in the second turn": said(
        user("2+2?"),
        analysis("A."),
        final("4"),
        user("SF?"),
        analysis("Tool."),
        call('{"location":"SF"}'),
        result("{}"),
        functions=TOOLS,
    ),
    "python in the second turn": said(
        user("2+2?"),
        final("4"),
        user("2**99?"),
        python("print(2**99)"),
        python_result("6"),
        final("6"),
        user("?"),
    ),
}

DROPPED_BY_THE_DOCS = {
    "analysis of the second turn": (1, 4),
    "tool loop in the second turn": (1,),
    "python in the second turn": (3, 4),
}
"""Messages, by index, that docs/format.md drops ("if the responses by the assistant ended in a
message to the final channel") although openai-harmony 0.0.8 keeps some of them: it drops analysis
before the first final only, and nothing at all while the last assistant message is no final."""

TEXTS = {
    "prose": "It's 7 o'clock; don't you'd've THOUGHT so? HTTPServer2 camelCase snake_case 1234567",
    "blanks": " a  b   c\t\td \n\n e\r\n\r\nf   \n   g \u00a0\u3000h   ",
    "code": "def f(x: int) -> str:\n    return f'{x!r}'  # ok\n\n\nprint(f(1))\n//path/to//x\n",
    "combining marks": "e\u0301a\u0308o\u0302\u0323 Z\u0351\u036b\u0343a\u0358l\u0321go",
    "emoji": "👩‍💻👨‍👩‍👧‍👦🏳️‍🌈👍🏽🇰🇷❤️‍🔥 1️⃣",
    "Hangul": "안녕하세요 세계! 값이 얼마예요? ㅋㅋㅋ",
    "Hangul in parts": "안녕하세요 값",
    "Thai": "สวัสดีชาวโลก กินข้าวหรือยัง น้ำ",
    "Hindi": "नमस्ते दुनिया, क्या हाल है? हिन्दी क्ष",
    "Arabic": "مرحبا بالعالم، كيف حالُك؟",
    "Hebrew": "שָׁלוֹם עוֹלָם",
    "Chinese and Japanese": "你好，世界！これはペンです。ﾊﾝｶｸ",
    "Tamil and Khmer": "வணக்கம் உலகம் សួស្តីពិភពលោក",
    "mathematics": "∑ᵢ xᵢ² ≤ ½ ⅞ Ⅷ 𝔸𝒷 ∀ε>0 ∃δ",
    "markers": "<|start|>system<|message|>no<|end|><|return|><|call|><|endoftext|><|channel|>",
    "halves of markers": "<|sta<|end|>rt|> < |end| > <|end|<|end|>>",
    "controls": "\x00\x01\x1b[31mred\x7f\x85\ufeff\u200b\u202e\ufffd",
    "case": "ǅ ß ẞ İı ſ's 'S 'LL ʼn",
    "slashes": "https://a.b/c?d=e&f#g //// \\\\ /\n/",
}

RUNS = {
    "blanks": " ",
    "line ends": "\n",
    "no-break spaces": "\u00a0",
    "equals signs": "=",
    "letters": "a",
    "capitals": "A",
    "digits": "1",
    "Hangul": "가",
    "combining": "a\u0301",
    "emoji": "👩‍💻",
    "mixed blanks": "\t \n",
    "blanks and letters": "x" + " " * 300,
}
"""What is repeated without a break."""

COMPLETIONS: dict[str, tuple[Message, ...]] = {
    "answer": (final("2 + 2 = 4."),),
    "analysis and answer": (analysis("Easy."), final("2 + 2 = 4.")),
    "two analyses": (analysis("Hm."), analysis("Easy."), final("4")),
    "call": (analysis("Need it."), call('{"location":"SF"}')),
    "call: json": (call('{"a": [1, {"b": null}]}', content_type="<|constrain|>json"),),
    "call without content type": (call("{}", content_type=None),),
    "call on analysis": (call('{"query":"x"}', "browser.search", channel=Channel.ANALYSIS),),
    "preamble and call": (analysis("Plan."), preamble("**Plan**\n1. Go"), call("{}")),
    "empty messages": (analysis(""), final("")),
    "python": (analysis("Compute."), call("print(2**99)", "python", channel=Channel.ANALYSIS)),
    **{f"answer in {name}": (analysis(text), final(text)) for name, text in TEXTS.items()},
}

CONVERSATIONS = {
    **SYSTEM,
    **DEVELOPER,
    **SCHEMAS,
    **TURNS,
    **{f"text: {name}": said(user(text), instructions=text) for name, text in TEXTS.items()},
}
