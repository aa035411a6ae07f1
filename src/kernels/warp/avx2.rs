//! Interpolation with AVX2: first the points of four pixels at once, then the three channels of
//! each pixel at once, all in f64 and in the order of the plain code, so that the bytes are the
//! same.

use std::arch::x86_64::*;

use super::{Source, Warp};
use crate::cpu::Avx2;

pub(super) fn bilinear(_: Avx2, warp: &Warp, source: &Source<'_>, out: &mut [[u8; 3]]) {
    // SAFETY: the token proves AVX2.
    unsafe { interpolate::<false>(warp, source, out) }
}

pub(super) fn bicubic(_: Avx2, warp: &Warp, source: &Source<'_>, out: &mut [[u8; 3]]) {
    // SAFETY: the token proves AVX2.
    unsafe { interpolate::<true>(warp, source, out) }
}

/// The number of pixels whose points are computed before any of them is read.
const AHEAD: usize = 32;

/// The points at which a part of a row reads the source.
struct Points {
    dx: [f64; AHEAD],
    dy: [f64; AHEAD],
    /// The column and the row to the left of and above the point; -1 at the edges.
    x: [i32; AHEAD],
    y: [i32; AHEAD],
    /// The first byte of that pixel, if the point is [`Reach::Interior`].
    at: [i32; AHEAD],
    reach: [Reach; AHEAD],
}

/// How far a point is from the edge.
#[derive(Clone, Copy, PartialEq)]
enum Reach {
    Outside,
    Edge,
    /// Eight bytes from the pixel on belong to its row, and so do those in the row below.
    Interior,
}

