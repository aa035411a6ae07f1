"""Helpers that several scripts of this folder use."""

import functools
import importlib
import pathlib
import sys
import types

import numpy

FIXTURES = pathlib.Path(__file__).parents[2] / "fixtures"
FOLDER = FIXTURES / "goldens"


def fnv1a(data):
    state = 0xCBF29CE484222325
    for byte in data:
        state = (state ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{state:016x}"


def imagecorruptions():
    """The module of imagecorruptions, which imports names that scipy, numpy and setuptools no
    longer have: they are put in place first."""
    if "imagecorruptions.corruptions" not in sys.modules:
        import scipy.ndimage
        import skimage.filters

        interpolation = types.ModuleType("scipy.ndimage.interpolation")
        interpolation.map_coordinates = scipy.ndimage.map_coordinates
        sys.modules["scipy.ndimage.interpolation"] = interpolation
        resources = types.ModuleType("pkg_resources")
        resources.resource_filename = lambda module, path: str(pathlib.Path(sys.modules[module].__file__).parent / path)
        sys.modules["pkg_resources"] = resources
        numpy.float_ = numpy.float64
        gaussian = skimage.filters.gaussian

        def without_multichannel(image, *args, multichannel=False, **options):
            options.setdefault("channel_axis", -1 if multichannel else None)
            return gaussian(image, *args, **options)

        skimage.filters.gaussian = without_multichannel
    return importlib.import_module("imagecorruptions.corruptions")


def _rotate(value, bits):
    return (value << numpy.uint32(bits)) | (value >> numpy.uint32(32 - bits))


def bits(seed, count):
    """The 16-bit numbers that feedmill draws for pixels: the key stream of ChaCha8 with the key
    `feedmpix` | seed | 0 and a nonce of 0. Written here again, from the definition of ChaCha."""
    key = numpy.frombuffer(b"feedmpix" + int(seed).to_bytes(8, "little") + bytes(16), dtype="<u4")
    constant = numpy.frombuffer(b"expand 32-byte k", dtype="<u4")
    blocks = count // 32 + 1
    start = [numpy.full(blocks, word, dtype=numpy.uint32) for word in [*constant, *key]]
    start += [numpy.arange(blocks, dtype=numpy.uint32)] + [numpy.zeros(blocks, dtype=numpy.uint32) for _ in range(3)]
    x = [word.copy() for word in start]

    def quarter(a, b, c, d):
        for first, second in [(16, 12), (8, 7)]:
            x[a] += x[b]
            x[d] = _rotate(x[d] ^ x[a], first)
            x[c] += x[d]
            x[b] = _rotate(x[b] ^ x[c], second)

    for _ in range(4):
        for i in range(4):
            quarter(i, 4 + i, 8 + i, 12 + i)
        for i in range(4):
            quarter(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    words = numpy.stack([a + b for a, b in zip(x, start)], axis=1).astype("<u4").reshape(-1)
    return words.view("<u2")[:count]


@functools.cache
def normal_table():
    """feedmill's normal numbers: the inverse of the normal distribution function in the middle of
    each of 65536 steps."""
    import scipy.special

    return scipy.special.ndtri((numpy.arange(65536) + 0.5) / 65536)
