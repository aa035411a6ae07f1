//! The discrete Fourier transform of any length, in f64.
//!
//! It is the mixed-radix form of Cooley and Tukey (1965), decimation in time: a length is split by
//! its prime factors, and each factor p costs p operations per value. Images have sides of any
//! length, so powers of two are not enough; sides with a large prime factor are slower but correct.
//!
//! FMix masks depend on the order of the transformed values, so the result must be the same on
//! every machine. FFT libraries choose vector code by CPU, which changes the rounding. Here the
//! order of operations is fixed and the sines come from `libm`.

use std::f64::consts::PI;

/// The transform of one length, with its factors and its roots of unity.
#[derive(Debug)]
pub(super) struct Fourier {
    length: usize,
    /// The prime factors of the length in increasing order.
    factors: Vec<usize>,
    /// The roots of unity `exp(-2 pi i k / length)` for each k.
    roots: Vec<[f64; 2]>,
}

/// The product of two complex numbers.
fn times([a, b]: [f64; 2], [c, d]: [f64; 2]) -> [f64; 2] {
    [a * c - b * d, a * d + b * c]
}

impl Fourier {
    /// Prepares the transform of `length` values.
    pub(super) fn new(length: usize) -> Fourier {
        let (mut factors, mut rest, mut factor) = (Vec::new(), length, 2);
        while rest > 1 {
            while rest.is_multiple_of(factor) {
                factors.push(factor);
                rest /= factor;
            }
            factor += 1;
        }
        let root = |k: usize| {
            let angle = -2.0 * PI * k as f64 / length as f64;
            [libm::cos(angle), libm::sin(angle)]
        };
        Fourier {
            length,
            factors,
            roots: (0..length).map(root).collect(),
        }
    }

    /// Transforms `input` into `out`: `out[k]` is the sum of `input[n] exp(-2 pi i k n / N)` over
    /// n. With `inverse`, the exponent is positive and the sum is divided by N. `input` may be
    /// changed.
    pub(super) fn run(&self, input: &mut [[f64; 2]], out: &mut [[f64; 2]], inverse: bool) {
        // The inverse is the transform of the conjugate, conjugated.
        if inverse {
            input.iter_mut().for_each(|value| value[1] = -value[1]);
        }
        self.transform(input, 0, 1, &self.factors, out);
        if inverse {
            let scale = 1.0 / self.length as f64;
            out.iter_mut()
                .for_each(|[re, im]| (*re, *im) = (*re * scale, -*im * scale));
        }
    }

    /// Transforms every `stride`-th value of `input`, beginning at `start`, into `out`. `factors`
    /// are the factors of the length that are left.
    fn transform(
        &self,
        input: &[[f64; 2]],
        start: usize,
        stride: usize,
        factors: &[usize],
        out: &mut [[f64; 2]],
    ) {
        let Some((&radix, factors)) = factors.split_first() else {
            out[0] = input[start];
            return;
        };
        let (length, sub) = (out.len(), out.len() / radix);
        for (number, out) in out.chunks_exact_mut(sub).enumerate() {
            self.transform(input, start + number * stride, stride * radix, factors, out);
        }
        // Small radices, the usual case, need no allocation.
        let (mut on_stack, mut on_heap) = ([[0.0; 2]; 8], Vec::new());
        let column = match on_stack.get_mut(..radix) {
            Some(column) => column,
            None => {
                on_heap.resize(radix, [0.0; 2]);
                &mut on_heap[..]
            }
        };
        // `out` holds `radix` transforms of `sub` values. For each frequency k of those, a
        // transform of `radix` values, each turned by its offset, gives the frequencies k, k + sub,
        // k + 2 sub, …
        for k in 0..sub {
            for (number, value) in column.iter_mut().enumerate() {
                *value = times(
                    out[number * sub + k],
                    self.roots[number * k * stride % self.length],
                );
            }
            for q in 0..radix {
                let mut sum = column[0];
                for (number, value) in column.iter().enumerate().skip(1) {
                    // Roots of this length are every `stride`-th root of the whole length.
                    let root = self.roots[number * q * sub % length * stride];
                    let [re, im] = times(*value, root);
                    sum = [sum[0] + re, sum[1] + im];
                }
                out[q * sub + k] = sum;
            }
        }
    }

    /// Transforms a plane of rows x columns values in place: first the rows, then the columns.
    pub(super) fn transform_2d(
        [down, across]: &[Fourier; 2],
        values: &mut [[f64; 2]],
        inverse: bool,
    ) {
        let (h, w) = (down.length, across.length);
        let mut out = vec![[0.0; 2]; w.max(h)];
        for row in values.chunks_exact_mut(w) {
            across.run(row, &mut out[..w], inverse);
            row.copy_from_slice(&out[..w]);
        }
        let mut column = vec![[0.0; 2]; h];
        for x in 0..w {
            for (y, value) in column.iter_mut().enumerate() {
                *value = values[y * w + x];
            }
            down.run(&mut column, &mut out[..h], inverse);
            for (y, value) in out[..h].iter().enumerate() {
                values[y * w + x] = *value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_length_equals_the_sum_of_the_definition_and_comes_back() {
        for length in [1, 2, 3, 5, 7, 12, 30, 49, 97] {
            let values: Vec<[f64; 2]> = (0..length)
                .map(|n| [(n * n % 17) as f64 - 5.0, (n * 7 % 11) as f64])
                .collect();
            let fourier = Fourier::new(length);
            let mut found = vec![[0.0; 2]; length];
            fourier.run(&mut values.clone(), &mut found, false);
            for (k, found) in found.iter().enumerate() {
                let mut sum = [0.0; 2];
                for (n, value) in values.iter().enumerate() {
                    let angle = -2.0 * PI * (k * n % length) as f64 / length as f64;
                    let [re, im] = times(*value, [angle.cos(), angle.sin()]);
                    sum = [sum[0] + re, sum[1] + im];
                }
                assert!(
                    (found[0] - sum[0]).abs() < 1e-9 && (found[1] - sum[1]).abs() < 1e-9,
                    "{length} {k}"
                );
            }
            let mut back = vec![[0.0; 2]; length];
            fourier.run(&mut found, &mut back, true);
            for (back, value) in back.iter().zip(&values) {
                assert!((back[0] - value[0]).abs() < 1e-11 && (back[1] - value[1]).abs() < 1e-11);
            }
        }
    }
}
