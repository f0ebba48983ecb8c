"""Chinese words by the library jieba: borders are marked in the text, where the splitter finds and removes them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable

from anyformer.errors import ConfigError, Problem

BORDER = "\x1f"  # ASCII's unit separator: in no text that people write
_CHINESE = re.compile("[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")


def segmenter() -> Callable[[str], str]:
    """A function that puts `BORDER` between the Chinese words of a text.

    Raises:
        ConfigError: jieba is not installed.
    """
    try:
        jieba = importlib.import_module("jieba")  # an optional extra
    except ImportError:
        raise ConfigError(Problem("chinese", "jieba is not installed; `pip install jieba`, or take chinese: characters")) from None
    jieba.setLogLevel("ERROR")

    def segment(text: str) -> str:
        marked: list[str] = []
        for word in jieba.cut(text.replace(BORDER, " ")):
            if marked and _CHINESE.match(word) and _CHINESE.match(marked[-1][-1]):
                marked.append(BORDER)
            marked.append(word)
        return "".join(marked)

    return segment
