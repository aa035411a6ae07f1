#!/usr/bin/env python3
"""Makes fixtures/goldens/corrupt.txt and corrupt.bin: corruptions by the imagecorruptions package,
noise by torchvision's rule and JPEG by Pillow. All are fed with the random numbers that feedmill
draws, which common.py computes.

The committed files were made with
    Python 3.11, numpy 2.4.6, Pillow 13.0.0 (libjpeg-turbo 3.2.0), OpenCV 5.0.0,
    scikit-image 0.26.0, scipy 1.17.1, imagecorruptions 1.1.2

    corrupt.txt   image, op, parameters, size and FNV-1a hash of the RGB of the result, which must
                  be equal; or `near` in place of the hash: the pixels are the next ones in
                  corrupt.bin

    python3 tests/goldens/corrupt.py
"""

import io

import cv2
import numpy
import scipy.ndimage
import skimage.filters
from PIL import Image

import common
from common import FOLDER, fnv1a

package = common.imagecorruptions()
SEED = 77
ANGLE = -61.5


class Stream:
    """A replacement for numpy.random that returns feedmill's numbers in the order of the calls."""

    def __init__(self):
        self.used = 0

    def _take(self, count):
        numbers = common.bits(SEED, self.used + count)[self.used:]
        self.used += count
        return numbers

    def normal(self, size, scale, loc=0.0):
        count = int(numpy.prod(size))
        table = common.normal_table()
        return (loc + scale * table[self._take(count)]).reshape(size)

    def uniform(self, low, high, size=None):
        if size is None:
            return ANGLE
        count = int(numpy.prod(size))
        pairs = self._take(2 * count).astype(numpy.float64).reshape(-1, 2)
        return (low + (pairs[:, 0] + pairs[:, 1] * 65536) / 2**32 * (high - low)).reshape(size)

    def below(self, n):
        return int(self._take(1)[0]) * n >> 16


def corrupted(image, name, severity):
    stream = Stream()
    random = package.np.random
    normal, uniform = random.normal, random.uniform
    random.normal, random.uniform = stream.normal, stream.uniform
    try:
        if name == "glass_blur":
            result = glass_blur(image, severity, stream)
        elif name == "elastic_transform":
            result = elastic_transform(image, severity, stream)
        else:
            result = getattr(package, name)(image, severity)
    finally:
        random.normal, random.uniform = normal, uniform
    return numpy.array(result).astype(numpy.uint8)


def glass_blur(image, severity, stream):
    """The package's function with a true exchange of pixels: its own assignment of views copies one
    pixel over the other."""
    sigma, reach, rounds = [(0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2)][severity - 1]
    blur = lambda x: skimage.filters.gaussian(x / 255.0, sigma=sigma, channel_axis=-1)
    x = numpy.uint8(blur(numpy.array(image)) * 255)
    for _ in range(rounds):
        for h in range(x.shape[0] - reach, reach, -1):
            for w in range(x.shape[1] - reach, reach, -1):
                dx = stream.below(2 * reach) - reach
                dy = stream.below(2 * reach) - reach
                x[[h, h + dy], [w, w + dx]] = x[[h + dy, h], [w + dx, w]]
    return numpy.clip(blur(x), 0, 1) * 255


def elastic_transform(image, severity, stream):
    """The function of ImageNet-C with its affine map, which the package leaves out. scipy samples
    the pixels, because OpenCV rounds positions to a 32nd of a pixel."""
    strength, sigma, jitter = [(488, 170.8, 24.4), (488, 19.52, 48.8), (12.2, 2.44, 4.88), (17.08, 2.44, 4.88),
                               (29.28, 2.44, 4.88)][severity - 1]
    image = numpy.array(image, dtype=numpy.float32) / 255.0
    height, width = image.shape[:2]
    centre = numpy.float32([height, width]) // 2
    size = min(height, width) // 3
    square = numpy.float32([centre + size, [centre[0] + size, centre[1] - size], centre - size])
    moved = square + stream.uniform(-jitter, jitter, size=square.shape).astype(numpy.float32)
    backward = numpy.linalg.inv(numpy.vstack([cv2.getAffineTransform(square, moved), [0, 0, 1]]))
    y, x = numpy.mgrid[:height, :width].astype(numpy.float64)
    sample = lambda image, x, y, mode: numpy.stack(
        [scipy.ndimage.map_coordinates(image[..., c], [y, x], order=1, mode=mode) for c in range(3)], axis=-1)
    turned = sample(image, backward[0, 0] * x + backward[0, 1] * y + backward[0, 2],
                    backward[1, 0] * x + backward[1, 1] * y + backward[1, 2], "mirror")
    dx, dy = [skimage.filters.gaussian(stream.uniform(-1, 1, size=(height, width)), sigma, mode="reflect", truncate=3)
              * strength for _ in range(2)]
    return numpy.clip(sample(turned, x + dx, y + dy, "reflect"), 0, 1) * 255


