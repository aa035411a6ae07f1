#!/usr/bin/env python3
"""Makes fixtures/odd: one small file for each kind of image that is not plain RGB, and the pixels
to expect.

The committed files were made with
    Python 3.11, numpy 2.4.6, Pillow 13.0.0 (libjpeg-turbo 3.2.0, libwebp 1.6.0)

golden.txt has a line for each file: its name, width and height, and
    equal HASH   the FNV-1a hash of the RGB of Pillow's `convert("RGB")`. Where `rule` follows, Pillow
                 does something else, and the hash is of feedmill's own rule
    close        the RGB of Pillow is in expected/NAME.png, and the arithmetic of the decoders may
                 differ a little

    python3 tests/goldens/odd.py
"""

import io
import pathlib
import struct
import zlib

import numpy
from PIL import Image, ImageOps

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"
FOLDER = FIXTURES / "odd"
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def fnv1a(data):
    state = 0xCBF29CE484222325
    for byte in data:
        state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x}"


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth, colour, rows, before=b"", interlaced=False):
    """A PNG of rows of bytes, without filters."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    packed = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    body = chunk(b"IHDR", header) + before + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def deep(array, colour, **options):
    height, width = array.shape[:2]
    return png(width, height, 16, colour, [row.astype(">u2").tobytes() for row in array], **options)


def bits(array, depth, colour, **options):
    """Rows of samples of 1, 2 or 4 bits."""
    per = 8 // depth
    rows = []
    for row in array:
        row = numpy.pad(row, (0, -len(row) % per)).reshape(-1, per)
        shifts = numpy.arange(per)[::-1] * depth
        rows.append((row.astype(int) << shifts).sum(1).astype(numpy.uint8).tobytes())
    return png(array.shape[1], array.shape[0], depth, colour, rows, **options)


def adam7(image):
    array = numpy.asarray(image)
    rows = [row.tobytes() for x, y, dx, dy in ADAM7 for row in array[y::dy, x::dx] if row.size]
    return png(image.width, image.height, 8, 2, rows, interlaced=True)


def without_adobe(data):
    at = data.index(b"\xff\xee")
    return data[:at] + data[at + 2 + int.from_bytes(data[at + 2:at + 4], "big"):]


def as_ycck(data):
    """The same coefficients, declared as YCCK: the colors are wrong, but the image is valid."""
    at = data.index(b"\xff\xee") + 4
    assert data[at:at + 5] == b"Adobe" and data[at + 11] == 0
    return data[:at + 11] + b"\x02" + data[at + 12:]


def oriented(image, value):
    exif = Image.Exif()
    exif[0x0112] = value
    return saved(image, "JPEG", quality=85, exif=exif)


def pillow(data):
    return ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")


def high_bytes(array):
    grey = (array[..., 0] if array.ndim == 3 else array) >> 8
    return Image.fromarray(grey.astype(numpy.uint8)).convert("RGB")


def fixtures():
    """Yields the file name, its bytes, how it is compared, and the expected image."""
    photo = Image.open(FIXTURES / "photos" / "places" / "Picture_1A_by_freespace.jpg").convert("RGB")
    image = photo.crop((280, 180, 328, 217))
    random = numpy.random.default_rng(2)
    alpha = Image.fromarray(random.integers(0, 256, (37, 48), dtype=numpy.uint8))
    rgba = image.copy()
    rgba.putalpha(alpha)
    rgb16 = numpy.asarray(image).astype(numpy.uint16) * 257 ^ random.integers(0, 256, (37, 48, 3)).astype(numpy.uint16)
    a16 = random.integers(0, 65536, (37, 48, 1)).astype(numpy.uint16)

    def equal(name, data, expected=None):
        return name, data, "equal", expected or pillow(data)

    yield equal("grey8.png", saved(image.convert("L"), "PNG"))
    grey = numpy.asarray(image.convert("L"))
    for depth in [1, 2, 4]:
        yield equal(f"grey{depth}.png", bits(grey >> (8 - depth), depth, 0))
    for depth in [1, 2, 4]:
        colours = chunk(b"PLTE", random.bytes(3 << depth))
        yield equal(f"palette{depth}.png", bits(grey >> (8 - depth), depth, 3, before=colours))
    yield equal("palette8.png", saved(image.quantize(200), "PNG"))
    palette = image.quantize(16)
    yield equal("palette_alpha.png", saved(palette, "PNG", transparency=bytes(range(0, 256, 16))))
    yield equal("colour_key.png", saved(image, "PNG", transparency=image.getpixel((3, 3))))
    yield equal("rgba8.png", saved(rgba, "PNG"))
    yield equal("grey_alpha8.png", saved(rgba.convert("LA"), "PNG"))
    yield equal("rgb16.png", deep(rgb16, 2))
    yield equal("rgba16.png", deep(numpy.concatenate([rgb16, a16], 2), 6))
    yield "grey16.png", deep(rgb16[..., :1], 0), "rule", high_bytes(rgb16)
    yield "grey_alpha16.png", deep(numpy.concatenate([rgb16[..., :1], a16], 2), 4), "rule", high_bytes(rgb16)
    yield equal("interlaced.png", adam7(image))
    yield equal("1x1.png", saved(image.crop((0, 0, 1, 1)), "PNG"))
    yield equal("1x1_interlaced.png", adam7(image.crop((0, 0, 1, 1))))

    yield equal("lossless.webp", saved(image, "WEBP", lossless=True))
    yield equal("lossless_alpha.webp", saved(rgba, "WEBP", lossless=True, exact=True))
    yield equal("1x1_lossless.webp", saved(image.crop((0, 0, 1, 1)), "WEBP", lossless=True))
    for name, data in [
        ("lossy.webp", saved(image, "WEBP", quality=75)),
        ("lossy_alpha.webp", saved(rgba, "WEBP", quality=75, exact=True)),
        ("1x1.webp", saved(image.crop((0, 0, 1, 1)), "WEBP", quality=75)),
        ("animated.webp", saved(image, "WEBP", save_all=True, append_images=[image.rotate(180)], quality=75)),
    ]:
        yield name, data, "close", pillow(data)

    for value in range(1, 9):
        yield equal(f"exif_{value}.jpg", oriented(image, value))
    cmyk = saved(image.convert("CMYK"), "JPEG", quality=90)
    for name, data in [
        ("progressive_444.jpg", saved(image, "JPEG", quality=90, progressive=True, subsampling=0)),
        ("progressive_420.jpg", saved(image, "JPEG", quality=75, progressive=True, subsampling=2)),
        ("progressive_grey.jpg", saved(image.convert("L"), "JPEG", quality=75, progressive=True)),
        ("progressive_1x1.jpg", saved(image.crop((0, 0, 1, 1)), "JPEG", progressive=True)),
        ("progressive_exif_6.jpg", saved(image, "JPEG", quality=85, progressive=True, subsampling=0,
                                         exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0")),
        ("cmyk.jpg", cmyk),
        ("ycck.jpg", as_ycck(cmyk)),
        ("cmyk_without_adobe.jpg", without_adobe(cmyk)),
    ]:
        yield name, data, "close", pillow(data)


def main():
    (FOLDER / "expected").mkdir(parents=True, exist_ok=True)
    lines = []
    for name, data, how, expected in fixtures():
        (FOLDER / name).write_bytes(data)
        line = f"{name} {expected.width} {expected.height}"
        if how == "close":
            stem = name.replace(".", "_")
            expected.save(FOLDER / "expected" / f"{stem}.png", optimize=True)
            lines.append(f"{line} close")
            continue
        same = pillow(data).tobytes() == expected.tobytes()
        assert same or how == "rule", name
        note = "" if same else " rule"
        lines.append(f"{line} equal {fnv1a(expected.tobytes())}{note}")
    (FOLDER / "golden.txt").write_text("\n".join(lines) + "\n")
    print(f"{len(lines)} files")


main()
