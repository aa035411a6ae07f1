//! Each vector kernel beside its scalar twin.

use super::entropy::EntropyKernels;
use super::*;
use crate::simd::Avx2;

/// A simple generator of pseudo-random numbers.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| (self.next() >> 32) as u8).collect()
    }
}

fn kernels() -> Option<(Avx2, Random)> {
    Some((Avx2::detect()?, Random(0x1234_5678_9ABC_DEF1)))
}

/// An operation, with its vector twin if the flag is set.
type Twins<'a> = &'a dyn Fn(bool, &mut [u8]);

#[test]
fn rows() {
    let Some((avx2, mut random)) = kernels() else {
        return;
    };
    for count in (1..140).chain([1000]) {
        let [a, b, c] = [0, 1, 2].map(|_| random.bytes(count + 2));
        let planes = [&a[..count], &b[..count], &c[..count]];
        let twins: [Twins<'_>; 6] = [
            &|fast, out| match fast {
                true => avx2.upsample_h2v1(&a, out),
                false => Scalar.upsample_h2v1(&a, out),
            },
            &|fast, out| match fast {
                true => avx2.upsample_h2v2(&a, &b, out),
                false => Scalar.upsample_h2v2(&a, &b, out),
            },
            &|fast, out| match fast {
                true => avx2.upsample_h1v2(planes[0], planes[1], 1, out),
                false => Scalar.upsample_h1v2(planes[0], planes[1], 1, out),
            },
            &|fast, out| match fast {
                true => avx2.upsample_h1v2(planes[0], planes[1], 2, out),
                false => Scalar.upsample_h1v2(planes[0], planes[1], 2, out),
            },
            &|fast, out| match fast {
                true => avx2.ycc_to_rgb(planes, out),
                false => Scalar.ycc_to_rgb(planes, out),
            },
            &|fast, out| match fast {
                true => avx2.interleave(planes, out),
                false => Scalar.interleave(planes, out),
            },
        ];
        for (twin, factor) in twins.iter().zip([2, 2, 1, 1, 3, 3]) {
            let mut outs = [vec![0; factor * count], vec![0; factor * count]];
            twin(false, &mut outs[0]);
            twin(true, &mut outs[1]);
            assert_eq!(outs[0], outs[1]);
        }
    }
}

#[test]
fn every_color() {
    let Some((avx2, _)) = kernels() else { return };
    let ramp: [u8; 32] = std::array::from_fn(|n| (n * 255 / 31) as u8);
    for cb in 0..=255 {
        for cr in 0..=255 {
            let planes = [&ramp[..], &[cb; 32], &[cr; 32]];
            let mut outs = [[0; 96]; 2];
            Scalar.ycc_to_rgb(planes, &mut outs[0]);
            avx2.ycc_to_rgb(planes, &mut outs[1]);
            assert_eq!(outs[0], outs[1]);
        }
    }
}

#[test]
fn transforms() {
    let Some((avx2, mut random)) = kernels() else {
        return;
    };
    for round in 0..4000 {
        // From ordinary magnitudes to ones that wrap and saturate everywhere.
        let bits = 1 + round % 16;
        let sparse = round % 3 == 0;
        let mut blocks = [[0i16; 64]; 2];
        let mut quants = [[1i16; 64]; 2];
        for (block, quant) in blocks.iter_mut().zip(&mut quants) {
            for n in 0..64 {
                let outside = n % 8 > 3 || n / 8 > 3;
                if !(sparse && outside) && random.next() % 2 == 0 {
                    block[n] = (random.next() as i64 >> (64 - bits)) as i16;
                }
                quant[n] = (random.next() % 255 + 1) as i16;
            }
        }
        let targets = [
            BlockTarget {
                quant: &quants[0],
                at: 0,
                stride: 16,
            },
            BlockTarget {
                quant: &quants[1],
                at: 8,
                stride: 16,
            },
        ];
        let mut outs = [[0; 128]; 2];
        Scalar.idct_pair(blocks.each_ref(), targets, sparse, &mut outs[0]);
        avx2.idct_pair(blocks.each_ref(), targets, sparse, &mut outs[1]);
        assert_eq!(outs[0], outs[1], "round {round}");
    }
}

#[test]
fn reduced_transforms() {
    let Some((avx2, mut random)) = kernels() else {
        return;
    };
    for round in 0..4000 {
        // From ordinary magnitudes to ones that wrap and saturate everywhere.
        let bits = 1 + round % 16;
        let mut block = [0i16; 64];
        let quant = std::array::from_fn(|_| (random.next() % 255 + 1) as i16);
        for value in &mut block {
            if random.next() % 2 == 0 {
                *value = (random.next() as i64 >> (64 - bits)) as i16;
            }
        }
        let target = BlockTarget {
            quant: &quant,
            at: 1,
            stride: 5,
        };
        for size in [1, 2, 4] {
            let mut outs = [[0; 24]; 2];
            Scalar.idct_reduced(&block, target, size, &mut outs[0]);
            avx2.idct_reduced(&block, target, size, &mut outs[1]);
            assert_eq!(outs[0], outs[1], "round {round} to {size} x {size}");
        }
    }
}

#[test]
fn search() {
    let Some((avx2, _)) = kernels() else { return };
    for length in 0..100 {
        for at in 0..=length {
            let mut bytes = vec![0xFE; length];
            bytes.iter_mut().skip(at).for_each(|byte| *byte = 0xFF);
            assert_eq!(avx2.find_ff()(&bytes), at);
        }
    }
}
