//! The mixers compared with their references. `tests/goldens/mixers.py` makes the golden files, and
//! docs/MIXING.md lists how exact each agreement is.

use std::fs;

use super::*;
use crate::geometry::{Point, Rect};

fn fixture(name: &str) -> Vec<u8> {
    fs::read(format!(
        "{}/fixtures/goldens/{name}",
        env!("CARGO_MANIFEST_DIR")
    ))
    .unwrap()
}

/// A line of the golden file: drawn values, the weight of A, and the result.
struct Line {
    text: String,
    words: Vec<String>,
    lam: f64,
    result: String,
}

impl Line {
    fn number<T: std::str::FromStr<Err: std::fmt::Debug>>(&self, at: usize) -> T {
        self.words[at].parse().unwrap()
    }

    fn size(&self) -> Size {
        Size {
            height: self.number(0),
            width: self.number(1),
        }
    }

    /// The point whose row is word `at`, and whose column is the next one.
    fn point(&self, at: usize) -> Point {
        Point::new(self.number(at + 1), self.number(at))
    }

    /// The rectangle whose edges begin at word `at`: first row, first column, end row, end column.
    fn rect(&self, at: usize) -> Rect {
        rect([0, 1, 2, 3].map(|edge| self.number(at + edge)))
    }

    fn equal(&self, bytes: &[u8]) {
        assert_eq!(fnv1a(bytes), self.result, "{}", self.text);
    }

    fn kept(&self, size: usize) -> Vec<u8> {
        let numbers: Vec<usize> = self
            .result
            .split(' ')
            .skip(1)
            .map(|word| word.parse().unwrap())
            .collect();
        fixture("mixers.bin")[numbers[0]..][..numbers[1] * size].to_vec()
    }

    /// Checks that bytes differ from the recorded ones by at most one level.
    fn near(&self, bytes: &[u8]) {
        let expected = self.kept(1);
        assert_eq!(bytes.len(), expected.len());
        for (at, (found, expected)) in bytes.iter().zip(&expected).enumerate() {
            assert!(
                found.abs_diff(*expected) <= 1,
                "{} at {at}: {found} {expected}",
                self.text
            );
        }
    }

    fn near_floats(&self, values: &[f32], tolerance: f32) {
        let expected: Vec<f32> = bytemuck::pod_collect_to_vec(&self.kept(4));
        assert_eq!(values.len(), expected.len());
        for (at, (found, expected)) in values.iter().zip(&expected).enumerate() {
            assert!(
                (found - expected).abs() <= tolerance,
                "{} at {at}: {found} {expected}",
                self.text
            );
        }
    }

    fn lam(&self, found: f64) {
        assert!(
            (found - self.lam).abs() <= 1e-6,
            "{}: lam {found}",
            self.text
        );
    }
}

/// The rectangle with these edges, in the order of the golden files.
fn rect([top, left, bottom, right]: [u32; 4]) -> Rect {
    Rect::new(left, top, right - left, bottom - top)
}

fn fnv1a(bytes: &[u8]) -> String {
    let hash = bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |state: u64, &byte| {
            (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3)
        });
    format!("{hash:016x}")
}

/// Runs `check` on each line of a mixer, and checks that there are `count` of them.
fn each(name: &str, count: usize, check: impl Fn(&Line)) {
    let text = String::from_utf8(fixture("mixers.txt")).unwrap();
    let lines = text
        .lines()
        .filter_map(|line| Some((line, line.strip_prefix(name)?.strip_prefix(' ')?)));
    let mut found = 0;
    for (text, rest) in lines {
        let (drawn, result) = rest.split_once(" = ").unwrap();
        let (lam, result) = result.split_once(' ').unwrap();
        check(&Line {
            text: text.to_string(),
            words: drawn.split(' ').map(str::to_string).collect(),
            lam: lam.parse().unwrap(),
            result: result.to_string(),
        });
        found += 1;
    }
    assert_eq!(found, count, "lines of {name}");
}

fn painted(size: Size, level: impl Fn(u64, u64, u64) -> u64) -> Vec<u8> {
    let (w, h) = (u64::from(size.width), u64::from(size.height));
    let level = &level;
    (0..h)
        .flat_map(|y| (0..w).flat_map(move |x| (0..3).map(move |c| (level(y, x, c) % 256) as u8)))
        .collect()
}

fn image(k: u64, size: Size) -> Vec<u8> {
    painted(size, |y, x, c| {
        31 * x + 57 * y + 101 * c + 77 * k + x * y * (k + 3)
    })
}

