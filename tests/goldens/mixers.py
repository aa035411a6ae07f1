#!/usr/bin/env python3
"""Makes fixtures/goldens/mixers.txt and mixers.bin: the results of the references of the mixers for
given random values.

The committed files were made with
    Python 3.11, numpy 2.4.6, torch 2.15.0, timm 1.0.31, opencv-contrib-python-headless 5.0.0,
    gco-wrapper 3.0.9

Libraries are called where they exist: timm, torch's interpolation, unfold and fold, OpenCV's
saliency, GCO's graph cuts. The rest of each method is written here from its formulas. A line is

    NAME DRAWN VALUES = LAM HASH               where bytes must be equal: FNV-1a of 8-bit pixels or of
                                               the bytes of a mask
    NAME DRAWN VALUES = LAM @ START LENGTH     where values may differ a little: u8 or f32 in
                                               mixers.bin

The level of image k at column x, row y, channel c is (31 x + 57 y + 101 c + 77 k + x y (k + 3)) mod
256; that of smooth image k is ((x x (k + 2) + 3 y y + x y + 40 c + 500 k) / 24) mod 256.

    python3 tests/goldens/mixers.py
"""

import math
from unittest import mock

import cv2
import gco
import numpy
import torch
import torch.nn.functional as F
from timm.data.mixup import FastCollateMixup

from common import FOLDER, fnv1a

LINES = []
BINARY = bytearray()


def picture(k, h, w):
    y, x, c = numpy.mgrid[:h, :w, :3]
    return ((31 * x + 57 * y + 101 * c + 77 * k + x * y * (k + 3)) % 256).astype(numpy.uint8)


