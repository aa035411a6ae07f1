#!/usr/bin/env python3
"""Compares feedmill's ops with torchvision and albumentations: images/s on one thread, and ratios,
as a table.

    cargo build --release --benches
    python3 benches/ops_peers.py target/release/deps/ops-HASH [name]

Needs torch, torchvision, albumentations and OpenCV. For each op the three are timed one after the
other, so that a ratio is of one moment. All three work on the middle of the same photograph.
"""

import subprocess
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")
import albumentations as A
import cv2
import numpy
import torch
from torchvision.io import decode_jpeg, read_file
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as F

torch.set_num_threads(1)
cv2.setNumThreads(0)
ROOT = Path(__file__).parents[1]
PHOTO = ROOT / "fixtures/photos/nature/picosdeeuropa_by_Aitzol_Berasategi.jpg"


def rate(run):
    best = 0.0
    for _ in range(5):
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < 0.06:
            run()
            count += 1
        best = max(best, count / (time.perf_counter() - start))
    return best


def main():
    program, only = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    x = F.center_crop(decode_jpeg(read_file(str(PHOTO))), [224, 224]).contiguous()
    array = numpy.ascontiguousarray(x.permute(1, 2, 0).numpy())
    print("| op | feedmill, images/s | of torchvision (u8 tensor) | of albumentations |")
    print("| --- | --- | --- | --- |")
    for line in (ROOT / "benches/ops.txt").read_text().splitlines():
        if line.startswith("#"):
            continue
        name, _, torchvision, albumentations = line.split(" | ")
        if only not in name:
            continue
        found = subprocess.run([program, name], capture_output=True, text=True, cwd=ROOT, check=True).stdout
        own = float(dict(row.split(" | ") for row in found.splitlines())[name])
        cells = [name, f"{own:.0f}"]
        names = {"x": x, "F": F, "v2": v2, "torch": torch, "InterpolationMode": InterpolationMode, "A": A, "cv2": cv2}
        if torchvision == "-":
            cells.append("")
        else:
            code = compile(torchvision, name, "eval")
            made = eval(code, names)
            run = (lambda: made(x)) if callable(made) and not isinstance(made, torch.Tensor) else (lambda: eval(code, names))
            cells.append(f"{own / rate(run):.1f}")
        if albumentations == "-":
            cells.append("")
        else:
            transform = eval(albumentations, names)
            cells.append(f"{own / rate(lambda: transform(image=array)):.1f}")
        print("| " + " | ".join(cells) + " |", flush=True)


main()
