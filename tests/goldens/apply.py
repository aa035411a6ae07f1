#!/usr/bin/env python3
"""Makes fixtures/goldens/apply.txt: the results of Pillow, torchvision, timm and others for ops as
a recipe writes them.

The committed file was made with
    Python 3.11, numpy 2.4.6, Pillow 13.0.0, torch 2.15.0, torchvision 0.29.2, timm 1.0.31,
    OpenCV 5.0.0, scikit-image 0.26.0

A line is: image | reference | op as in `feedmill apply` | width height hash. The images are those
of ops.py; the hash is FNV-1a of the RGB of the result. feedmill's results must be equal.

    python3 tests/goldens/apply.py
"""

import random

import cv2
import numpy
import torch
from PIL import Image, ImageOps
from skimage import exposure
from timm.data import auto_augment as timm
from torchvision.transforms import InterpolationMode, functional
from torchvision.transforms.v2 import functional as v2
from torchvision.transforms.v2 import AugMix, AutoAugment, RandAugment, TrivialAugmentWide

from common import FOLDER, fnv1a

PICTURES = ["life", "wine", "places", "1x1", "1x23", "23x1", "17x31", "noise"]
FILTERS = ["nearest", "bilinear", "bicubic"]
PIL = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}


def toml(op, /, **params):
    def value(v):
        if isinstance(v, str):
            return f'"{v}"'
        if isinstance(v, bool):
            return str(v).lower()
        if isinstance(v, (list, tuple)):
            return "[" + ", ".join(value(x) for x in v) + "]"
        if isinstance(v, dict):
            return "{ " + ", ".join(f"{k} = {value(x)}" for k, x in v.items()) + " }"
        return repr(v)

    return ", ".join([f'op = "{op}"'] + [f"{key} = {value(v)}" for key, v in params.items()])


def tensor(image):
    return torch.from_numpy(numpy.array(image)).permute(2, 0, 1)


def picture(values):
    return Image.fromarray(values.permute(1, 2, 0).contiguous().numpy())


def geometry(image):
    w, h = image.size
    mode = InterpolationMode
    for filter in FILTERS:
        for degrees in [-170.0, -45.0, -7.5, 0.0, 3.0, 15.0, 30.0, 90.0, 133.0, 180.0, 270.0]:
            result = functional.rotate(image, degrees, mode(filter))
            yield "torchvision", toml("rotate", degrees=degrees, filter=filter), result
        result = functional.rotate(image, 25.0, mode(filter), expand=True, fill=[9, 80, 200])
        yield "torchvision", toml("rotate", degrees=25.0, filter=filter, expand=True, fill=[9, 80, 200]), result
        for degrees, tx, ty, scale, shear in [
            (10.0, 0.1, -0.2, 1.3, [0.0, 0.0]),
            (-33.0, 0.0, 0.3, 0.6, [12.0, 0.0]),
            (0.0, -0.5, 0.0, 1.0, [0.0, 0.0]),
            (0.0, 0.0, 0.0, 1.7, [0.0, 0.0]),
            (0.0, 0.0, 0.0, 0.3, [-20.0, 35.0]),
            (120.0, 0.25, 0.25, 2.5, [5.0, -5.0]),
        ]:
            move = [round(tx * w), round(ty * h)]
            result = functional.affine(image, degrees, move, scale, shear, mode(filter), fill=[124, 116, 104])
            text = toml("affine", degrees=degrees, translate_x=tx, translate_y=ty, scale=scale, shear_x=shear[0],
                        shear_y=shear[1], filter=filter, fill=[124, 116, 104])
            yield "torchvision", text, result
    for padding in [1, [3, 0, 7, 2]]:
        for mode in ["reflect", "symmetric", "edge", {"constant": [9, 80, 200]}]:
            sides = [padding] * 4 if isinstance(padding, int) else padding
            left, top, right, bottom = sides
            name = "constant" if isinstance(mode, dict) else mode
            if name == "reflect" and (max(left, right) >= w or max(top, bottom) >= h):
                continue
            if name == "symmetric" and (max(left, right) > w or max(top, bottom) > h):
                continue
            extra = {"constant_values": 0} if name == "constant" else {}
            values = numpy.pad(numpy.array(image), ((top, bottom), (left, right), (0, 0)), name, **extra)
            if name == "constant":
                values = numpy.array(ImageOps.expand(image, tuple(sides), fill=(9, 80, 200)))
            yield "numpy.pad", toml("pad", padding=padding, pad=mode), Image.fromarray(values)
    for turns, method in [(1, Image.ROTATE_270), (2, Image.ROTATE_180), (3, Image.ROTATE_90)]:
        yield "Pillow", toml("rotate90", turns=turns), image.transpose(method)