def jpeg(image, quality):
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return numpy.array(Image.open(buffer))


def noise(image, mean, sigma):
    """torchvision's gaussian_noise_image for u8, with feedmill's normal numbers."""
    shape = numpy.array(image).shape
    normals = Stream().normal(shape, 1.0).astype(numpy.float32)
    noise = numpy.float32(mean * 255) + normals * numpy.float32(sigma) * numpy.float32(255)
    return numpy.clip(numpy.array(image).astype(numpy.int16) + noise.astype(numpy.int16), 0, 255).astype(numpy.uint8)


def elementwise(image, law, low, high):
    """The formulas of imgaug's elementwise noise, with feedmill's random numbers."""
    values = numpy.array(image)
    numbers = common.bits(SEED, values.size).reshape(values.shape)
    middle = (numbers.astype(numpy.float64) + 0.5) / 65536
    if law == "elementwise_multiply":
        step = (numpy.float32(high) - numpy.float32(low)) / numpy.float32(65536)
        factors = numpy.float32(low) + (numbers.astype(numpy.float32) + numpy.float32(0.5)) * step
        return numpy.clip(values.astype(numpy.float32) * factors, 0, 255).astype(numpy.uint8)
    if law == "laplace_noise":
        distance = numpy.sign(middle - 0.5) * -numpy.log(2 * numpy.minimum(middle, 1 - middle))
        mean, scale = numpy.float32(0), numpy.float32(high)
    else:
        distance = 2 * middle - 1
        mean, scale = numpy.float32((high + low) / 510), numpy.float32((high - low) / 510)
    noise = mean * numpy.float32(255) + distance.astype(numpy.float32) * scale * numpy.float32(255)
    noise = numpy.clip(noise, -511, 511).astype(numpy.int16)
    return numpy.clip(values.astype(numpy.int16) + noise, 0, 255).astype(numpy.uint8)


# Results that may differ by a level. Images of one row or column make some of these functions fail,
# so they are applied to three larger ones.
NEAR = ["gaussian_noise", "defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "snow", "fog", "brightness", "contrast",
        "elastic_transform", "speckle_noise", "gaussian_blur", "spatter", "saturate"]


def main():
    lines, data = [], bytearray()
    for name in ["life", "wine", "places", "1x1", "1x23", "23x1", "17x31", "noise"]:
        image = Image.open(FOLDER / f"{name}.png").convert("RGB")

        def equal(op, result):
            lines.append(f"{name} {op} = {image.width} {image.height} {fnv1a(numpy.ascontiguousarray(result).tobytes())}")

        for quality in [1, 7, 10, 18, 25, 40, 50, 65, 75, 90, 95, 100]:
            equal(f"jpeg {quality}", jpeg(image, quality))
        for mean, sigma in [(0.0, 0.05), (0.0, 0.1), (0.1, 0.3), (-0.2, 1.0)]:
            equal(f"gaussian_noise {mean} {sigma} {SEED}", noise(image, mean, sigma))
        for law, low, high in [("laplace_noise", 0, 0.2), ("laplace_noise", 0, 0.6), ("elementwise_add", 50, 200),
                               ("elementwise_add", -200, -50), ("elementwise_multiply", 2, 4),
                               ("elementwise_multiply", 0.5, 1.5)]:
            equal(f"{law} {low} {high} {SEED}", elementwise(image, law, low, high))
        if min(image.size) < 5:
            continue
        for severity in range(1, 6):
            for kind in ["pixelate", "jpeg_compression"]:
                equal(f"corrupt {kind} {severity} {ANGLE} {SEED}", corrupted(image, kind, severity))
    for name, box in [("life", (20, 10, 68, 50)), ("17x31", None), ("noise", (20, 10, 60, 34))]:
        image = Image.open(FOLDER / f"{name}.png").convert("RGB")
        if box:
            image = image.crop(box)
            name = f"{name}:{image.width}x{image.height}"
        for kind in NEAR:
            for severity in range(1, 6):
                if name == "17x31" and severity % 2 == 0:
                    continue
                result = corrupted(image, kind, severity)
                lines.append(f"{name} corrupt {kind} {severity} {ANGLE} {SEED} = {image.width} {image.height} near")
                data += result.tobytes()
    (FOLDER / "corrupt.txt").write_text("\n".join(lines) + "\n")
    (FOLDER / "corrupt.bin").write_bytes(data)
    print(f"{len(lines)} lines, {len(data)} bytes")


main()