fn smooth(k: u64, size: Size) -> Vec<u8> {
    painted(size, |y, x, c| {
        (x * x * (k + 2) + 3 * y * y + x * y + 40 * c + 500 * k) / 24
    })
}

/// Mixes the first `count` images that `of` paints.
fn mixed(blend: &Blend, size: Size, count: u64, of: fn(u64, Size) -> Vec<u8>) -> Vec<u8> {
    let images: Vec<Vec<u8>> = (0..count).map(|k| of(k, size)).collect();
    let sources: Vec<&[u8]> = images.iter().map(|image| &image[..]).collect();
    apply(blend, size, &sources, |level, _| level).unwrap()
}

fn map(k: u64, grid: u32) -> Map {
    let value = |at: u64| (((at * 37 + k * 101) % 97) as f64 / 97.0 + 0.01) as f32;
    let size = Size::square(grid);
    Map::new(size, (0..size.area()).map(value).collect()).unwrap()
}

#[test]
fn resizemix_equals_torch_interpolation() {
    each("resizemix", 10, |line| {
        let size = line.size();
        let filter = if line.words[5] == "nearest" {
            TileFilter::Nearest
        } else {
            TileFilter::Bilinear
        };
        let mixer = ResizeMix::default().with_filter(filter);
        let sides = mixer.sides(line.number(2), size);
        let blend = mixer.blend(sides, line.point(3), size);
        line.lam(blend.lam(size));
        let found = mixed(&blend, size, 2, image);
        if filter == TileFilter::Nearest {
            line.equal(&found)
        } else {
            line.near(&found)
        }
    });
}

#[test]
fn collages_equal_torch_antialiased_interpolation() {
    each("collage", 3, |line| {
        let size = line.size();
        let k: u32 = line.number(2);
        let blend = Collage::new().with_k(k).blend(size);
        line.lam(blend.lam(size));
        line.near(&mixed(&blend, size, u64::from(k * k), image));
    });
}

#[test]
fn fmix_masks_equal_the_released_code_and_the_paper() {
    each("fmix", 48, |line| {
        let size = line.size();
        let spectrum = if line.words[2] == "isotropic" {
            Spectrum::Isotropic
        } else {
            Spectrum::Reference
        };
        let mixer = FMix::new()
            .with_alpha(1.0)
            .with_spectrum(spectrum)
            .with_max_soft(line.number(5));
        let noise: Vec<f64> = (0..mixer.noise_len(size) as u64)
            .map(|i| {
                ((i * 7919) % 1009) as f64 / 504.5 - 1.0 + ((i * 104_729) % 1_000_003) as f64 / 1e9
            })
            .collect();
        let mask = mixer.mask(line.number(3), line.words[4] == "1", &noise, size);
        line.lam(mask.lam());
        if line.result.starts_with('@') {
            line.near_floats(mask.weights(), 1e-5);
        } else {
            assert!(mask.is_binary());
            line.equal(
                &mask
                    .weights()
                    .iter()
                    .map(|weight| *weight as u8)
                    .collect::<Vec<_>>(),
            );
        }
    });
}

#[test]
fn gridmix_holes_equal_the_public_code() {
    each("gridmix", 5, |line| {
        let size = line.size();
        let holes = Holes {
            lam: line.number(2),
            count: line.number(3),
            hole_aspect: line.number(4),
            cut_area: line.number(5),
            cut_aspect: line.number(6),
            at: [line.number(7), line.number(8)],
        };
        let mask = holes.mask(size);
        line.lam(mask.lam());
        line.equal(
            &mask
                .weights()
                .iter()
                .map(|weight| *weight as u8)
                .collect::<Vec<_>>(),
        );
    });
}

#[test]
fn smoothmix_masks_equal_a_rolled_and_cropped_gaussian() {
    each("smoothmix", 3, |line| {
        let side: u32 = line.number(0);
        let size = Size {
            width: side,
            height: side,
        };
        let mask = SmoothMix::mask([line.number(1), line.number(2)], line.number(3), size);
        line.lam(mask.lam());
        line.near_floats(mask.weights(), 1e-5);
    });
}

fn seen(line: &Line) -> (Size, Vec<u8>) {
    let size = Size {
        height: line.number(1),
        width: line.number(2),
    };
    let of = if line.words[0] == "smooth" {
        smooth
    } else {
        image
    };
    (size, of(1, size))
}

#[test]
fn fine_grained_saliency_equals_opencv() {
    each("fine_grained", 4, |line| {
        let (size, view) = seen(line);
        let levels = saliency::fine_grained(size, &view);
        line.equal(&levels);
        assert_eq!(saliency::peak(size, &levels), line.point(3));
    });
}

