#!/usr/bin/env python3
"""Makes fixtures/goldens/fields.txt and fields.bin: elastic fields by torchvision, filters by
OpenCV, edge maps by scikit-image as Crafting-Shifts calls it, and low-frequency crops by numpy's
FFT.

The committed files were made with
    Python 3.11, numpy 2.4.6, torch 2.15.0, torchvision 0.29.2, OpenCV 5.0.0, scikit-image 0.26.0,
    scipy 1.17.1

    fields.txt   image, op, parameters, size and FNV-1a hash of the RGB of the result, which must be
                 equal; or `near` in place of the hash: the pixels are the next ones in fields.bin

    python3 tests/goldens/fields.py
"""

import cv2
import numpy
import scipy.ndimage
import skimage.feature
import skimage.filters
import torch
from PIL import Image
from torchvision.transforms.v2 import functional

import common
from common import FOLDER, fnv1a

SEED = 77


def uniforms(count, used):
    pairs = common.bits(SEED, 2 * (used + count)).astype(numpy.float64).reshape(-1, 2)[used:]
    return (pairs[:, 0] + pairs[:, 1] * 65536) / 2**32 * 2 - 1


def elastic(image, alpha, sigma, filter, fill):
    """torchvision's ElasticTransform with feedmill's uniform numbers."""
    width, height = image.size
    fields = []
    for axis, side in enumerate([width, height]):
        field = uniforms(width * height, axis * width * height).astype(numpy.float32)
        field = torch.from_numpy(field.reshape(1, 1, height, width))
        if sigma > 0:
            kernel = int(8 * sigma + 1)
            kernel += 1 - kernel % 2
            field = functional.gaussian_blur(field, [kernel, kernel], [sigma, sigma])
        fields.append(field * alpha / side)
    displacement = torch.concat(fields, 1).permute([0, 2, 3, 1])
    tensor = torch.from_numpy(numpy.array(image)).permute(2, 0, 1)
    return functional.elastic(tensor, displacement, filter, fill).permute(1, 2, 0).contiguous().numpy()


def edges(image, sigma, threshold, shift, low, high):
    rgb = numpy.array(image)
    grey = (0.2989 * rgb[..., 0] + 0.5870 * rgb[..., 1] + 0.1140 * rgb[..., 2]) / 255
    smooth = skimage.filters.gaussian(grey, sigma=sigma, mode="constant", cval=0.0, preserve_range=False)
    strength = numpy.hypot(scipy.ndimage.sobel(smooth, axis=0), scipy.ndimage.sobel(smooth, axis=1))
    try:
        exact = getattr(skimage.filters, f"threshold_{threshold}")(strength)
    except Exception:
        exact = 0.5
    level = exact + shift
    if level >= strength.max() or level <= strength.min():
        level = exact
    edge = skimage.feature.canny(grey, sigma=sigma, low_threshold=low * level, high_threshold=high * level)
    if edge.max() == edge.min():
        edge = skimage.feature.canny(grey, sigma=sigma)
    return numpy.repeat(numpy.where(edge, 0, 255).astype(numpy.uint8)[..., None], 3, axis=2)


def low_frequencies(image, side):
    """EfficientTrain's low-frequency crop, scaled by the length of each axis, rounded and
    clipped."""
    pixels, half = numpy.array(image, dtype=numpy.float64), side // 2
    spectrum = numpy.fft.fft2(pixels, axes=(0, 1))
    rows = numpy.r_[0:half, spectrum.shape[0] - half:spectrum.shape[0]]
    columns = numpy.r_[0:half, spectrum.shape[1] - half:spectrum.shape[1]]
    cut = spectrum[rows][:, columns] * (side / pixels.shape[0]) * (side / pixels.shape[1])
    return numpy.clip(numpy.rint(numpy.fft.ifft2(cut, axes=(0, 1)).real), 0, 255).astype(numpy.uint8)


