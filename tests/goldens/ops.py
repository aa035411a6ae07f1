#!/usr/bin/env python3
"""Makes fixtures/goldens: small images, and the results of the reference libraries for them.

The committed files were made with
    Python 3.11, numpy 2.4.6, Pillow 13.0.0 (libjpeg-turbo 3.2.0), torch 2.15.0, torchvision 0.29.2

    *.png          the images, cropped from fixtures/photos
    ops.txt        image, op, size and FNV-1a hash of the RGB of the result, which must be equal
    resize.txt     image, filter, crop and size of each result in resize.bin, which may differ by 1
                   level
    normalize.txt  mean, std and the hash of the 3 x 256 float32 of (v / 255 - mean) / std, which must
                   be equal

    python3 tests/goldens/ops.py
"""

import pathlib

import numpy
import torch
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode, functional

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"
FOLDER = FIXTURES / "goldens"
PHOTOS = {
    "life": "nature/life_by_Aitzol_Berasategi.jpg",
    "wine": "still/Wine_by_Jakkub_Mede.jpg",
    "places": "places/Picture_1A_by_freespace.jpg",
}
FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
FACTORS = [0.0, 0.2, 0.5, 0.85, 1.0, 1.3, 2.0]
HUES = [-0.5, -0.37, -0.1, -0.01, 0.0, 0.004, 0.05, 0.2, 0.33, 0.5]


def fnv1a(data):
    state = 0xCBF29CE484222325
    for byte in data:
        state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x}"


def pictures():
    photos = {name: Image.open(FIXTURES / "photos" / path).convert("RGB") for name, path in PHOTOS.items()}
    yield "life", photos["life"].resize((160, 107), Image.BOX)
    yield "wine", photos["wine"].crop((150, 90, 247, 221))
    yield "places", photos["places"].resize((120, 120), Image.BOX)
    # Unusual shapes, from parts with much detail.
    yield "1x1", photos["places"].crop((301, 200, 302, 201))
    yield "1x23", photos["places"].crop((301, 200, 302, 223))
    yield "23x1", photos["places"].crop((301, 200, 324, 201))
    yield "17x31", photos["life"].crop((300, 200, 317, 231))
    # Noise has colors of every hue, saturation and value.
    random = numpy.random.default_rng(1)
    yield "noise", Image.fromarray(random.integers(0, 256, (64, 64, 3), dtype=numpy.uint8))


def exact(image):
    """Ops whose bytes must be equal: yields the name with parameters, and the result."""
    w, h = image.size
    for factor in FACTORS:
        yield f"brightness {factor}", functional.adjust_brightness(image, factor)
        yield f"contrast {factor}", functional.adjust_contrast(image, factor)
        yield f"saturation {factor}", functional.adjust_saturation(image, factor)
    for shift in HUES:
        yield f"hue {shift}", functional.adjust_hue(image, shift)
    yield "horizontal_flip", functional.hflip(image)
    yield "vertical_flip", functional.vflip(image)
    for size in [(1, 1), (16, 16), (33, 20), (64, 81), (150, 9)]:
        yield f"center_crop {size[1]} {size[0]}", transforms.CenterCrop((size[1], size[0]))(image)
        yield f"nearest {size[0]} {size[1]}", image.resize(size, Image.NEAREST)
    for size in [(w * 2 + 1, h * 3), (w, h), (max(w // 3, 1), h)]:
        yield f"nearest {size[0]} {size[1]}", image.resize(size, Image.NEAREST)
    for short in [7, 50]:
        resized = functional.resize(image, short, InterpolationMode.NEAREST)
        yield f"shorter {short}", resized
    for padding, top, left, height, width in [(4, 0, 0, 9, 9), (4, 3, 8, 5, 1), (30, 1, 2, 55, 50)]:
        for mode in ["constant", "reflect"]:
            if mode == "reflect" and 1 in (w, h):
                continue  # numpy repeats a side of one pixel, as feedmill does by a test of its own
            padded = functional.pad(image, padding, (9, 80, 200) if mode == "constant" else 0, mode)
            result = functional.crop(padded, top, left, height, width)
            yield f"pad_crop {mode} {left - padding} {top - padding} {width} {height}", result


def resized(name, image):
    """Resizes, and crops that are resized: yields filter, crop box, size and result."""
    w, h = image.size
    sizes = {
        "life": [(80, 53), (159, 106), (32, 32), (200, 30), (20, 140), (7, 5), (1, 1), (170, 107), (160, 40)],
        "wine": [(64, 64), (97, 60), (40, 131), (128, 80), (3, 99)],
        "places": [(119, 121), (56, 56), (121, 13), (150, 70)],
        "noise": [(32, 32), (63, 65), (91, 90), (21, 64), (10, 3), (2, 2)],
    }.get(name, [(1, 1), (8, 8), (5, 40), (40, 5), (17, 30)])
    for filter, method in FILTERS.items():
        for size in sizes:
            yield filter, (0, 0, w, h), size, image.resize(size, method)
        if w > 60 and h > 60:
            for left, top, width, height in [(3, 5, 50, 41), (0, 0, w, 30), (w - 31, h - 60, 31, 60)]:
                crop = functional.resized_crop(image, top, left, height, width, (48, 48),
                                               InterpolationMode(filter))
                yield filter, (left, top, width, height), (48, 48), crop


def main():
    FOLDER.mkdir(exist_ok=True)
    lines, index, data = [], [], bytearray()
    for name, image in pictures():
        image.save(FOLDER / f"{name}.png", optimize=True)
        for op, result in exact(image):
            lines.append(f"{name} {op} = {result.width} {result.height} {fnv1a(result.tobytes())}")
        for filter, box, size, result in resized(name, image):
            assert result.size == size
            index.append(f"{name} {filter} {' '.join(map(str, box))} {size[0]} {size[1]}")
            data += result.tobytes()
    # Whole photographs, as a training run shrinks them.
    for name in ["life", "wine"]:
        image = Image.open(FIXTURES / "photos" / PHOTOS[name]).convert("RGB")
        for filter, method in FILTERS.items():
            for size in [(112, 74), (20, 60)]:
                index.append(f"{PHOTOS[name]} {filter} 0 0 {image.width} {image.height} {size[0]} {size[1]}")
                data += image.resize(size, method).tobytes()
    (FOLDER / "ops.txt").write_text("\n".join(lines) + "\n")
    (FOLDER / "resize.txt").write_text("\n".join(index) + "\n")
    (FOLDER / "resize.bin").write_bytes(data)
    table = []
    levels = torch.arange(256, dtype=torch.uint8).expand(3, 1, 256)
    for mean, std in [
        ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)),
        ((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
        ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    ]:
        image = functional.normalize(functional.convert_image_dtype(levels, torch.float32), mean, std)
        numbers = " ".join(str(value) for value in mean + std)
        table.append(f"{numbers} {fnv1a(image.contiguous().numpy().tobytes())}")
    (FOLDER / "normalize.txt").write_text("\n".join(table) + "\n")
    print(f"{len(lines)} equal, {len(index)} close in {len(data)} bytes, {len(table)} tables")


main()
