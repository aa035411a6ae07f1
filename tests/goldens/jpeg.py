#!/usr/bin/env python3
"""Makes fixtures/jpeg/*.jpg and the golden hashes of their pixels, fixtures/jpeg/golden.txt.

The committed files were made with
    Python 3.11, numpy 2.4.6, Pillow 13.0.0 (bundling libjpeg-turbo 3.2.0)
    cjpeg of libjpeg-turbo 2.1.5 (Debian 1:2.1.5-2)
The hashes are FNV-1a (64 bits) of the RGB pixels that Pillow decodes, which is libjpeg-turbo with
its default settings. The images are synthetic and the script is deterministic.

    python3 tests/goldens/jpeg.py            # needs `cjpeg` in PATH
"""

import io
import pathlib
import subprocess
import sys

import numpy
import PIL
from PIL import Image, features

FOLDER = pathlib.Path(__file__).parents[2] / "fixtures" / "jpeg"


def picture(width, height, seed, noise=6.0):
    """Waves, hard edges and some noise, in color."""
    random = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:height, 0:width].astype(float)
    planes = []
    for _ in range(3):
        a, b, c, d = random.uniform(0.02, 0.4, 4)
        wave = 60 * numpy.sin(a * x + b * y) + 50 * numpy.sin(c * x - d * y + 1)
        edge = 70 * ((x * d * 3 + y * a * 3).astype(int) % 3 - 1)
        planes.append(128 + wave + edge + random.normal(0, noise, (height, width)))
    return Image.fromarray(numpy.stack(planes, 2).clip(0, 255).astype(numpy.uint8))


def pillow(image, **options):
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def cjpeg(image, *options):
    ppm = io.BytesIO()
    image.save(ppm, "PPM")
    return subprocess.run(["cjpeg", *options], input=ppm.getvalue(), check=True,
                          stdout=subprocess.PIPE).stdout


def decorated(data):
    """The same image with everything that a tolerant reader has to skip: an Exif thumbnail, a
    comment with markers in it, stray bytes, fill bytes and a tail."""
    end = data.rindex(b"\xff\xd9")
    thumbnail = pillow(picture(8, 8, 99), quality=30)
    exif = b"\xff\xe1" + (len(thumbnail) + 8).to_bytes(2, "big") + b"Exif\0\0" + thumbnail
    comment = b"\xff\xff\xff\xfe\x00\x06\xff\xd9\xff\xda"
    return data[:2] + exif + comment + b"stray" + data[2:end] + b"\xff\xff" + data[end:] + b"tail\0"


def fixtures():
    sizes = [(1, 1), (2, 2), (3, 3), (4, 5), (5, 9), (8, 8), (16, 16), (17, 33), (34, 15), (97, 70)]
    for mode, name in enumerate(["444", "422", "420"]):
        for n, (width, height) in enumerate(sizes):
            image = picture(width, height, 10 * mode + n)
            yield f"{name}_{width}x{height}", pillow(image, subsampling=mode, quality=30 + 7 * n)
    image = picture(75, 61, 40)
    for size in [(1, 1), (13, 29), (75, 61)]:
        yield f"grey_{size[0]}x{size[1]}", pillow(image.crop((0, 0, *size)).convert("L"), quality=80)
    yield "grey_2x2_factors", cjpeg(image.convert("L"), "-sample", "2x2", "-restart", "3B")
    for factors in ["1x2", "4x1", "1x4", "4x2", "2x4", "3x1", "1x3", "2x2,1x2,2x1", "1x1,2x2,2x2",
                    "2x2,1x1,2x2", "1x4,1x2,1x1"]:
        yield "factors_" + factors.replace(",", "_"), cjpeg(image, "-sample", factors)
    for size in [(2, 9), (4, 3), (5, 5)]:
        small = image.crop((0, 0, *size))
        yield f"factors_1x2_{size[0]}x{size[1]}", cjpeg(small, "-sample", "1x2")
    yield "quality_1", pillow(image, quality=1)
    yield "quality_100", pillow(image.crop((0, 0, 40, 40)), quality=100, subsampling=0)
    noisy = picture(48, 40, 41, noise=200)
    yield "noise_100", pillow(noisy, quality=100)
    yield "noise_1", pillow(noisy, quality=1, subsampling=0)
    yield "wide_quantisers", cjpeg(noisy, "-quality", "1", "-sample", "2x2")
    yield "optimised", pillow(image, quality=93, optimize=True)
    yield "restart_each", pillow(image, quality=85, restart_marker_blocks=1)
    yield "restart_7", pillow(image, quality=85, restart_marker_blocks=7, subsampling=0)
    yield "restart_rows", pillow(image, quality=85, restart_marker_rows=1, subsampling=1)
    yield "rgb", pillow(image, quality=75, keep_rgb=True, subsampling=0)
    yield "rgb_ids", cjpeg(image, "-rgb")
    yield "decorated", decorated(pillow(image, quality=70))
    yield "refused_progressive", pillow(image, quality=50, progressive=True)
    yield "refused_cmyk", pillow(image.convert("CMYK"), quality=50)
    yield "refused_arithmetic", cjpeg(image, "-arithmetic")
    script = pathlib.Path("/tmp/scans.txt")
    script.write_text("0;\n1;\n2;\n")
    yield "refused_scans", cjpeg(image, "-scans", str(script))


def fnv1a(data):
    state = 0xCBF29CE484222325
    for byte in data:
        state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return state


def main():
    FOLDER.mkdir(exist_ok=True)
    lines = []
    for name, data in fixtures():
        (FOLDER / f"{name}.jpg").write_bytes(data)
        if name.startswith("refused"):
            lines.append(f"{name} refused")
            continue
        image = Image.open(io.BytesIO(data)).convert("RGB")
        lines.append(f"{name} {image.width} {image.height} {fnv1a(image.tobytes()):016x}")
    (FOLDER / "golden.txt").write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} files; Python {sys.version.split()[0]}, numpy {numpy.__version__}, "
          f"Pillow {PIL.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}")


main()
