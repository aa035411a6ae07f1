#!/usr/bin/env python3
"""Makes fixtures/jpeg/wide/*.jpg, fixtures/jpeg/progressive/*.jpg and golden hashes: a golden.txt
in both folders, and fixtures/jpeg/scaled.txt.

The wide images have several entries of an entropy index in a row of blocks, in every sampling mode,
with restart intervals and optimized tables. The progressive ones, and those in other folders that
golden.txt names, become baseline files with the same coefficients. The hashes are of the RGB pixels
that libjpeg-turbo decodes: of the wide images at full size, 1/2, 1/4 and 1/8; of the progressive
ones at full size; and in scaled.txt of the files of jpeg.py at 1/2, 1/4 and 1/8.

The committed files were made with
    Python 3.11, numpy 2.4.6, Pillow 13.0.0 (bundling libjpeg-turbo 3.2.0),
    OpenCV 5.0.0 (libjpeg-turbo 3.1.2)

    python3 tests/goldens/jpeg_wide.py             # after jpeg.py
    python3 tests/goldens/jpeg_wide.py COUNT OUT   # COUNT files of random modes, qualities and
                                                   # sizes of 1 to 40 pixels in the folder OUT, for
                                                   # `crates/feedmill-jpeg/bench` with --check
"""

import io
import pathlib
import sys

import cv2
import numpy
import PIL
from PIL import Image, features

FOLDER = pathlib.Path(__file__).parents[2] / "fixtures" / "jpeg"
FACTORS = {
    "444": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    "422": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "440": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_440,
    "411": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_411,
}


def picture(width, height, seed, noise=6.0):
    """Waves and some noise, in color."""
    random = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:height, 0:width].astype(float)
    planes = []
    for _ in range(3):
        a, b, c, d = random.uniform(0.02, 0.3, 4)
        wave = 60 * numpy.sin(a * x + b * y) + 50 * numpy.sin(c * x - d * y + 1)
        planes.append(128 + wave + random.normal(0, noise, (height, width)))
    return numpy.stack(planes, 2).clip(0, 255).astype(numpy.uint8)


def encode(pixels, factors, quality, restart=0, optimise=False, progressive=False):
    """`factors` is a sampling mode, or "grey"."""
    options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_RST_INTERVAL, restart,
               cv2.IMWRITE_JPEG_OPTIMIZE, int(optimise),
               cv2.IMWRITE_JPEG_PROGRESSIVE, int(progressive)]
    if factors == "grey":
        pixels = pixels[:, :, 0]
    else:
        options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, FACTORS[factors]]
    done, data = cv2.imencode(".jpg", pixels, options)
    assert done
    return data.tobytes()


def decode(data, divisor):
    image = Image.open(io.BytesIO(data))
    # The same as Image.draft, but for any size.
    size = tuple(-(-side // divisor) for side in image.size)
    image.decoderconfig = (divisor, 0)
    image._size = size
    image.tile = [image.tile[0]._replace(extents=(0, 0, *size))]
    return image.convert("RGB")


def fnv1a(data):
    state = 0xCBF29CE484222325
    for byte in data:
        state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return state


def hashes(data, divisors):
    return " ".join(f"{fnv1a(decode(data, divisor).tobytes()):016x}" for divisor in divisors)


def wide():
    for seed, factors in enumerate([*FACTORS, "grey"]):
        yield f"{factors}_400x45", encode(picture(400, 45, seed), factors, 75)
        yield f"{factors}_301x37_restart", encode(picture(301, 37, 9 + seed), factors, 60, 5, True)


def progressive():
    for seed, (factors, width, height) in enumerate([("422", 61, 43), ("411", 70, 19), ("440", 25, 50), ("grey", 33, 9)]):
        yield f"{factors}_{width}x{height}", encode(picture(width, height, 30 + seed), factors, 85, 3 * (seed % 2), progressive=True)
    yield "444_quality_100", encode(picture(40, 30, 40, 60), "444", 100, progressive=True)
    yield "420_quality_1", encode(picture(50, 41, 41, 60), "420", 1, progressive=True)


OTHERS = ["../../odd/progressive_420.jpg", "../../odd/progressive_444.jpg", "../../odd/progressive_grey.jpg",
          "../../odd/progressive_1x1.jpg", "../refused_progressive.jpg", "../refused_scans.jpg"]


def many(count, folder):
    random = numpy.random.default_rng(1)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        width, height = random.integers(1, 41, 2)
        factors = [*FACTORS, "grey"][random.integers(6)]
        quality, restart = int(random.integers(1, 101)), int(random.choice([0, 0, 1, 2, 7]))
        pixels = picture(width, height, number, random.choice([0, 6, 60]))
        # One in four is progressive, with several scans.
        optimise, progressive = bool(random.integers(2)), not random.integers(4)
        data = encode(pixels, factors, quality, restart, optimise, progressive)
        (folder / f"{number:05}.jpg").write_bytes(data)


def main():
    if len(sys.argv) == 3:
        return many(int(sys.argv[1]), pathlib.Path(sys.argv[2]))
    (FOLDER / "wide").mkdir(exist_ok=True)
    lines = []
    for name, data in wide():
        (FOLDER / "wide" / f"{name}.jpg").write_bytes(data)
        width, height = Image.open(io.BytesIO(data)).size
        lines.append(f"wide/{name} {width} {height} {hashes(data, [1, 2, 4, 8])}")
    (FOLDER / "wide" / "golden.txt").write_text("\n".join(lines) + "\n")
    (FOLDER / "progressive").mkdir(exist_ok=True)
    whole = []
    for name, data in progressive():
        (FOLDER / "progressive" / f"{name}.jpg").write_bytes(data)
    for name in [f"{name}.jpg" for name, _ in progressive()] + OTHERS:
        data = (FOLDER / "progressive" / name).read_bytes()
        width, height = Image.open(io.BytesIO(data)).size
        whole.append(f"{name} {width} {height} {hashes(data, [1])}")
    (FOLDER / "progressive" / "golden.txt").write_text("\n".join(whole) + "\n")
    scaled = []
    for line in (FOLDER / "golden.txt").read_text().splitlines():
        name, *rest = line.split(" ")
        if len(rest) == 3:
            data = (FOLDER / f"{name}.jpg").read_bytes()
            scaled.append(f"{name} {hashes(data, [2, 4, 8])}")
    (FOLDER / "scaled.txt").write_text("\n".join(scaled) + "\n")
    print(f"{len(lines)} + {len(scaled)} files; Python {sys.version.split()[0]}, numpy {numpy.__version__}, "
          f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}, OpenCV {cv2.__version__}")
    build = cv2.getBuildInformation()
    print(next(line for line in build.splitlines() if "JPEG:" in line))


main()