def smooth(k, h, w):
    y, x, c = numpy.mgrid[:h, :w, :3]
    return ((x * x * (k + 2) + 3 * y * y + x * y + 40 * c + 500 * k) // 24 % 256).astype(numpy.uint8)


def line(name, drawn, lam, data):
    """Adds a line. `data` is hashed if it is bytes, and stored if it is an array."""
    words = " ".join(str(value) for value in drawn)
    if isinstance(data, bytes):
        end = fnv1a(data)
    else:
        end = f"@ {len(BINARY)} {data.size}"
        BINARY.extend(numpy.ascontiguousarray(data).tobytes())
    LINES.append(f"{name} {words} = {float(lam)!r} {end}")


def pixels(z):
    return numpy.rint(z).astype(numpy.uint8)


def nchw(image):
    return torch.from_numpy(image.transpose(2, 0, 1).copy()).float()[None]


def clipped(h, w, cut_h, cut_w, cy, cx):
    span = lambda c, cut, n: (max(c - cut // 2, 0), min(c + cut // 2, n))
    return (*span(cy, cut_h, h), *span(cx, cut_w, w))


def resizemix():
    for (h, w), tau, cy, cx in [
        ((32, 32), 0.5, 16, 16),
        ((24, 40), 0.8, 3, 38),
        ((40, 24), 0.1, 20, 12),
        ((33, 47), 0.731, 30, 5),
        ((24, 40), 0.02, 5, 5),
    ]:
        y0, y1, x0, x1 = clipped(h, w, int(h * tau), int(w * tau), cy, cx)
        a, b = picture(0, h, w), picture(1, h, w)
        lam = 1 - (y1 - y0) * (x1 - x0) / (h * w)
        for mode in ["nearest", "bilinear"]:
            out = a.astype(numpy.float32)
            if y1 > y0 and x1 > x0:
                small = F.interpolate(nchw(b), (y1 - y0, x1 - x0), mode=mode)
                out[y0:y1, x0:x1] = small[0].numpy().transpose(1, 2, 0)
            data = pixels(out)
            line("resizemix", [h, w, tau, cy, cx, mode], lam, data.tobytes() if mode == "nearest" else data)


def collage():
    for h, w, k in [(32, 32, 2), (24, 40, 2), (33, 47, 3)]:
        out = numpy.zeros((h, w, 3), numpy.float32)
        share = 0
        for row in range(k):
            for column in range(k):
                y0, y1, x0, x1 = row * h // k, (row + 1) * h // k, column * w // k, (column + 1) * w // k
                source = nchw(picture(row * k + column, h, w))
                cell = F.interpolate(source, (y1 - y0, x1 - x0), mode="bilinear", antialias=True)
                out[y0:y1, x0:x1] = cell[0].numpy().transpose(1, 2, 0)
                if row == column == 0:
                    share = (y1 - y0) * (x1 - x0) / (h * w)
        line("collage", [h, w, k], share, pixels(out))


def noise(count):
    """Numbers in place of random ones. Any will do, as long as feedmill's test has the same."""
    return ((numpy.arange(count) * 7919) % 1009) / 504.5 - 1 + ((numpy.arange(count) * 104729) % 1000003) / 1e9


def fmix():
    for h, w in [(32, 32), (24, 40), (48, 20), (17, 31)]:
        for spectrum in ["isotropic", "reference"]:
            for lam, up, soft in [(0.0, 0, 0.0), (0.3, 1, 0.0), (0.3, 0, 0.0), (0.62, 1, 0.1), (0.05, 0, 0.3), (1.0, 1, 0.2)]:
                half = w // 2 + 1
                fy = numpy.fft.fftfreq(h)[:, None]
                if spectrum == "isotropic":
                    f = numpy.sqrt(numpy.abs(numpy.fft.fftfreq(w)[:half]) ** 2 + fy**2)
                    scale = 1 / numpy.maximum(f, 1 / max(w, h)) ** 3.0
                    g = noise(2 * h * half).reshape(h, half, 2)
                    grid = scale * (g[..., 0] + 1j * g[..., 1])
                else:
                    # The released code takes rows 0 and 1 as real and imaginary parts.
                    bins = half + 1 if w % 2 else half
                    f = numpy.sqrt(numpy.fft.fftfreq(w)[:bins] ** 2 + fy**2)
                    scale = 1 / numpy.maximum(f, 1 / max(w, h)) ** 3.0
                    g = numpy.zeros((h, bins, 2))
                    g[:2, :half] = noise(4 * half).reshape(half, 2, 2).transpose(1, 0, 2)
                    param = scale[..., None] * g
                    grid = (param[None][:, 0] + 1j * param[None][:, 1])[0]
                heights = numpy.fft.irfftn(grid, (h, w), axes=(0, 1)).real
                order = numpy.argsort(-heights.reshape(-1), kind="stable")
                n = math.ceil(lam * h * w) if up else math.floor(lam * h * w)
                size = min(soft, lam, 1 - lam) if soft > lam or soft > 1 - lam else soft
                s = int(h * w * size)
                mask = numpy.zeros(h * w)
                mask[order[: n + s]] = 1
                mask[order[n - s :]] = 0
                mask[order[n - s : n + s]] = numpy.linspace(1, 0, 2 * s)
                drawn = [h, w, spectrum, lam, up, soft]
                ours = (1 - mask).astype(numpy.float32)
                binary = s == 0
                line("fmix", drawn, mask.mean(), ours.astype(numpy.uint8).tobytes() if binary else ours)


def gridmix():
    for (h, w), lam, n, hole, area, aspect, u1, u2 in [
        ((32, 32), 0.5, 4, 1.0, 1.0, 1.0, 0.3, 0.7),
        ((24, 40), 0.2, 3, 1.0, 0.6, 0.7, 0.9, 0.1),
        ((40, 24), 0.9, 6, 1.5, 0.5, 2.0, 0.0, 0.5),
        ((32, 32), 0.0, 5, 0.8, 0.75, 1.2, 0.5, 0.5),
        ((32, 32), 1.0, 2, 1.0, 0.5, 0.5, 0.25, 0.25),
    ]:
        cut = int(h * w * area)
        width = int(numpy.sqrt(cut / aspect))
        height = int(width * aspect)
        assert width <= w and height <= h and n <= width // 2, "the reference does not clamp"
        left, top = int((w - width) * u1), int((h - height) * u2)
        pw = math.ceil(width / n)
        ph = int(pw * hole)
        r = numpy.sqrt(1 - lam)
        hw, hh = min(max(int(pw * r), 1), pw - 1), min(max(int(ph * r), 1), ph - 1)
        mask = numpy.zeros((h, w), numpy.uint8)
        for i in range(n + 1):
            for j in range(math.ceil(height / ph) + 1):
                x, y = min(pw * i, width), min(ph * j, height)
                mask[top + y : top + min(y + hh, height), left + x : left + min(x + hw, width)] = 1
        line("gridmix", [h, w, lam, n, hole, area, aspect, u1, u2], 1 - mask.mean(), mask.tobytes())


def smoothmix():
    for side, rx, ry, sigma in [(32, 0, 0, 8.0), (32, -16, 15, 16.0), (24, 7, -12, 9.3)]:
        # As OpenMixup does it: a grid of twice the size is rolled, and its middle is cropped.
        s = side * 2
        x = numpy.tile(numpy.arange(s), (s, 1))
        grid = numpy.stack([x, x.T], axis=-1)
        grid = numpy.roll(numpy.roll(grid, ry, 0), rx, 1)
        grid = grid[s // 4 : s - s // 4, s // 4 : s - s // 4]
        mask = numpy.exp(-(((grid - (s - 1) / 2) ** 2).sum(-1)) / (2 * sigma**2)).astype(numpy.float32)
        line("smoothmix", [side, rx, ry, sigma], 1 - mask.mean(dtype=numpy.float64), mask)


def saliency():
    for name, make, h, w in [("picture", picture, 24, 40), ("smooth", smooth, 64, 64), ("smooth", smooth, 97, 130), ("smooth", smooth, 224, 224)]:
        image = make(1, h, w)
        bgr = numpy.ascontiguousarray(image[..., ::-1])
        _, fine = cv2.saliency.StaticSaliencyFineGrained_create().computeSaliency(bgr)
        levels = numpy.rint(fine * 255).astype(numpy.uint8)
        cy, cx = numpy.unravel_index(levels.argmax(), levels.shape)
        line("fine_grained", [name, h, w, cy, cx], 0, levels.tobytes())
        _, residual = cv2.saliency.StaticSaliencySpectralResidual_create().computeSaliency(bgr)
        cy, cx = numpy.unravel_index((residual * 255).astype(numpy.uint8).argmax(), residual.shape)
        line("spectral_residual", [name, h, w, cy, cx], 0, residual[::4, ::4].astype(numpy.float32))
        for lam in [0.1, 0.5, 0.9]:
            cy, cx = numpy.unravel_index(levels.argmax(), levels.shape)
            r = numpy.sqrt(1 - lam)
            y0, y1, x0, x1 = clipped(h, w, int(h * r), int(w * r), cy, cx)
            line("saliencymix", [name, h, w, lam, y0, x0, y1, x1], 1 - (y1 - y0) * (x1 - x0) / (h * w), b"")


def maps(k, rows, columns):
    at = numpy.arange(rows * columns)
    return (((at * 37 + k * 101) % 97) / 97 + 0.01).astype(numpy.float32).reshape(rows, columns)


def attentivemix():
    for h, w, g, k in [(28, 28, 7, 6), (28, 42, 7, 1), (28, 28, 7, 49), (24, 24, 4, 5)]:
        features = torch.from_numpy(maps(0, g, g))
        _, best = features.view(-1).topk(k)
        mask = torch.zeros(g * g)
        mask[best] = 1
        up = F.interpolate(mask.view(1, 1, g, g), (h, w), mode="nearest")[0, 0].numpy()[..., None]
        mixed = up * picture(0, h, w) + (1 - up) * picture(1, h, w)
        line("attentivemix", [h, w, g, k], mask.mean(), pixels(mixed).tobytes())


def smmix():
    for side, g, s in [(28, 14, 3), (28, 14, 10), (32, 8, 4)]:
        a, b = torch.from_numpy(maps(0, g, g)), torch.from_numpy(maps(1, g, g))
        sums = lambda m: F.unfold(m[None, None], (s, s)).double().sum(1)[0]
        tokens = F.unfold(torch.arange(g * g, dtype=torch.float32).view(1, 1, g, g), (s, s))[0].long()
        to, source = tokens[:, sums(a).argmin()], tokens[:, sums(b).argmax()]
        patch = side // g
        cut = lambda k: F.unfold(nchw(picture(k, side, side)), patch, stride=patch)[0].T.clone()
        mixed = cut(0)
        mixed[to] = cut(1)[source]
        out = F.fold(mixed.T[None], (side, side), patch, stride=patch)[0].numpy().transpose(1, 2, 0)
        line("smmix", [side, g, s, int(to[0]), int(source[0])], (g * g - s * s) / g**2, pixels(out).tobytes())


def neigh_penalty(one, other, k):
    x = (one[:, :, :-1, :] - other[:, :, 1:, :])[:, :, k - 1 :: k, :]
    y = (one[:, :, :, :-1] - other[:, :, :, 1:])[:, :, :, k - 1 :: k]
    return F.avg_pool2d(x.abs().mean(1), (1, k)), F.avg_pool2d(y.abs().mean(1), (k, 1))


def puzzle_labels(a, b, map_a, map_b, n, lam, labels, eta=0.2, beta=1.2, gamma=0.5, neigh=4):
    """PuzzleMix's costs in double precision, minimized by GCO."""
    block = a.shape[0] // n
    neigh = min(neigh, block)
    k = block // neigh
    beta = beta / n / 16
    u1, u2 = (torch.from_numpy(m).double()[None] for m in (map_a, map_b))
    u1, u2 = u1 / u1.sum(), u2 / u2.sum()
    pool = lambda image: F.avg_pool2d(nchw(image).double() / 255, neigh)
    p1, p2 = pool(a), pool(b)
    pairs = {(s, t): neigh_penalty({0: p2, 1: p1}[s], {0: p2, 1: p1}[t], k) for s in (0, 1) for t in (0, 1)}
    x = {key: beta * gamma * value[0] for key, value in pairs.items()}
    y = {key: beta * gamma * value[1] for key, value in pairs.items()}
    one, two = u1.clone(), u2.clone()
    two[:, :-1] += (x[1, 0] + x[1, 1]) / 2
    one[:, :-1] += (x[0, 1] + x[0, 0]) / 2
    two[:, 1:] += (x[0, 1] + x[1, 1]) / 2
    one[:, 1:] += (x[1, 0] + x[0, 0]) / 2
    two[:, :, :-1] += (y[1, 0] + y[1, 1]) / 2
    one[:, :, :-1] += (y[0, 1] + y[0, 0]) / 2
    two[:, :, 1:] += (y[0, 1] + y[1, 1]) / 2
    one[:, :, 1:] += (y[1, 0] + y[0, 0]) / 2
    weight = lambda p: ((p[1, 0] + p[0, 1] - p[1, 1] - p[0, 0]) / 2)[0].numpy()
    large = 1000 * n**2
    last = labels - 1
    q = numpy.linspace(0, 1, labels)
    ways = [math.comb(last, i) * lam ** (last - i) * (1 - lam) ** i for i in range(labels)]
    prior = -eta * numpy.log(numpy.array(ways) + 1e-8) / n**2
    costs = [(1 - q[i]) * two[0].numpy() + q[i] * one[0].numpy() + prior[i] for i in range(labels)]
    unary = (large * numpy.stack(costs, axis=-1)).astype(numpy.int32)
    pairwise = numpy.array([[(i - j) ** 2 / last**2 for j in range(labels)] for i in range(labels)], numpy.float32)
    down, across = ((large * (weight(p) + beta)).astype(numpy.int32) for p in (x, y))
    found = gco.cut_grid_graph(unary, pairwise, down, across, algorithm="swap")
    return found.reshape(n, n)


def mask_transport(mask, salient, eps):
    n = mask.shape[-1]
    at = numpy.arange(n * n)
    far = (at[:, None] // n - at // n) ** 2 + (at[:, None] % n - at % n) ** 2
    cost = eps * torch.from_numpy(far / (n - 1) ** 2)[None]
    z = (mask > 0).double()
    cost = cost - salient.reshape(-1, n**2, 1) * z.reshape(-1, 1, n**2)
    for _ in range(n):
        plan = torch.zeros_like(cost).scatter_(-1, cost.min(-1)[1].unsqueeze(-1), 1)
        won = torch.zeros_like(cost).scatter_(-2, (plan * cost).min(-2)[1].unsqueeze(-2), 1) * plan
        cost += (1 - won) * plan
    return won[0].numpy()


def peaked(k, side):
    """A saliency map with its maximum at one point."""
    y, x = numpy.mgrid[:side, :side]
    cy, cx = [(side // 4, side // 4), (3 * side // 4, 2 * side // 3)][k]
    return (1 / (1 + ((y - cy) ** 2 + (x - cx) ** 2) / side)).astype(numpy.float32)


# Side in pixels, blocks per side, prior, number of labels, size of the moved parts.
PUZZLES = [
    (32, 2, 0.5, 2, 0),
    (32, 4, 0.5, 2, 0),
    (32, 4, 0.5, 3, 0),
    (32, 8, 0.5, 2, 0),
    (32, 8, 0.5, 3, 0),
    (32, 8, 0.6, 3, 0),
    (32, 16, 0.5, 2, 0),
    (32, 16, 0.45, 4, 0),
    (64, 16, 0.45, 3, 0),
    (64, 16, 0.5, 3, 0),
    (32, 4, 0.5, 3, 4),
    (32, 8, 0.0, 3, 0),
]


def puzzlemix():
    for side, n, lam, labels, t in PUZZLES:
        a, b = smooth(0, side, side), smooth(1, side, side)
        map_a, map_b = peaked(0, side), peaked(1, side)
        mean = lambda m, parts: F.avg_pool2d(torch.from_numpy(m).double()[None, None], side // parts)[0, 0].float().numpy()
        found = puzzle_labels(a, b, mean(map_a, n), mean(map_b, n), n, lam, labels)
        mask = torch.from_numpy(1 - found / (labels - 1)).double()[None, None]
        parts = side // t if t else n
        fine = F.interpolate(mask, size=parts)
        out = numpy.zeros((side, side, 3))
        size = side // parts
        for image, z, salient in [(a, fine, map_a), (b, 1 - fine, map_b)]:
            u = torch.from_numpy(mean(salient, parts)).double()
            won = mask_transport(z, (u / u.sum())[None], 0.8)
            moved = numpy.zeros((side, side, 3))
            for to in range(parts * parts):
                winners = won[:, to].nonzero()[0]
                # A block to which nothing is moved keeps its pixels; the released code leaves it
                # empty.
                source = winners[0] if len(winners) else to
                (y, x), (v, u) = divmod(to, parts), divmod(source, parts)
                moved[y * size : (y + 1) * size, x * size : (x + 1) * size] = image[v * size : (v + 1) * size, u * size : (u + 1) * size]
            weight = F.interpolate(z, size=side)[0, 0].numpy()[..., None]
            out += weight * moved
        labels_text = "".join(str(int(label)) for label in found.reshape(-1))
        line("puzzlemix", [side, n, lam, labels, t, labels_text], mask.mean(), pixels(out))


def co_mixup():
    h, w, g, n = 24, 40, 4, 3
    share = (numpy.arange(g * g * n) * 13 % 7 + 1).reshape(g, g, n).astype(numpy.float64)
    share[0, 0] = [1, 0, 0]
    share /= share.sum(-1, keepdims=True)
    up = share[numpy.arange(h)[:, None] * g // h, numpy.arange(w)[None] * g // w]
    out = sum(up[..., k, None] * picture(k, h, w) for k in range(n))
    line("co_mixup", [h, w, g, n], share[..., 0].mean(), pixels(out))


def mosaic():
    """YOLOv5's placement of four images of one size and its affine map, with bilinear sampling in
    double precision."""
    for h, w, yc, xc, degrees, scale, sx, sy, tx, ty in [
        (32, 32, 32, 32, 0.0, 1.0, 0.0, 0.0, 0.5, 0.5),
        (32, 32, 20, 41, 0.0, 0.8, 0.0, 0.0, 0.45, 0.6),
        (24, 40, 30, 25, 7.0, 1.3, 2.0, -1.5, 0.55, 0.4),
        (40, 24, 33, 30, -20.0, 0.5, 0.0, 0.0, 0.5, 0.5),
    ]:
        canvas = numpy.full((2 * h, 2 * w, 3), 114.0)
        owner = numpy.full((2 * h, 2 * w), -1)
        for k in range(4):
            if k == 0:
                x1a, y1a, x2a, y2a = max(xc - w, 0), max(yc - h, 0), xc, yc
                x1b, y1b = w - (x2a - x1a), h - (y2a - y1a)
            elif k == 1:
                x1a, y1a, x2a, y2a = xc, max(yc - h, 0), min(xc + w, 2 * w), yc
                x1b, y1b = 0, h - (y2a - y1a)
            elif k == 2:
                x1a, y1a, x2a, y2a = max(xc - w, 0), yc, xc, min(2 * h, yc + h)
                x1b, y1b = w - (x2a - x1a), 0
            else:
                x1a, y1a, x2a, y2a = xc, yc, min(xc + w, 2 * w), min(2 * h, yc + h)
                x1b, y1b = 0, 0
            canvas[y1a:y2a, x1a:x2a] = picture(k, h, w)[y1b : y1b + y2a - y1a, x1b : x1b + x2a - x1a]
            owner[y1a:y2a, x1a:x2a] = k
        centre = numpy.array([[1, 0, -w], [0, 1, -h], [0, 0, 1]], float)
        rotation = numpy.eye(3)
        rotation[:2] = cv2.getRotationMatrix2D(angle=degrees, center=(0, 0), scale=scale)
        shear = numpy.eye(3)
        shear[0, 1], shear[1, 0] = math.tan(math.radians(sx)), math.tan(math.radians(sy))
        move = numpy.array([[1, 0, tx * w], [0, 1, ty * h], [0, 0, 1]], float)
        inverse = numpy.linalg.inv(move @ shear @ rotation @ centre)
        y, x = numpy.mgrid[:h, :w]
        u, v, _ = numpy.einsum("ij,jhw->ihw", inverse, numpy.stack([x, y, numpy.ones_like(x)]))
        # Positions are rounded so that one just beside a whole number becomes whole: otherwise a
        # neighbor would count with a weight of 1e-16.
        u, v = numpy.round(u, 9), numpy.round(v, 9)
        x0, y0 = numpy.floor(u).astype(int), numpy.floor(v).astype(int)
        padded = numpy.pad(canvas, ((200, 200), (200, 200), (0, 0)), constant_values=114)
        out = 0
        for dy, wy in [(0, 1 - (v - y0)), (1, v - y0)]:
            for dx, wx in [(0, 1 - (u - x0)), (1, u - x0)]:
                out = out + (wy * wx)[..., None] * padded[y0 + dy + 200, x0 + dx + 200]
        near = numpy.pad(owner, 200, constant_values=-1)[numpy.floor(v + 0.5).astype(int) + 200, numpy.floor(u + 0.5).astype(int) + 200]
        line("mosaic", [h, w, yc, xc, degrees, scale, sx, sy, tx, ty], (near == 0).sum() / (near >= 0).sum(), pixels(out))


def switch():
    """timm's modes: the partner of each slot, its weight and its pixels, for the weights and flags
    that timm draws."""
    h, w, n = 12, 20, 6
    for mode, collate in [("batch", "_mix_batch_collate"), ("pair", "_mix_pair_collate"), ("elem", "_mix_elem_collate"), ("half", "_mix_elem_collate")]:
        for seed in range(3):
            numpy.random.seed(seed)
            mixer = FastCollateMixup(0.8, 1.0, prob=0.8, switch_prob=0.5, mode=mode, num_classes=10)
            drawn = []
            original = mixer._params_per_elem
            cut = []
            import timm.data.mixup as module

            real = module.cutmix_bbox_and_lam

            def boxes(shape, lam, **options):
                (y0, y1, x0, x1), lam = real(shape, lam, **options)
                cut.append((int(y0), int(x0), int(y1), int(x1)))
                return (y0, y1, x0, x1), lam

            batch = [(numpy.ascontiguousarray(picture(k, h, w).transpose(2, 0, 1)), k) for k in range(n)]
            count = n // 2 if mode == "half" else n
            out = torch.zeros((count, 3, h, w), dtype=torch.uint8)

            def elements(size):
                lams, flags = original(size)
                drawn.extend(zip([float(lam) for lam in lams], [bool(flag) for flag in flags]))
                return lams, flags

            def whole():
                lam, flag = FastCollateMixup._params_per_batch(mixer)
                drawn.append((float(lam), bool(flag)))
                return lam, flag

            with mock.patch.object(module, "cutmix_bbox_and_lam", boxes):
                mixer._params_per_elem = elements
                mixer._params_per_batch = whole
                if mode == "half":
                    lam = mixer._mix_elem_collate(out, batch, half=True)
                elif mode == "batch":
                    lam = mixer._mix_batch_collate(out, batch)
                elif mode == "pair":
                    lam = mixer._mix_pair_collate(out, batch)
                else:
                    lam = mixer._mix_elem_collate(out, batch)
            lams = numpy.full(count, lam) if mode == "batch" else numpy.asarray(lam).reshape(-1)[:count]
            words, boxed = [], iter(cut)
            for weight, flag in drawn:
                words.append("-".join(map(str, next(boxed))) if flag and weight != 1.0 else repr(float(numpy.float32(weight))))
            for slot in range(count):
                data = numpy.ascontiguousarray(out[slot].numpy().transpose(1, 2, 0))
                line("switch", [mode, h, w, n, slot, "/".join(words)], lams[slot], data)


def transmix():
    h, w, g = 224, 224, 14
    for y0, x0, y1, x1 in [(10, 20, 100, 200), (0, 0, 224, 224), (100, 100, 101, 101)]:
        attention = maps(0, g, g)
        box = torch.zeros(1, 1, h, w)
        box[..., y0:y1, x0:x1] = 1
        mask = F.interpolate(box, (g, g), mode="nearest")[0, 0].numpy()
        s0 = (y1 - y0) * (x1 - x0) / (h * w)
        wide = attention.astype(numpy.float64)
        s1 = (mask * wide).sum() / ((mask * wide).sum() + ((1 - mask) * wide).sum())
        line("transmix", [h, w, g, y0, x0, y1, x1], 1 - (s0 + s1) / 2, mask.astype(numpy.uint8).tobytes())


def main():
    for make in [resizemix, collage, fmix, gridmix, smoothmix, saliency, attentivemix, smmix, puzzlemix, co_mixup, mosaic, switch, transmix]:
        make()
    (FOLDER / "mixers.txt").write_text("\n".join(LINES) + "\n")
    (FOLDER / "mixers.bin").write_bytes(BINARY)
    print(f"{len(LINES)} lines, {len(BINARY)} bytes")


main()
