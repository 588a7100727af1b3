"""A plot of a few points as SVG text: nothing to install, opens in any browser."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 800, 480, 80, 50, 30, 70
_TICKS: Final = 5


@dataclass(frozen=True, slots=True)
class Point:
    """One measured way: where it lies, and what it is called."""

    x: float
    y: float
    name: str
    ours: bool = True


def scatter(points: Sequence[Point], title: str, across: str, up: str) -> str:
    """Draw ``points``; both axes begin at zero. ``across`` and ``up`` name them with their units."""
    most_x = 1.1 * max([point.x for point in points if point.x > 0], default=1.0)
    most_y = 1.1 * max([point.y for point in points if point.y > 0], default=1.0)
    wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="28" font-size="18">{escape(title)}</text>',
        f'<text x="{_LEFT + wide / 2}" y="{_HEIGHT - 18}" text-anchor="middle">{escape(across)}</text>',
        f'<text transform="translate(22 {_TOP + high / 2}) rotate(-90)" text-anchor="middle">{escape(up)}</text>',
    ]
    for tick in range(_TICKS + 1):
        share = tick / _TICKS
        x, y = _LEFT + share * wide, _TOP + high - share * high
        lines += [
            f'<path d="M{x} {_TOP}V{_TOP + high}M{_LEFT} {y}H{_LEFT + wide}" stroke="#ddd"/>',
            f'<text x="{x}" y="{_TOP + high + 20}" text-anchor="middle">{share * most_x:.3g}</text>',
            f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{share * most_y:.3g}</text>',
        ]
    for point in points:
        x, y = _LEFT + point.x / most_x * wide, _TOP + high - point.y / most_y * high
        # Ours are full discs, the others rings: the difference shows without colour, too.
        colour = 'fill="#b4441e"' if point.ours else 'fill="white" stroke="#333" stroke-width="2"'
        lines.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="6" {colour}/>')
        lines.append(f'<text x="{x + 10:.1f}" y="{y - 8:.1f}">{escape(point.name)}</text>')
    return "\n".join([*lines, "</svg>", ""])