def kernels():
    """The matrices that imgaug gives to cv2.filter2D."""
    same = numpy.zeros((3, 3))
    same[1, 1] = 1
    blend = lambda alpha, effect: (1 - alpha) * same + alpha * numpy.array(effect)
    for alpha, light in [(0.8, 0.75), (1.0, 2.0)]:
        yield f"sharpen {alpha} {light}", blend(alpha, [[-1, -1, -1], [-1, 8 + light, -1], [-1, -1, -1]])
    for alpha, s in [(0.8, 1.5), (1.0, 0.5)]:
        yield f"emboss {alpha} {s}", blend(alpha, [[-1 - s, -s, 0], [-s, 1, s], [0, s, 1 + s]])
    for alpha in [0.3, 1.0]:
        yield f"edge_detect {alpha}", blend(alpha, [[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    for alpha, direction in [(1.0, 0.0), (0.7, 0.3), (1.0, 0.77)]:
        turn = numpy.deg2rad(int(direction * 360) % 360) - numpy.pi / 2
        towards = numpy.array([numpy.cos(turn), numpy.sin(turn)])
        effect = numpy.zeros((3, 3))
        for x in [-1, 0, 1]:
            for y in [-1, 0, 1]:
                if (x, y) != (0, 0):
                    cell = numpy.array([x, y]) / numpy.hypot(x, y)
                    apart = numpy.rad2deg(numpy.arccos(numpy.clip(cell @ towards, -1, 1))) / 180
                    effect[y + 1, x + 1] = (1 - apart) ** 4
        effect = -effect / effect.sum()
        effect[1, 1] = 1
        yield f"directed_edge_detect {alpha} {direction}", blend(alpha, effect)


def main():
    lines, data = [], bytearray()
    for name in ["life", "wine", "places", "1x1", "1x23", "23x1", "17x31", "noise"]:
        image = Image.open(FOLDER / f"{name}.png").convert("RGB")
        if min(image.size) > 2:
            for threshold in ["otsu", "yen", "mean", "isodata", "li"]:
                for sigma, shift, low, high in [(0.0, 0.0, 0.5, 1.5), (1.0, 0.0, 0.5, 1.5), (2.0, 0.1, 0.3, 1.7),
                                                (1.0, -0.02, 0.72, 1.28)]:
                    result = edges(image, sigma, threshold, shift, low, high)
                    lines.append(f"{name} edge_map {sigma} {threshold} {shift} {low} {high} = "
                                 f"{image.width} {image.height} {fnv1a(result.tobytes())}")
        if name not in ["1x1", "1x23", "23x1", "17x31"]:
            image = image.crop((20, 10, 61, 50))
            name = f"{name}:41x40"
        for alpha, sigma, filter, fill in [(50, 5.0, "bilinear", [0, 0, 0]), (300, 4.0, "bilinear", [9, 80, 200]),
                                           (30, 0.0, "bilinear", [0, 0, 0]), (500, 4.5, "nearest", [9, 80, 200])]:
            # torch pads by reflection, which fails where half of the kernel is as long as a side.
            if 4 * sigma + 1 < min(image.size) or sigma == 0:
                result = elastic(image, alpha, sigma, filter, fill)
                colour = " ".join(map(str, fill))
                lines.append(f"{name} elastic {alpha} {sigma} {filter} {colour} {SEED} = {image.width} {image.height} near")
                data += result.tobytes()
        for op, kernel in kernels():
            result = cv2.filter2D(numpy.array(image), -1, kernel.astype(numpy.float32))
            lines.append(f"{name} convolve {op} = {image.width} {image.height} near")
            data += result.tobytes()
        for diameter, colour, space in [(3, 20.0, 5.0), (5, 200.0, 2.0), (9, 75.0, 75.0)]:
            result = cv2.bilateralFilter(numpy.array(image), diameter, colour, space)
            lines.append(f"{name} bilateral_blur {diameter} {colour} {space} = {image.width} {image.height} near")
            data += result.tobytes()
        for side in [2, 8, 12, 16, 30, 38, 40]:
            if side <= min(image.size):
                lines.append(f"{name} low_frequency_crop {side} = {side} {side} near")
                data += low_frequencies(image, side).tobytes()
    (FOLDER / "fields.txt").write_text("\n".join(lines) + "\n")
    (FOLDER / "fields.bin").write_bytes(data)
    print(f"{len(lines)} lines, {len(data)} bytes")


main()