/// Computes the points of the pixels of row `y` from column `x` on. A point inside the image has
/// `0 <= x < width` and `0 <= y < height`.
#[inline]
#[target_feature(enable = "avx2")]
fn find(warp: &Warp, (width, height): (f64, f64), x: usize, y: usize, points: &mut Points) {
    let [a, b, c, d, e, f, g, h] = warp.matrix.map(|value| _mm256_set1_pd(value));
    let (half, one, zero) = (
        _mm256_set1_pd(0.5),
        _mm256_set1_pd(1.0),
        _mm256_setzero_pd(),
    );
    let yc = _mm256_add_pd(_mm256_set1_pd(y as f64), half);
    let (by, ey, hy) = (
        _mm256_mul_pd(b, yc),
        _mm256_mul_pd(e, yc),
        _mm256_mul_pd(h, yc),
    );
    for quad in 0..AHEAD / 4 {
        let first = (x + quad * 4) as f64;
        let xc = _mm256_add_pd(
            _mm256_setr_pd(first, first + 1.0, first + 2.0, first + 3.0),
            half,
        );
        let mut sx = _mm256_add_pd(_mm256_add_pd(_mm256_mul_pd(a, xc), by), c);
        let mut sy = _mm256_add_pd(_mm256_add_pd(_mm256_mul_pd(d, xc), ey), f);
        if !warp.is_affine() {
            let scale = _mm256_add_pd(_mm256_add_pd(_mm256_mul_pd(g, xc), hy), one);
            (sx, sy) = (_mm256_div_pd(sx, scale), _mm256_div_pd(sy, scale));
        }
        let within = |at, end| {
            let (low, high) = (
                _mm256_cmp_pd::<_CMP_GE_OQ>(at, zero),
                _mm256_cmp_pd::<_CMP_LT_OQ>(at, end),
            );
            _mm256_and_pd(low, high)
        };
        let inside = _mm256_and_pd(
            within(sx, _mm256_set1_pd(width)),
            within(sy, _mm256_set1_pd(height)),
        );
        // Points outside become the top left corner, so that converting them to integers is
        // harmless.
        let (sx, sy) = (_mm256_and_pd(sx, inside), _mm256_and_pd(sy, inside));
        let (sx, sy) = (_mm256_sub_pd(sx, half), _mm256_sub_pd(sy, half));
        let (fx, fy) = (_mm256_floor_pd(sx), _mm256_floor_pd(sy));
        let interior = _mm256_and_pd(
            within(fx, _mm256_set1_pd(width - 2.0)),
            within(fy, _mm256_set1_pd(height - 1.0)),
        );
        // Integers below 2^31, because an image has at most 2^28 pixels.
        let three = _mm256_set1_pd(3.0);
        let byte = _mm256_mul_pd(
            three,
            _mm256_add_pd(_mm256_mul_pd(fy, _mm256_set1_pd(width)), fx),
        );
        let at = quad * 4;
        put_integers(&mut points.at, at, _mm256_cvttpd_epi32(byte));
        put(&mut points.dx, at, _mm256_sub_pd(sx, fx));
        put(&mut points.dy, at, _mm256_sub_pd(sy, fy));
        put_integers(&mut points.x, at, _mm256_cvttpd_epi32(fx));
        put_integers(&mut points.y, at, _mm256_cvttpd_epi32(fy));
        let (inside, interior) = (_mm256_movemask_pd(inside), _mm256_movemask_pd(interior));
        for i in 0..4 {
            points.reach[at + i] = match (inside >> i & 1, interior >> i & 1) {
                (0, _) => Reach::Outside,
                (_, 0) => Reach::Edge,
                _ => Reach::Interior,
            };
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn put(out: &mut [f64; AHEAD], at: usize, values: __m256d) {
    let out = &mut out[at..at + 4];
    // SAFETY: the slice has four numbers, and the store does not ask for alignment.
    unsafe { _mm256_storeu_pd(out.as_mut_ptr(), values) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn put_integers(out: &mut [i32; AHEAD], at: usize, values: __m128i) {
    let out = &mut out[at..at + 4];
    // SAFETY: the slice has four numbers of 32 bits, and the store does not ask for alignment.
    unsafe { _mm_storeu_si128(out.as_mut_ptr().cast(), values) }
}

/// An image to read, as bytes.
struct Bytes<'a> {
    bytes: &'a [u8],
    width: i32,
    height: i32,
}

impl Bytes<'_> {
    /// The pixel that begins at byte `at`.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn pixel(&self, at: usize) -> __m256d {
        // This reads one byte too many, except for the last pixel of the image.
        let bits = match self.bytes[at..].first_chunk::<4>() {
            Some(bytes) => u32::from_le_bytes(*bytes),
            None => u32::from_le_bytes([self.bytes[at], self.bytes[at + 1], self.bytes[at + 2], 0]),
        };
        _mm256_cvtepi32_pd(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(bits as i32)))
    }

    /// A pixel and its right neighbor.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn pair(&self, left: usize, right: usize) -> [__m256d; 2] {
        match self.bytes[left..].first_chunk::<8>() {
            Some(bytes) if right == left + 3 => {
                let both = _mm_cvtsi64_si128(i64::from_le_bytes(*bytes));
                [both, _mm_srli_si128(both, 3)]
                    .map(|pixel| _mm256_cvtepi32_pd(_mm_cvtepu8_epi32(pixel)))
            }
            _ => [self.pixel(left), self.pixel(right)],
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn between([a, b]: [__m256d; 2], by: __m256d) -> __m256d {
    _mm256_add_pd(a, _mm256_mul_pd(_mm256_sub_pd(b, a), by))
}

/// Truncated and clipped.
#[inline]
#[target_feature(enable = "avx2")]
fn to_pixel(values: __m256d) -> [u8; 3] {
    let integers = _mm256_cvttpd_epi32(values);
    let words = _mm_packus_epi32(integers, integers);
    let [r, g, b, _] = _mm_cvtsi128_si32(_mm_packus_epi16(words, words)).to_le_bytes();
    [r, g, b]
}

#[inline]
#[target_feature(enable = "avx2")]
fn bilinear_at(source: &Bytes<'_>, x: i32, y: i32, dx: __m256d, dy: __m256d) -> [u8; 3] {
    let (left, right) = (
        x.max(0) as usize * 3,
        (x + 1).min(source.width - 1) as usize * 3,
    );
    let upper = y.max(0);
    let lower = if y + 1 < source.height { y + 1 } else { upper };
    let row = |y: i32| y as usize * source.width as usize * 3;
    let (u, l) = (row(upper), row(lower));
    let a = between(source.pair(u + left, u + right), dx);
    let b = between(source.pair(l + left, l + right), dx);
    to_pixel(between([a, b], dy))
}

/// [`bilinear_at`] for points that are not near an edge.
#[inline]
#[target_feature(enable = "avx2")]
fn bilinear_interior(source: &Bytes<'_>, at: usize, dx: __m256d, dy: __m256d) -> [u8; 3] {
    let row = |at: usize| {
        let bytes: &[u8; 8] = source.bytes[at..]
            .first_chunk()
            .expect("the interior has eight bytes");
        let both = _mm_cvtsi64_si128(i64::from_le_bytes(*bytes));
        let pixels = [both, _mm_srli_si128(both, 3)];
        between(
            pixels.map(|pixel| _mm256_cvtepi32_pd(_mm_cvtepu8_epi32(pixel))),
            dx,
        )
    };
    to_pixel(between([row(at), row(at + source.width as usize * 3)], dy))
}

#[inline]
#[target_feature(enable = "avx2")]
fn cubic([v1, v2, v3, v4]: [__m256d; 4], d: __m256d) -> __m256d {
    let minus = _mm256_xor_pd(v1, _mm256_set1_pd(-0.0));
    let twice = _mm256_mul_pd(_mm256_set1_pd(2.0), _mm256_sub_pd(v1, v2));
    let p2 = _mm256_add_pd(minus, v3);
    let p3 = _mm256_sub_pd(_mm256_add_pd(twice, v3), v4);
    let p4 = _mm256_add_pd(_mm256_sub_pd(_mm256_add_pd(minus, v2), v3), v4);
    let inner = _mm256_add_pd(
        p2,
        _mm256_mul_pd(d, _mm256_add_pd(p3, _mm256_mul_pd(d, p4))),
    );
    _mm256_add_pd(v2, _mm256_mul_pd(d, inner))
}

#[inline]
#[target_feature(enable = "avx2")]
fn bicubic_at(source: &Bytes<'_>, x: i32, y: i32, dx: __m256d, dy: __m256d) -> [u8; 3] {
    let column = |i: i32| (x - 1 + i).clamp(0, source.width - 1) as usize * 3;
    let [c0, c1, c2, c3] = [column(0), column(1), column(2), column(3)];
    let mut rows = [_mm256_setzero_pd(); 4];
    for i in 0..4 {
        let y = y - 1 + i as i32;
        rows[i] = if i == 0 || (0..source.height).contains(&y) {
            let at = y.clamp(0, source.height - 1) as usize * source.width as usize * 3;
            let pixels = [
                source.pixel(at + c0),
                source.pixel(at + c1),
                source.pixel(at + c2),
                source.pixel(at + c3),
            ];
            cubic(pixels, dx)
        } else {
            rows[i - 1]
        };
    }
    to_pixel(cubic(rows, dy))
}

/// Writes the new image. Columns and rows fit 32 bits because no image has a side of more than 2^26
/// pixels.
#[target_feature(enable = "avx2")]
fn interpolate<const CUBIC: bool>(warp: &Warp, source: &Source<'_>, out: &mut [[u8; 3]]) {
    let (width, height) = (source.width as f64, source.height as f64);
    let source = Bytes {
        bytes: source.pixels.as_flattened(),
        width: source.width as i32,
        height: source.height as i32,
    };
    let mut found = Points {
        dx: [0.0; AHEAD],
        dy: [0.0; AHEAD],
        x: [0; AHEAD],
        y: [0; AHEAD],
        at: [0; AHEAD],
        reach: [Reach::Outside; AHEAD],
    };
    for (y, row) in out.chunks_exact_mut(warp.size.width as usize).enumerate() {
        for (part, pixels) in row.chunks_mut(AHEAD).enumerate() {
            find(warp, (width, height), part * AHEAD, y, &mut found);
            for (i, pixel) in pixels.iter_mut().enumerate() {
                let (dx, dy) = (_mm256_set1_pd(found.dx[i]), _mm256_set1_pd(found.dy[i]));
                *pixel = match found.reach[i] {
                    Reach::Outside => warp.fill,
                    _ if CUBIC => bicubic_at(&source, found.x[i], found.y[i], dx, dy),
                    Reach::Interior => bilinear_interior(&source, found.at[i] as usize, dx, dy),
                    Reach::Edge => bilinear_at(&source, found.x[i], found.y[i], dx, dy),
                };
            }
        }
    }
}