#[test]
fn spectral_residuals_follow_opencv() {
    each("spectral_residual", 4, |line| {
        let (size, view) = seen(line);
        let map = saliency::spectral_residual(size, &view);
        let levels: Vec<u8> = map.iter().map(|value| (value * 255.0) as u8).collect();
        let (peak, expected) = (saliency::peak(size, &levels), line.point(3));
        assert!(
            peak.x.abs_diff(expected.x) <= 2 && peak.y.abs_diff(expected.y) <= 2,
            "{}: {peak:?}",
            line.text
        );
        let sampled: Vec<f32> = map
            .chunks_exact(size.width as usize)
            .step_by(4)
            .flat_map(|row| row.iter().step_by(4).copied())
            .collect();
        // OpenCV approximates the phase. On these images the correlation is 0.995 or more.
        let expected: Vec<f32> = bytemuck::pod_collect_to_vec(&line.kept(4));
        assert_eq!(sampled.len(), expected.len());
        let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
        let (a, b) = (mean(&sampled), mean(&expected));
        let product = |x: &[f32], mx: f32, y: &[f32], my: f32| {
            x.iter()
                .zip(y)
                .map(|(x, y)| (x - mx) * (y - my))
                .sum::<f32>()
        };
        let correlation = product(&sampled, a, &expected, b)
            / (product(&sampled, a, &sampled, a) * product(&expected, b, &expected, b)).sqrt();
        assert!(correlation > 0.99, "{}: {correlation}", line.text);
    });
}

#[test]
fn saliencymix_boxes_are_those_of_the_authors_around_the_peak() {
    each("saliencymix", 12, |line| {
        let (size, view) = seen(line);
        let peak = saliency::peak(size, &saliency::fine_grained(size, &view));
        let rect = SaliencyMix::rect(line.number(3), peak, size);
        assert_eq!(rect, line.rect(4), "{}", line.text);
        line.lam(Blend::Box { rect }.lam(size));
    });
}

#[test]
fn attentivemix_equals_torch_topk() {
    each("attentivemix", 4, |line| {
        let size = line.size();
        let grid: u32 = line.number(2);
        let blend = AttentiveMix::blend(line.number(3), grid, map(0, grid).values());
        line.lam(blend.lam(size));
        line.equal(&mixed(&blend, size, 2, image));
    });
}

#[test]
fn smmix_equals_torch_unfold_and_fold() {
    each("smmix", 3, |line| {
        let (side, grid): (u32, u32) = (line.number(0), line.number(1));
        let size = Size {
            width: side,
            height: side,
        };
        let outcome = SmMix::outcome(
            line.number(2),
            grid,
            map(0, grid).values(),
            map(1, grid).values(),
        );
        line.lam(outcome.blend.lam(size));
        let note = |name: &str| {
            outcome
                .notes
                .iter()
                .find(|(known, _)| *known == name)
                .unwrap()
                .1 as u32
        };
        assert_eq!(note("row") * grid + note("column"), line.number::<u32>(3));
        assert_eq!(
            note("from_row") * grid + note("from_column"),
            line.number::<u32>(4)
        );
        line.equal(&mixed(&outcome.blend, size, 2, image));
    });
}

/// A map that stands out around one point.
fn peaked(k: usize, side: u32) -> Map {
    let [cy, cx] = [[side / 4, side / 4], [3 * side / 4, 2 * side / 3]][k].map(f64::from);
    let value = |at: u32| {
        let [y, x] = [at / side, at % side].map(f64::from);
        (1.0 / (1.0 + ((y - cy) * (y - cy) + (x - cx) * (x - cx)) / f64::from(side))) as f32
    };
    Map::new(Size::square(side), (0..side * side).map(value).collect()).unwrap()
}

#[test]
fn puzzlemix_equals_gco_and_the_released_transport() {
    let drawn = |line: &Line| {
        let (side, blocks, lam): (u32, u32, f64) = (line.number(0), line.number(1), line.number(2));
        let (labels, t_size): (u32, u32) = (line.number(3), line.number(4));
        (
            Size {
                width: side,
                height: side,
            },
            PuzzleDraw { lam, blocks },
            labels,
            t_size,
        )
    };
    each("puzzlemix", 12, |line| {
        let (size, draw, labels, t_size) = drawn(line);
        let mixer = PuzzleMix::default().with_labels(labels).with_t_size(t_size);
        let (a, b) = (smooth(0, size), smooth(1, size));
        let maps = [0, 1].map(|k| peaked(k, size.width));
        let mean = |side: u32| maps.each_ref().map(|map| map.averaged(Size::square(side)));
        let [own, other] = mean(draw.blocks);
        let found = mixer.solve(draw, size, [&a, &b], [&own, &other]);
        let text: String = found.iter().map(|label| label.to_string()).collect();
        assert_eq!(text, line.words[5], "{}", line.text);
        let side = size.width.checked_div(t_size).unwrap_or(draw.blocks);
        let [own, other] = mean(side);
        let blend = mixer.blend(&found, draw.blocks, [&own, &other], side);
        line.lam(blend.lam(size));
        line.near(&mixed(&blend, size, 2, smooth));
    });
}

