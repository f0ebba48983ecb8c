"""Pages are well formed, show text as text, and fetch nothing."""

from __future__ import annotations

import html_check
import pytest

from anyformer.run import html

NASTY = "</td><script>alert('x')</script> & \"quoted\" \u2028 \u0645\u0631\u062d\u0628\u0627"


def test_text_stays_text_wherever_it_stands() -> None:
    pieces = [
        html.section(NASTY, html.paragraph(NASTY), html.preformatted(NASTY)),
        html.facts([(NASTY, NASTY)]),
        html.table((NASTY, "n"), [(NASTY, "1")], numbers=(1,)),
        html.folded(NASTY, html.preformatted(NASTY)),
        html.picture(b"<svg/>", NASTY),
    ]
    found = html_check.read(html.page(NASTY, pieces))
    assert found.problems == [] and "script" not in found.tags
    assert found.text.count(NASTY) == 11 and found.attributes["alt"] == [NASTY]


def test_what_is_empty_leaves_no_trace() -> None:
    for made in (html.section("Title"), html.section("Title", "", ""), html.paragraph(""), html.table(("a",), []), html.preformatted(""), html.folded("a", "")):
        assert made == ""


@pytest.mark.parametrize(
    ("page", "says"),
    [
        ("<p>a", "p is not closed"),
        ("<p>a</b></p>", "b is closed"),
        ('<img src="https://example.org/a.png">', "https://example.org/a.png"),
        ("<style>a { background: url(a.png) }</style>", "url(a.png"),
        ('<link rel="stylesheet" href="a.css">', "a.css"),
    ],
)
def test_the_check_finds_what_it_is_for(page: str, says: str) -> None:
    assert any(says in problem for problem in html_check.read(page).problems)
