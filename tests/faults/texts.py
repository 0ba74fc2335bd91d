r"""Fifty texts that a terminal, a markup parser, a browser, a spreadsheet or a shell would obey.

All can be recorded as JSON, where a lone surrogate is written as an escape. Every escape sequence in them is
one that the explorer itself has no reason to write, so that one of them in its output is one that leaked.
"""

from __future__ import annotations

from typing import Final

_MARKS: Final = "".join(map(chr, range(0x0300, 0x0330)))

TERMINAL: Final = (
    "\x1b[2J\x1b[3J cleared",
    "\x1b[5;31mblinking red\x1b[0;7m",
    "\x1b]0;stolen title\x07",
    "\x1b]52;c;c3RvbGVu\x07 clipboard",
    "\x1b]52;c;?\x1b\\ clipboard asked",
    "\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1b]1337;File=inline=1:AAAA\x07 image",
    "\x1b]4;1;#00ff00\x07 palette",
    "\x1bP+q544e\x1b\\ DCS",
    "\x1bPq#0;2;0;0;0#0~~\x1b\\ sixel",
    "\x1b_Gi=1;AAAA\x1b\\ APC",
    "\x1b^private\x1b\\ PM",
    "\x1bXstring\x1b\\ SOS",
    "\x1bc reset",
    "\x1b[?1002h\x1b[?9h mouse",
    "\x1b[21t\x1b[0c\x1b[5n answers",
    '\x1b[!p\x1b[61"p soft reset',
    "\x1b(0 line drawing \x0e",
    "\x1b[20l\x1b[4h\x1b#8 modes",
    "\r\x1b[2J first column",
    "\x1b",
    "\x1b[",
    "unfinished \x1b]0;",
    "\x9b2J\x9b31m C1 CSI",
    "\x9d0;title\x9c\x90q\x9c\x85\x84 C1 strings",
    "bell \x07\x07 backspace \x08\x08\x08 delete \x7f",
    "NUL \x00 between \x00",
    "lines\nmore\r\nmore\rover\vdown\fpage\ttab",
    "\u202egnp.exe\u2066 isolate\u2069\u202c\u200f\u061c",
    "zero\u200bwidth\u200d\u2060\ufeff joined\u00ad soft",
    f"marks a{_MARKS}b{_MARKS}",
    "lone \ud800 surrogates \udfff\udc9b",
    "separators \u2028 and \u2029 and \x1c\x1d\x1e\x1f",
    "tags \U000e0041\U000e0042 and \ufff9a\ufffab\ufffb noncharacter \uffff\U0001fffe",
)
"""Obeyed, hidden or mismeasured by a terminal."""

MARKUP: Final = (
    "[red]bold[/red]",
    "[/x] closes nothing",
    "[@click=app.quit]x[/] click",
    "[@click=app.bell]x[/] [on_click=app.quit]",
    "[true, false]",
    "[link=javascript:alert(1)]x[/link]",
    "[$primary]x[/] [auto on $error 50%] [[",
    ":pile_of_poo: :red_heart: {0} %s %(x)s ${x}",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "]]>&nosuch;<!-- \x0c --> \" ' onload=alert(1)",
    "[x](javascript:alert(1)) ![x](https://evil.example/x.png) `code`",
    "=cmd|'/C calc'!A0",
    "@SUM(1+1)*cmd|'/C calc'!A0",
    "'; drop table node; -- \" \\' %' or 1=1",
)
"""Obeyed by what reads text, not bytes."""

SIZE: Final = (
    "long " + "0123456789" * 2_000,
    "한글 日本語 ｆｕｌｌ 👩\u200d👩\u200d👧 🇰🇷 ❤\ufe0f ☎\ufe0e ￦",
)
"""Drawn at a width that is easily mistaken."""

HOSTILE: Final = (*TERMINAL, *MARKUP, *SIZE)
