#!/usr/bin/env python3
"""Draw the rates of the newest record in benches/record/ as docs/images/throughput.svg.

usage: plot.py [RECORD]

tests/docs.rs checks that the plot, README.md and docs/PERFORMANCE.md show the newest record. The
colors are between black and white, since a page shows the same file on either.

Needs Python 3.8 and nothing else.
"""

import json
import sys
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PRESET = "imagenet"

WIDTH, LEFT, RIGHT = 760, 190, 110
TOP, ROW, BAR, BOTTOM = 58, 30, 18, 44
TEXT, RULE, OURS, OTHERS = "#747b83", "#8b949e", "#d2691e", "#8b949e"


def newest():
    """The record with the latest date; of one day, the last by name."""
    paths = (ROOT / "benches" / "record").glob("*.json")
    records = [(json.loads(path.read_text()), path.name) for path in paths]
    records = [(r["date"], name, r) for r, name in records if r["job"]["preset"] == PRESET]
    if not records:
        sys.exit(f"no record of the preset {PRESET}: see benches/record/README.md")
    return max(records)[2]


def text(x, y, words, size=14, anchor="start", weight=400, fill=TEXT):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
        f'font-weight="{weight}" fill="{fill}">{escape(words)}</text>'
    )


def plot(record):
    runs = sorted(record["runs"], key=lambda run: -run["median"])
    fastest = max(rate for run in runs for process in run["images_per_s"] for rate in process)
    scale = (WIDTH - LEFT - RIGHT) / fastest
    height = TOP + ROW * len(runs) + BOTTOM
    job, machine = record["job"], record["machine"]
    title = "JPEG files to augmented batches: images/s, more is better"
    about = (
        f"RandomResizedCrop 224, flip, normalize, f32 batches of {job['batch']}; "
        f"{job['workers']} workers each; the median epoch, and the range of all"
    )
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" font-family="system-ui, sans-serif" role="img">',
        f"<title>{escape(title)}</title>",
        text(8, 20, title, 16, weight=600),
        text(8, 40, about, 12),
    ]
    for place, run in enumerate(runs):
        ours = run["loader"].startswith("feedmill")
        color, opacity, weight = (OURS, 1, 600) if ours else (OTHERS, 0.6, 400)
        top = TOP + ROW * place + (ROW - BAR) / 2
        middle, base = top + BAR / 2, top + BAR / 2 + 5
        rates = [rate for process in run["images_per_s"] for rate in process]
        low, high = LEFT + min(rates) * scale, LEFT + max(rates) * scale
        lines += [
            text(LEFT - 10, base, run["loader"], anchor="end", weight=weight),
            f'<rect x="{LEFT}" y="{top:.1f}" width="{run["median"] * scale:.1f}" '
            f'height="{BAR}" rx="2" fill="{color}" fill-opacity="{opacity}"/>',
            f'<path d="M{low:.1f} {middle:.1f}H{high:.1f}M{low:.1f} {middle - 4:.1f}v8'
            f'M{high:.1f} {middle - 4:.1f}v8" stroke="{TEXT}" stroke-width="1.5"/>',
            text(high + 10, base, f"{run['median']:,.0f}", weight=weight),
        ]
    foot = TOP + ROW * len(runs)
    origin = f"{machine['cpu']}, {machine['cores']} cores; {record['date']}"
    if record["note"]:
        origin += f"; {record['note']}"
    lines += [
        f'<path d="M{LEFT} {TOP}V{foot}" stroke="{RULE}" stroke-width="1"/>',
        text(8, foot + 22, origin, 12),
        text(8, foot + 37, f"{record['data']['about']}, in the page cache", 12),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def main():
    record = json.loads(Path(sys.argv[1]).read_text()) if len(sys.argv) > 1 else newest()
    path = ROOT / "docs" / "images" / "throughput.svg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(plot(record))
    print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