#[test]
fn co_mixup_equals_a_weighted_sum() {
    each("co_mixup", 1, |line| {
        let size = line.size();
        let (grid, sources): (u32, usize) = (line.number(2), line.number(3));
        let cells = (grid * grid) as usize;
        let mut mask: Vec<f32> = (0..cells * sources)
            .map(|at| (at * 13 % 7 + 1) as f32)
            .collect();
        mask[..3].copy_from_slice(&[1.0, 0.0, 0.0]);
        for shares in mask.chunks_exact_mut(sources) {
            let sum: f32 = shares.iter().sum();
            shares.iter_mut().for_each(|share| *share /= sum);
        }
        let outcome = co_mixup(Size::square(grid), sources, &mask).unwrap();
        let Label::Weights(weights) = &outcome.label else {
            panic!("{outcome:?}")
        };
        line.lam(weights[0]);
        assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        line.near(&mixed(&outcome.blend, size, 3, image));
        assert!(co_mixup(Size::square(grid), sources, &mask[1..]).is_err());
        mask[0] = 0.5;
        assert!(co_mixup(Size::square(grid), sources, &mask).is_err());
    });
}

#[test]
fn mosaics_equal_the_placement_and_map_of_yolov5() {
    each("mosaic", 4, |line| {
        let size = line.size();
        let numbers: Vec<f64> = (4..10).map(|at| line.number(at)).collect();
        let map = Mosaic4::map(
            numbers[0],
            numbers[1],
            [numbers[2], numbers[3]],
            [numbers[4], numbers[5]],
            size,
        );
        let center = line.point(2);
        let mosaic = Mosaic {
            fill: [114; 3],
            order: [0, 1, 2, 3],
            center,
            map,
        };
        let blend = Blend::Mosaic(mosaic.into());
        line.lam(blend.lam(size));
        line.near(&mixed(&blend, size, 4, image));
    });
}

#[test]
fn every_mode_of_timm_mixes_the_same_slots() {
    each("switch", 63, |line| {
        let size = Size {
            height: line.number(1),
            width: line.number(2),
        };
        let (slots, slot): (usize, usize) = (line.number(3), line.number(4));
        let words: Vec<&str> = line.words[5].split('/').collect();
        // One draw for all, one for each pair, or one for each slot.
        let draw = words[match line.words[0].as_str() {
            "batch" => 0,
            "pair" => slot.min(slots - 1 - slot),
            _ => slot,
        }];
        let blend = if draw.contains('-') && !draw.contains('e') {
            let edges: Vec<u32> = draw.split('-').map(|edge| edge.parse().unwrap()).collect();
            Blend::Box {
                rect: rect(edges.try_into().unwrap()),
            }
        } else {
            Blend::Uniform {
                lam: draw.parse().unwrap(),
            }
        };
        line.lam(blend.lam(size));
        let images = [slot, slots - 1 - slot].map(|k| image(k as u64, size));
        let found = apply(&blend, size, &[&images[0], &images[1]], |level, _| level).unwrap();
        line.near(&found);
    });
}

#[test]
fn transmix_weights_equal_the_formula() {
    each("transmix", 3, |line| {
        let size = line.size();
        let grid: u32 = line.number(2);
        let blend = Blend::Box { rect: line.rect(3) };
        let mask = patch_mask(&blend, size, grid);
        line.equal(&mask.iter().map(|weight| *weight as u8).collect::<Vec<_>>());
        line.lam(relabel(blend.lam(size), &mask, map(0, grid).values(), 0.5).unwrap());
    });
    let without = relabel(0.3, &[1.0, 0.0], &[0.0, 0.0], 0.5).unwrap();
    assert!((without - 0.3).abs() < 1e-12, "no attention, no change");
    assert!(relabel(0.3, &[1.0], &[0.0, 0.0], 0.5).is_err());
    assert!(relabel(0.3, &[1.0], &[f32::NAN], 0.5).is_err());
}