def perspective(image):
    w, h = image.size
    starts = [[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]]
    for corners in [
        [[0.25, 0.125], [0.875, 0.25], [0.75, 1.0], [0.0, 0.75]],
        [[0.0, 0.0], [1.0, 0.125], [0.75, 0.75], [0.125, 1.0]],
    ]:
        ends = [[x * (w - 1), y * (h - 1)] for x, y in corners]
        for filter in FILTERS:
            result = functional.perspective(image, starts, ends, InterpolationMode(filter), fill=[5, 6, 7])
            text = toml("perspective", corners=corners, filter=filter, fill=[5, 6, 7], p=1.0)
            yield "torchvision", text, result


def colour(image):
    values = tensor(image)
    for factor in [0.0, 0.3, 0.75, 1.0, 1.4, 1.9]:
        for op, name in [("brightness", "brightness"), ("contrast", "contrast"), ("saturation", "saturation")]:
            pil = getattr(functional, f"adjust_{name}")(image, factor)
            tv2 = getattr(v2, f"adjust_{name}")(values, factor)
            yield "torchvision on PIL", toml(op, factor=factor), pil
            yield "torchvision on u8 tensors", toml(op, factor=factor, dialect="tv2"), picture(tv2)
    for shift in [-0.5, -0.2, -0.01, 0.0, 0.1, 0.37, 0.5]:
        yield "torchvision on PIL", toml("hue", factor=shift), functional.adjust_hue(image, shift)
        yield "torchvision on u8 tensors", toml("hue", factor=shift, dialect="tv2"), picture(v2.adjust_hue(values, shift))
    for threshold in [0.0, 0.5, 64.0, 127.5, 128.0, 255.0, 256.0]:
        yield "Pillow", toml("solarize", threshold=threshold, p=1.0), ImageOps.solarize(image, threshold)
    for add in [0.0, 30.0, 110.0]:
        yield "timm", toml("solarize_add", add=add, p=1.0), timm.solarize_add(image, int(add))
    for bits in range(1, 9):
        yield "Pillow", toml("posterize", bits=bits, p=1.0), ImageOps.posterize(image, bits)
    for gamma, gain in [(0.5, 1.0), (1.0, 1.0), (2.2, 1.3), (0.0, 0.5)]:
        yield "torchvision on PIL", toml("gamma", gamma=gamma, gain=gain), functional.adjust_gamma(image, gamma, gain)
    yield "Pillow", toml("invert", p=1.0), ImageOps.invert(image)
    yield "Pillow", toml("equalize", p=1.0), ImageOps.equalize(image)
    yield "torchvision on u8 tensors", toml("equalize", p=1.0, dialect="tv2"), picture(v2.equalize(values))
    yield "Pillow", toml("autocontrast", p=1.0), ImageOps.autocontrast(image)
    yield "torchvision on u8 tensors", toml("autocontrast", p=1.0, dialect="tv2"), picture(v2.autocontrast(values))
    yield "torchvision on PIL", toml("grayscale", p=1.0), functional.to_grayscale(image, 3)
    grey = v2.rgb_to_grayscale(values, 3)
    yield "torchvision on u8 tensors", toml("grayscale", p=1.0, dialect="tv2"), picture(grey)


