"""Replies as agents write them, and the text that reaches the phone. Read top to bottom, these are the rules."""

from textwrap import dedent

import pytest

from workers.text.plain import to_plain

GOLDEN = {
    "marks of emphasis go, words stay": (
        "**Bold**, *italic*, ***both***, __bold__ and `code`, but snake_case_name and 5 * 3 * 2.",
        "Bold, italic, both, bold and code, but snake_case_name and 5 * 3 * 2.",
    ),
    "headings are lines": (
        """
        # Trip to Oslo

        ## Day 1
        Arrive at *noon*.

        Day 2
        -----
        Leave.
        """,
        """
        Trip to Oslo

        Day 1
        Arrive at noon.

        Day 2
        Leave.
        """,
    ),
    "line ends stay where the agent put them": (
        "12 Main St  \nSpringfield\\\nOregon\nUSA",
        "12 Main St\nSpringfield\nOregon\nUSA",
    ),
    "at most one blank line in a row, none outside": (
        "\n\n\none\n\n\n\n\ntwo\n \n\t\n\nthree\n\n\n",
        "one\n\ntwo\n\nthree",
    ),
    "bullets are GSM-7, nesting is two blanks": (
        """
        Buy:
        * milk
          + oat
            - 1 litre
        * eggs

        Done.
        """,
        """
        Buy:
        - milk
          - oat
            - 1 litre
        - eggs

        Done.
        """,
    ),
    "ordered lists count on from their start": (
        """
        3. three
        3. four
           1) nested
           2) more
        """,
        """
        3. three
        4. four
          1) nested
          2) more
        """,
    ),
    "a list with paragraphs is as dense as any other": (
        "1. Open the app.\n\n   It takes a while.\n\n2. Tap *Pay*.",
        "1. Open the app.\n  It takes a while.\n2. Tap Pay.",
    ),
    "tasks keep their boxes": ("- [ ] call Ann\n- [x] pay **rent**", "[ ] call Ann\n[x] pay rent"),
    "a table is one short record per row": (
        """
        | Plan  | Price | Users |
        |:------|------:|:-----:|
        | Basic | $5    | 3     |
        | Pro   | $9    |       |
        """,
        """
        Plan:

        Basic
        - Price: $5
        - Users: 3

        Pro
        - Price: $9
        """,
    ),
    "rows too short or too long lose no cell": (
        """
        Result:
        | | A | B |
        |---|---|---|
        | x | 1 |
        | y | [doc](https://ex.com/a_b) | `p\\|q` | extra |
        That is all.
        """,
        """
        Result:
        x
        - A: 1

        y
        - A: doc (https://ex.com/a_b)
        - B: p|q
        - extra

        That is all.
        """,
    ),
    "a quote loses its marks: it is mostly a draft to copy": (
        """
        Here is the text:

        > Hi Ann,
        >
        > see you at **8**.
        > > Bob
        """,
        """
        Here is the text:

        Hi Ann,

        see you at 8.
        Bob
        """,
    ),
    "an alert says what it is": ("> [!WARNING]\n> Do not *reboot*.", "Warning: Do not reboot."),
    "code keeps its lines, not its fences": (
        "Run:\n```bash\n  make *all*  # <b>\n\necho $A_B_C\n```\nthen wait.",
        "Run:\n  make *all*  # <b>\n\necho $A_B_C\n\nthen wait.",
    ),
    "a fence that never closes is code to the end": ("```python\nx = a_b_c * d * e", "x = a_b_c * d * e"),
    "links are a label and an address": (
        "See [the *docs*](https://ex.com/a_b_c 'Title'), [mail us](mailto:a_b@ex.com) or [up](#top).",
        "See the docs (https://ex.com/a_b_c), mail us (mailto:a_b@ex.com) or up.",
    ),
    "a label that says the same is said once": (
        "[https://ex.com/](https://ex.com/) [ex.com](https://ex.com/) [a@ex.com](mailto:a@ex.com) [](https://ex.com/x)",
        "https://ex.com/ https://ex.com/ a@ex.com https://ex.com/x",
    ),
    "URLs survive byte for byte": (
        "https://ex.com/a_b_c*d* <https://ex.com/?a=1&amp;b=%20&copy=2> **https://ex.com/x** "
        "(https://en.wikipedia.org/wiki/Foo_(bar)), https://ex.com/~u_/*x*?q=a_b_#_f_.",
        "https://ex.com/a_b_c*d* https://ex.com/?a=1&amp;b=%20&copy=2 https://ex.com/x "
        "(https://en.wikipedia.org/wiki/Foo_(bar)), https://ex.com/~u_/*x*?q=a_b_#_f_.",
    ),
    "escapes in an address mean what CommonMark says they mean": (
        r"https://ex.com/a\_b [x](https://ex.com/c\)d) <https://ex.com/e\_f> `https://ex.com/g\_h` "
        '&lt;https://ex.com&gt; [y](<https://ex.com/i_j_>) <a href="https://ex.com/?k=1&amp;l=2">z</a> https://ex.com/?m=1&amp;n=2&copy=3',
        r"https://ex.com/a_b x (https://ex.com/c)d) https://ex.com/e\_f https://ex.com/g\_h <https://ex.com> "
        "y (https://ex.com/i_j_) z (https://ex.com/?k=1&l=2) https://ex.com/?m=1&n=2&copy=3",
    ),
    "reference links are resolved, references without a link are kept": (
        """
        As [shown][1] and [2].

        [1]: https://ex.com/one_two_
        [2]: <https://ex.com/2>
        [3]: https://ex.com/three "Third"
        """,
        """
        As shown (https://ex.com/one_two_) and 2 (https://ex.com/2).

        [3]: https://ex.com/three "Third"
        """,
    ),
    "images are their description and address": (
        "![A cat](https://ex.com/c_a_t.png) ![](https://ex.com/2.png) [![Logo](https://ex.com/l.png)](https://ex.com)",
        "A cat (https://ex.com/c_a_t.png) https://ex.com/2.png Logo (https://ex.com/l.png) (https://ex.com)",
    ),
    "footnotes come last, used or not": (
        "Water boils[^b] at 100 C.\n\n[^x]: Not used: https://ex.com/x_y_\n[^b]: At *sea level*.",
        "Water boils[1] at 100 C.\n\n[1] At sea level.\n[2] Not used: https://ex.com/x_y_",
    ),
    "HTML is read, scripts and comments are not shown": (
        '<p align="center">Hello <b>you</b> &amp; <a href="https://ex.com/?a_b_">me</a><br>x<sup>2</sup></p>\n'
        "<ul><li>one</li><li>two</li></ul>\n\n<!-- secret -->\n<script>alert('x')</script>\n\nBye<!-- now -->.",
        "Hello you & me (https://ex.com/?a_b_)\nx^2\n- one\n- two\n\nBye.",
    ),
    "what only looks like HTML is text": (
        "Type `git clone <url>` or <your name> for a Vec<T>; 1 < 2 > 0.",
        "Type git clone <url> or <your name> for a Vec<T>; 1 < 2 > 0.",
    ),
    "rules are three hyphens": ("above\n\n* * *\n\nbelow\n___", "above\n\n---\n\nbelow\n---"),
    "escapes and character references are resolved": (
        r"\*not emphasised\*, \# no heading, \[draft\] &lt;tag&gt; 5&nbsp;&euro; AT&T &bogus;",
        "*not emphasised*, # no heading, [draft] <tag> 5\u00a0€ AT&T &bogus;",
    ),
    "math stays as it is": (
        r"$a_1*b_2*c$, \(x_1 \times y\), \[ \frac{a*b*c}{d} \] and 2*3*4 = 24; it costs $5 or **$10**.",
        r"$a_1*b_2*c$, \(x_1 \times y\), \[ \frac{a*b*c}{d} \] and 2*3*4 = 24; it costs $5 or $10.",
    ),
    "struck text stays struck, as on a chat": ("~~$10~~ **$5**", "~$10~ $5"),
    "emoji are kept": ("# 🎉 Party\n- *👨‍👩‍👧* 🇩🇪", "🎉 Party\n- 👨‍👩‍👧 🇩🇪"),
    "a reply that shows nothing is nothing": ("<!-- thinking -->\n\n&nbsp;\n", ""),
}


@pytest.mark.parametrize(("markdown", "plain"), GOLDEN.values(), ids=GOLDEN)
def test_a_reply_reads_well_on_a_phone(markdown: str, plain: str) -> None:
    assert to_plain(dedent(markdown)) == dedent(plain).strip("\n")


@pytest.mark.parametrize("markdown", [markdown for markdown, _ in GOLDEN.values()], ids=GOLDEN)
def test_windows_line_ends_change_nothing(markdown: str) -> None:
    assert to_plain(markdown.replace("\n", "\r\n")) == to_plain(markdown)
