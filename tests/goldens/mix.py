#!/usr/bin/env python3
"""Makes fixtures/goldens/mix.txt: the results of timm, torchvision and the official CutMix code for
given random values.

The committed file was made with
    Python 3.11, numpy 2.4.6, torch 2.15.0, torchvision 0.29.2, timm 1.0.31

A line is one of

    box GEOMETRY HEIGHT WIDTH LAM CY CX = Y0 X0 Y1 X1
    blend f32|u8 LAM = FNV-1a hash of lam * a + (1 - lam) * b for all pairs of levels a (rows) and b
    target CLASSES SMOOTHING LAM A B = the row of slot A

    python3 tests/goldens/mix.py
"""

import pathlib
from unittest import mock

import numpy
import torch
from timm.data.mixup import FastCollateMixup, mixup_target, rand_bbox
from torchvision.transforms import v2

FILE = pathlib.Path(__file__).parents[2] / "fixtures" / "goldens" / "mix.txt"
LAMS = [0.0, 0.125, 0.3, 0.5, 0.77, 0.999, 1.0]


def fnv1a(data):
    state = 0xCBF29CE484222325
    for byte in data:
        state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x}"


def timm_box(h, w, lam, cy, cx):
    with mock.patch("numpy.random.randint", side_effect=[cy, cx]):
        y0, y1, x0, x1 = rand_bbox((1, 3, h, w), lam)
    return y0, x0, y1, x1


def torchvision_box(h, w, lam, cy, cx):
    cutmix = v2.CutMix(num_classes=2)
    cutmix._dist = mock.Mock(sample=lambda _: torch.tensor(lam, dtype=torch.float64))
    with mock.patch("torch.randint", side_effect=[torch.tensor([cx]), torch.tensor([cy])]):
        x0, y0, x1, y1 = cutmix.make_params([torch.zeros(2, 3, h, w)])["box"]
    return y0, x0, y1, x1


def official_box(h, w, lam, cy, cx):
    """The rule of rand_bbox in train.py of github.com/clovaai/CutMix-PyTorch, with rows and columns
    in the right places."""
    ratio = numpy.sqrt(1.0 - lam)

    def span(length, centre):
        half = int(length * ratio) // 2
        return numpy.clip(centre - half, 0, length), numpy.clip(centre + half, 0, length)

    (y0, y1), (x0, x1) = span(h, cy), span(w, cx)
    return y0, x0, y1, x1


def main():
    lines = []
    for name, box in [("official", official_box), ("timm", timm_box), ("torchvision", torchvision_box)]:
        for h, w in [(32, 32), (224, 224), (17, 31), (1, 9), (97, 64)]:
            for lam in LAMS:
                for cy, cx in {(0, 0), (h // 2, w // 2), (h - 1, w // 3), (h - 1, w - 1)}:
                    edges = " ".join(str(int(edge)) for edge in box(h, w, lam, cy, cx))
                    lines.append(f"box {name} {h} {w} {lam} {cy} {cx} = {edges}")
    lines.sort()

    a = numpy.repeat(numpy.arange(256, dtype=numpy.uint8)[:, None], 256, 1)
    b = a.T.copy()
    # Weights that float32 holds exactly, since a batch stores its weights as float32.
    for lam in [0.0, 0.25, 0.5, *(float(numpy.float32(lam)) for lam in [0.1, 0.3, 0.6180339, 0.9997])]:
        pair = torch.stack([torch.from_numpy(a), torch.from_numpy(b)]).float().div(255)
        mixed = pair.mul(lam).add_(pair.flip(0).mul_(1.0 - lam))[0]
        lines.append(f"blend f32 {lam!r} = {fnv1a(mixed.numpy().tobytes())}")
        collate = FastCollateMixup(mixup_alpha=1.0, num_classes=2)
        collate._params_per_batch = lambda lam=lam: (lam, False)
        out = torch.zeros(2, 1, 256, 256, dtype=torch.uint8)
        collate._mix_batch_collate(out, [(a[None], 0), (b[None], 1)])
        lines.append(f"blend u8 {lam!r} = {fnv1a(out[0].numpy().tobytes())}")

    for classes, smoothing in [(2, 0.0), (5, 0.1), (3, 1.0)]:
        for lam in LAMS:
            for one, other in [(0, 1), (1, 1), (classes - 1, 0)]:
                row = mixup_target(torch.tensor([one, other]), classes, lam, smoothing)[0]
                values = " ".join(repr(float(value)) for value in row)
                lines.append(f"target {classes} {smoothing} {lam} {one} {other} = {values}")
    FILE.write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} lines")


main()
