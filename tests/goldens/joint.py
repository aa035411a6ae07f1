#!/usr/bin/env python3
"""Makes fixtures/goldens/joint.txt: where torchvision moves boxes, keypoints and masks.

The committed file was made with
    Python 3.11, Pillow 13.0.0, torch 2.15.0, torchvision 0.29.2

A line is
    width height | op as a recipe writes it | boxes | keypoints | mask of tv_tensors.Mask |
    mask through Pillow

Boxes and keypoints are those of `inputs` after the op, unrounded. A mask has one letter per pixel,
`a` for 0 and `.` for pixels outside the image (255). Before the op it is `(x // 5 + y // 4 * 3) %
7`.

    python3 tests/goldens/joint.py
"""

import pathlib

import numpy
import torch
from PIL import Image
from torchvision import tv_tensors
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional

FILE = pathlib.Path(__file__).parents[2] / "fixtures" / "goldens" / "joint.txt"
SIZES = [(32, 24), (21, 30)]


def inputs(w, h):
    boxes = [[2, 3, 11, 9], [0, 0, w, h], [w - 9.5, h - 8.25, w - 1, h - 2], [7, 5, 8, 20]]
    points = [[0.5, 0.5], [w / 2, h / 2], [w - 3.25, 4], [5, h - 2.5], [10, 11]]
    x, y = numpy.meshgrid(numpy.arange(w), numpy.arange(h))
    mask = ((x // 5 + y // 4 * 3) % 7).astype(numpy.uint8)
    return boxes, points, mask


def cases(w, h):
    """Pairs of an op as a recipe writes it and the call of torchvision; extra arguments are for
    masks."""
    yield 'op = "horizontal_flip", p = 1.0', lambda v, **_: functional.horizontal_flip(v)
    yield 'op = "vertical_flip", p = 1.0', lambda v, **_: functional.vertical_flip(v)
    for side in [12, 20]:
        yield f'op = "center_crop", size = {side}', lambda v, side=side, **_: functional.center_crop(v, [side, side])
    padding = [3, 1, 4, 2]
    yield f'op = "pad", padding = {padding}', lambda v, fill=0, **_: functional.pad(v, padding, fill=fill)
    for th, tw in [(48, 40), (11, 17), (h, w), (7, 60)]:
        yield (
            f'op = "resize", size = [{th}, {tw}]',
            # For tensors, NEAREST takes the pixel at trunc(i * in / out) instead of the one below
            # the center of the new pixel.
            lambda v, th=th, tw=tw, mask=False, **_: functional.resize(
                v, [th, tw], interpolation=InterpolationMode.NEAREST_EXACT if mask else InterpolationMode.BILINEAR
            ),
        )
    for degrees in [90.0, 15.0, -33.0, 180.0, 77.5]:
        yield (
            f'op = "rotate", degrees = {degrees}',
            lambda v, d=degrees, fill=0, **_: functional.rotate(v, d, fill=fill),
        )
    for degrees, tx, ty, scale, sx, sy in [
        (0.0, 0.25, -0.125, 1.0, 0.0, 0.0),
        (20.0, 0.0, 0.0, 1.3, 0.0, 0.0),
        (0.0, 0.0, 0.0, 0.6, 12.0, 0.0),
        (-40.0, 0.1, 0.2, 0.9, -8.0, 14.0),
    ]:
        move = [round(tx * w), round(ty * h)]
        yield (
            f'op = "affine", degrees = {degrees}, translate_x = {tx}, translate_y = {ty}, scale = {scale}, '
            f"shear_x = {sx}, shear_y = {sy}",
            lambda v, d=degrees, m=move, s=scale, sh=[sx, sy], fill=0, **_: functional.affine(
                v, d, m, s, sh, fill=fill
            ),
        )
    for shares in [
        [[0.1, 0.05], [0.9, 0.15], [1.0, 1.0], [0.0, 0.8]],
        [[0.0, 0.2], [0.75, 0.0], [0.8, 0.9], [0.25, 1.0]],
    ]:
        start = [[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]]
        end = [[x * (w - 1), y * (h - 1)] for x, y in shares]
        yield (
            f'op = "perspective", p = 1.0, filter = "nearest", corners = {shares}',
            lambda v, e=end, fill=0, **_: functional.perspective(
                v, start, e, fill=fill, interpolation=InterpolationMode.NEAREST
            ),
        )


def letters(mask):
    rows = numpy.asarray(mask).reshape(numpy.asarray(mask).shape[-2:])
    return "/".join("".join("." if v == 255 else chr(ord("a") + v) for v in row) for row in rows)


def numbers(rows):
    return " ".join(",".join(f"{v:.4f}" for v in row) for row in rows.tolist())


lines = []
for w, h in SIZES:
    boxes, points, mask = inputs(w, h)
    for text, op in cases(w, h):
        box = tv_tensors.BoundingBoxes(
            torch.tensor(boxes, dtype=torch.float64), format="XYXY", canvas_size=(h, w), clamping_mode="hard"
        )
        point = tv_tensors.KeyPoints(torch.tensor(points, dtype=torch.float64), canvas_size=(h, w))
        tensor = tv_tensors.Mask(torch.from_numpy(mask)[None])
        found = [
            numbers(op(box)),
            numbers(op(point)),
            letters(op(tensor, fill=255, mask=True)),
            letters(op(Image.fromarray(mask), fill=255, mask=True)),
        ]
        lines.append(" | ".join([f"{w} {h}", text, *found]))
FILE.write_text("\n".join(lines) + "\n")
print(len(lines), "cases")
