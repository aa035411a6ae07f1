#!/usr/bin/env python3
"""Makes fixtures/goldens/blur.txt and blur.bin: the results of the reference libraries for blurs
and sharpening of the images of fixtures/goldens.

The committed files were made with
    Python 3.11, numpy 2.4.6, Pillow 13.0.0, torch 2.15.0, torchvision 0.29.2,
    imagecorruptions 1.1.2

    blur.txt   image, op, parameters, size and FNV-1a hash of the RGB of the result, which must be
               equal; or `near` in place of the hash: the pixels are the next ones in blur.bin, and
               may differ by 1 level

    python3 tests/goldens/blur.py
"""

import numpy
import torch
from PIL import Image, ImageEnhance, ImageFilter
from torchvision.transforms.v2 import functional

from common import FOLDER, fnv1a, imagecorruptions

NAMES = ["life", "wine", "places", "1x1", "1x23", "23x1", "17x31", "noise"]
SMALL = ["1x1", "1x23", "23x1", "17x31"]


def tensor(image):
    return torch.from_numpy(numpy.array(image)).permute(2, 0, 1)


def rgb(tensor):
    return tensor.permute(1, 2, 0).contiguous().numpy()


def equal(image):
    for factor in [0.0, 0.1, 0.5, 0.9, 1.0, 1.3, 1.9, 4.0]:
        yield f"sharpness pil {factor}", ImageEnhance.Sharpness(image).enhance(factor)
        yield f"sharpness tv2 {factor}", rgb(functional.adjust_sharpness(tensor(image), factor))
    for radius in [0.1, 0.5, 0.77, 1.0, 1.63, 2.0, 3.3, 5.0, 11.0, 40.0]:
        yield f"pil_gaussian_blur {radius}", image.filter(ImageFilter.GaussianBlur(radius))
    for radius in [0.2, 0.5, 1.0, 1.7, 2.0, 4.9, 10.0, 33.3]:
        yield f"box_blur {radius}", image.filter(ImageFilter.BoxBlur(radius))
    for size in [1, 3, 5, 9, 15]:
        yield f"median_blur {size}", image.filter(ImageFilter.MedianFilter(size))


def near(image):
    for kernel, sigma in [(3, 0.1), (3, 1.0), (5, 0.8), (9, 1.7), (23, 2.0), (13, 6.0)]:
        # torch pads by reflection, which fails where half of the kernel is as long as a side.
        if kernel // 2 < min(image.size):
            yield f"gaussian_blur {kernel} {sigma}", rgb(functional.gaussian_blur(tensor(image), kernel, sigma))
    for radius, sigma, angle in [(5, 2.0, 0.0), (10, 3.0, 30.0), (15, 5.0, -45.0), (3, 9.0, 117.0), (4, 2.0, -160.0)]:
        result = imagecorruptions()._motion_blur(numpy.array(image), radius, sigma, angle)
        yield f"motion_blur {radius} {sigma} {angle}", numpy.clip(result, 0, 255).astype(numpy.uint8)


def main():
    lines, data = [], bytearray()
    for name in NAMES:
        image = Image.open(FOLDER / f"{name}.png").convert("RGB")
        for op, result in equal(image):
            result = numpy.array(result)
            height, width, _ = result.shape
            lines.append(f"{name} {op} = {width} {height} {fnv1a(result.tobytes())}")
        # Photographs are cropped to keep the file small.
        if name not in SMALL:
            name, image = f"{name}:40x30", image.crop((20, 10, 60, 40))
        for op, result in near(image):
            lines.append(f"{name} {op} = {image.width} {image.height} near")
            data += result.tobytes()
    (FOLDER / "blur.txt").write_text("\n".join(lines) + "\n")
    (FOLDER / "blur.bin").write_bytes(data)
    print(f"{len(lines)} lines, {len(data)} bytes")


main()