def tones(image):
    values = numpy.array(image)
    wide = values.astype(numpy.float64)

    def clipped(result):
        return Image.fromarray(numpy.clip(result, 0, 255).astype(numpy.uint8))

    for value in [-200, -50, 0, 33, 200]:
        yield "imgaug's formula", toml("add", value=value), clipped(wide + value)
    for factor in [0.0, 0.1, 0.3, 1.0, 1.8, 4.0]:
        product = values.astype(numpy.float32) * numpy.float32(factor)
        yield "imgaug's formula", toml("multiply", factor=factor), clipped(product)
        yield "imgaug's formula", toml("linear_contrast", factor=factor), clipped(127 + factor * (wide - 127))
    for gain, cutoff in [(10.0, 0.4), (25.0, 0.6), (3.5, 0.5)]:
        result = exposure.adjust_sigmoid(values, cutoff=cutoff, gain=gain)
        yield "scikit-image", toml("sigmoid_contrast", gain=gain, cutoff=cutoff), Image.fromarray(result)
    for gain in [0.1, 0.3, 1.0]:
        yield "scikit-image", toml("log_contrast", gain=gain), Image.fromarray(exposure.adjust_log(values, gain))
    yield "imgaug's formula", toml("log_contrast", gain=1.8), clipped(255 * 1.8 * numpy.log2(1 + wide / 255))
    for levels in [2, 4, 7, 16, 256]:
        width = 256 / levels
        yield "imgaug's formula", toml("quantize", levels=levels), clipped(numpy.floor(wide / width) * width + width / 2)
    yield "Pillow", toml("invert", p=1.0, per_channel=True), ImageOps.invert(image)
    for limit, tile in [(1.0, 10), (4.0, 21), (10.0, 13), (0.0, 32), (2.0, 64)]:
        grid = [min(max(side // tile, 1), 64) for side in image.size]
        equal = cv2.createCLAHE(clipLimit=limit, tileGridSize=tuple(grid))
        result = numpy.stack([equal.apply(numpy.ascontiguousarray(values[..., c])) for c in range(3)], axis=-1)
        yield "OpenCV", toml("clahe", clip_limit=limit, tile=tile), Image.fromarray(result)
    for multiply, add in [((1, 1, 1), (50, 0, 0)), ((1, 1, 1), (-30, 90, -50)), ((1.9, 0.2, 1.8), (0, 0, 0)),
                          ((0.3, 2.0, 0.1), (179, -200, 200))]:
        hsv = numpy.array(image.convert("HSV")).astype(numpy.float32)
        moved = hsv * numpy.float32(multiply) + numpy.float32(add)
        hue = numpy.floor(moved[..., :1]).astype(int) % 256
        rest = numpy.clip(moved[..., 1:], 0, 255).astype(int)
        moved = numpy.concatenate([hue, rest], axis=-1).astype(numpy.uint8)
        text = toml("hue_saturation_value", multiply=[float(x) for x in multiply], add=[float(x) for x in add])
        yield "Pillow", text, Image.fromarray(moved, "HSV").convert("RGB")


def policies(image):
    w, h = image.size
    spaces = [
        ("narrow", 31, RandAugment()._AUGMENTATION_SPACE, RandAugment()),
        ("narrow", 10, AutoAugment()._AUGMENTATION_SPACE, AutoAugment()),
        ("wide", 31, TrivialAugmentWide()._AUGMENTATION_SPACE, TrivialAugmentWide()),
        ("augmix", 10, AugMix()._AUGMENTATION_SPACE, AugMix()),
    ]
    for space, bins, ops, policy in spaces:
        for name, (magnitudes, signed) in ops.items():
            table = magnitudes(bins, h, w)
            chosen = [0] if table is None else sorted({1, bins // 3, 2 * bins // 3, bins - 1})
            for number, magnitude in enumerate(chosen):
                sign = -1 if signed and number % 2 else 1
                value = 0.0 if table is None else float(table[magnitude]) * sign
                if name == "Posterize" and int(value) < 1:
                    continue  # Pillow refuses 0 bits
                filter = "bilinear" if space == "augmix" else "nearest"
                result = policy._apply_image_or_video_transform(image, name, value, InterpolationMode(filter),
                                                               {type(image): None})
                text = toml("policy_op", name=name, magnitude=magnitude, bins=bins, space=space, sign=sign, filter=filter)
                yield "torchvision on PIL", text, result


def timm_ops(image):
    fill = (124, 116, 104)
    for name, function in timm.NAME_TO_OP.items():
        levels = timm.LEVEL_TO_ARG[name]
        for level in [0.0, 2.5, 7.3, 10.0] if levels else [0.0]:
            if name == "GaussianBlurRand":
                continue  # it draws its radius itself
            hparams = {"translate_const": 100}
            argument = levels(level, hparams)[0] if levels else 0.0
            if name.startswith("Posterize") and argument < 1:
                continue
            for filter in ["bilinear", "bicubic"]:
                kwargs = {"fillcolor": fill, "resample": PIL[filter]}
                result = function(image, argument, **kwargs) if levels else function(image, **kwargs)
                yield "timm", toml("timm_op", name=name, argument=float(argument), interpolation=filter), result
                if not name.startswith(("Shear", "Translate", "Rotate")):
                    break


def main():
    random.seed(7)  # timm draws the signs of some magnitudes
    lines = []
    for name in PICTURES:
        image = Image.open(FOLDER / f"{name}.png").convert("RGB")
        groups = [geometry, colour, tones]
        if min(image.size) > 1:
            groups.append(perspective)
        if name in ["wine", "noise", "17x31", "1x23"]:
            groups += [policies, timm_ops]
        for group in groups:
            for reference, text, result in group(image):
                lines.append(f"{name} | {reference} | {text} | {result.width} {result.height} {fnv1a(result.tobytes())}")
    (FOLDER / "apply.txt").write_text("\n".join(lines) + "\n")
    print(len(lines), "lines")


main()
