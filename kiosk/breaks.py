"""Where the lines of a short text break: as few as can be, even, and by what is said. Pure; widths are asked for.

All ways of filling the least number of lines are compared (Knuth and Plass, "Breaking Paragraphs into Lines", 1981,
with the few rules that large letters need). Best is what breaks after a sentence; worst is a line that ends with the
first word of a sentence ("Go / on."), a last line of one short word, and a Chinese word cut in two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from kiosk.runs import Script, script_of

Piece = tuple[str, str]
"""What may not be broken, and before it what stands between it and the piece before on one line."""

_SENTENCE = frozenset(".!?…।。！？؟")
_CLAUSE = frozenset(",;:،؛，；：")
_CLOSING = "”’»\"')』」》）"
_SHORT_WORD = 3
"""A Latin word of so few letters belongs to the next one ("of", "the", "la")."""

# Costs in shares of a squared line width: an empty line costs 1.
_AFTER_SENTENCE, _AFTER_CLAUSE, _AFTER_HAN_CLAUSE = -0.10, -0.02, -0.12
_FIRST_WORD_LEFT, _LAST_WORD_CARRIED, _SHORT_LEFT, _CUT_WORD = 0.12, 0.08, 0.03, 0.2
_ORPHAN, _ORPHAN_SHARE = 0.15, 0.25

_HAN_WORDS = """
一切 一个 一下 一次 一条 一段 一天 一些 一件 一种 一起 一样 一遍 第一 什么 怎么 哪里 这里 那里 这个 那个 这些
那些 这样 时候 现在 以前 后来 从前 小时 时间 地方 声音 故事 录音 删除 停止 保存 保留 保管 决定 随时 可以 同意
合作 其他 图书馆 图书 馆员 工作 工作人员 人员 大家 任何 任何人 暂停 谈话 文字 写下 写成 说话 说的话 话筒 喇叭
盒子 按键 按钮 手机 网络 设置 密码 数字 机器 核对 互联网 网上 引用 公开 社区 档案馆 档案 以后 之前 之后 年龄
或者 还是 已经 还没有 没有 找不回来 永远 每个人 每个 每天 我们 你们 他们 您的 自己 别人 孩子 父母 父亲 母亲 家人
家里 朋友 邻居 老师 学校 经历 情形 记得 认识 第一次 最后 最初 改变 变化 变了样 生活 开始 结束 离开 回来 回家
来到 搬到 学会 帮助 困难 重要 东西 事情 这件事 消息 疫情 期间 年轻 年纪 老年 长大 小时候 曾经 觉得 知道 告诉
讲讲 说说 愿意 安全 感到
"""
HAN_WORDS = frozenset(_HAN_WORDS.split())
"""Words that these lines keep whole where it costs no line. Not a dictionary: those of the box's own Chinese."""
_LONGEST_WORD = max(map(len, HAN_WORDS))


def best(parts: Sequence[Piece], width_of: Callable[[str], float], width: float) -> list[str]:
    """``parts`` on as few lines of at most ``width`` as they need, broken where it reads best.

    Widths are added up piece by piece; whoever sets the lines measures them once more. A piece wider than the line
    stands alone on it.
    """
    wide = [(width_of(glue) if glue else 0.0, width_of(piece)) for glue, piece in parts]
    count = needed(wide, width)
    if count <= 1:
        return [joined(parts)] if parts else []
    cuts = _cuts(parts)
    # least[lines][end]: the cost of the first ``end`` pieces on so many lines, and where the last of these begins.
    least: list[dict[int, tuple[float, int]]] = [{0: (0.0, 0)}]
    for _ in range(count):
        least.append(_one_more(least[-1], parts, wide, cuts, width))
    ends, end = [], len(parts)
    for lines in range(count, 0, -1):
        ends.append(end)
        end = least[lines][end][1]
    starts = [0, *reversed(ends)]
    return [joined(parts[start:stop]) for start, stop in pairwise(starts)]


def needed(wide: Sequence[tuple[float, float]], width: float) -> int:
    """How many lines pieces of these widths (before, own) need at least."""
    lines, filled = 0, 0.0
    for before, own in wide:
        if lines and filled + before + own <= width:
            filled += before + own
        else:
            lines, filled = lines + 1, own
    return lines


def joined(parts: Sequence[Piece]) -> str:
    """The pieces on one line."""
    return "".join(f"{glue if at else ''}{piece}" for at, (glue, piece) in enumerate(parts))


def _one_more(
    before: dict[int, tuple[float, int]],
    parts: Sequence[Piece],
    wide: Sequence[tuple[float, float]],
    cuts: Sequence[float],
    width: float,
) -> dict[int, tuple[float, int]]:
    """The least costs with one line more."""
    found: dict[int, tuple[float, int]] = {}
    for start, (cost, _) in before.items():
        filled = 0.0
        for end in range(start + 1, len(parts) + 1):
            glue, own = wide[end - 1]
            filled += own + (glue if end > start + 1 else 0.0)
            if filled > width and end > start + 1:
                break
            here = cost + (1 - min(1.0, filled / width)) ** 2
            if end < len(parts):
                here += cuts[end]
            elif filled < _ORPHAN_SHARE * width:
                here += _ORPHAN
            if end not in found or here < found[end][0]:
                found[end] = (here, start)
    return found


def _cuts(parts: Sequence[Piece]) -> list[float]:
    """What a break before each piece costs."""
    inside = _inside_words(parts)
    marks = [_mark(piece) for _, piece in parts]
    costs = [0.0] * len(parts)
    for at in range(1, len(parts)):
        left = parts[at - 1][1]
        han = script_of(left[0]) is Script.HAN
        if marks[at - 1] == "sentence":
            costs[at] = _AFTER_HAN_CLAUSE if han else _AFTER_SENTENCE
        elif marks[at - 1] == "clause":
            costs[at] = _AFTER_HAN_CLAUSE if han else _AFTER_CLAUSE
        elif inside[at]:
            costs[at] = _CUT_WORD
        elif not han:
            if at >= 2 and marks[at - 2] == "sentence":  # noqa: PLR2004  # the piece before the last one
                costs[at] += _FIRST_WORD_LEFT
            if marks[at] == "sentence" and at + 1 < len(parts):
                costs[at] += _LAST_WORD_CARRIED
            if len(left) <= _SHORT_WORD and left.isascii():
                costs[at] += _SHORT_LEFT
    return costs


def _mark(piece: str) -> str:
    last = piece.rstrip(_CLOSING)[-1:]
    return "sentence" if last in _SENTENCE and last else "clause" if last in _CLAUSE and last else ""


def _inside_words(parts: Sequence[Piece]) -> list[bool]:
    """Whether a Chinese word runs over the place before each piece."""
    inside = [False] * len(parts)
    text = [piece if len(piece) == 1 else "\n" for _, piece in parts]
    # A mark sticks to its sign, so that the last sign of a word may be a longer piece.
    firsts = [piece[0] for _, piece in parts]
    at = 0
    while at < len(parts):
        for length in range(min(_LONGEST_WORD, len(parts) - at), 1, -1):
            word = "".join(text[at : at + length - 1]) + firsts[at + length - 1]
            if word in HAN_WORDS:
                inside[at + 1 : at + length] = [True] * (length - 1)
                at += length - 1
                break
        at += 1
    return inside
