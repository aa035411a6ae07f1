//! Blurs, noise and corruptions against what the reference libraries make of the same pictures and the same random numbers.
//!
//! The golden files are made by the scripts in tests/goldens, whose headers name the versions.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use feedmill::augment::{
    Blur, Convolve, Corrupt, Corruption, CorruptionSet, Dialect, Edges, Elastic, Frame, Noise, Program,
    Scratch, Step, Threshold,
};
use feedmill::decode::{Decoder, Limits, Rect, probe};
use feedmill::source::Codec;

fn fixture(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "fixtures", "goldens", path].iter().collect()
}

fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |state, &byte| (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

struct Picture {
    frame: Frame,
    pixels: Vec<u8>,
}

impl Picture {
    /// A picture of fixtures/goldens; `name:WxH` is the part of it at column 20, row 10.
    fn read(name: &str) -> Picture {
        let (name, part) = name.split_once(':').unwrap_or((name, ""));
        let bytes = fs::read(fixture(&format!("{name}.png"))).unwrap();
        let probe = probe(&bytes, Codec::Png, &Limits::default()).unwrap();
        let mut pixels = Vec::new();
        let whole = Rect::whole(probe.width, probe.height);
        Decoder::new().decode(&bytes, &probe, whole, &mut pixels).unwrap();
        let picture = Picture { frame: Frame { width: probe.width, height: probe.height }, pixels };
        match part.split_once('x') {
            None => picture,
            Some((width, height)) => {
                let (width, height) = (width.parse().unwrap(), height.parse().unwrap());
                picture.after(Step::Crop { left: 20, top: 10, width, height, pad: Default::default() })
            }
        }
    }

    fn after(&self, step: Step) -> Picture {
        let program = Program::of([step], self.frame);
        let frame = program.end();
        let mut pixels = vec![0; (frame.width * frame.height * 3) as usize];
        let whole = Rect::whole(self.frame.width, self.frame.height);
        program.run(&mut Scratch::new(true), &self.pixels, whole, &mut pixels, frame).unwrap();
        Picture { frame, pixels }
    }
}

fn number<T: std::str::FromStr>(word: &str) -> T {
    word.parse().unwrap_or_else(|_| panic!("{word} is no number of this type"))
}

/// The step that a line names.
fn step(words: &[&str]) -> Step {
    match *words {
        ["sharpness", "pil", factor] => Step::Blur(Blur::Sharpness(number(factor), Dialect::Pil)),
        ["sharpness", "tv2", factor] => Step::Blur(Blur::Sharpness(number(factor), Dialect::Tv2)),
        ["pil_gaussian_blur", radius] => Step::Blur(Blur::PilGaussian(number(radius))),
        ["box_blur", radius] => Step::Blur(Blur::Box(number(radius))),
        ["median_blur", size] => Step::Blur(Blur::Median(number(size))),
        ["gaussian_blur", kernel, sigma] => {
            Step::Blur(Blur::Gaussian { kernel: number(kernel), sigma: number(sigma) })
        }
        ["motion_blur", radius, sigma, angle] => {
            let (radius, sigma, angle) = (number(radius), number(sigma), number(angle));
            Step::Blur(Blur::Motion { radius, sigma, angle })
        }
        ["gaussian_noise", mean, sigma, seed] => {
            Step::Noise(Noise::Gaussian { mean: number(mean), sigma: number(sigma), seed: number(seed) })
        }
        ["jpeg", quality] => Step::Jpeg(number(quality)),
        ["corrupt", name, severity, angle, seed] => {
            let kind = Corruption::ALL.into_iter().find(|kind| kind.name() == name).unwrap();
            let (severity, angle, seed) = (number(severity), number(angle), number(seed));
            Step::Corrupt(Corrupt { kind, severity, set: CorruptionSet::ImagenetC, angle, seed })
        }
        ["convolve", "sharpen", alpha, lightness] => {
            Step::Convolve(Convolve::sharpen(number(alpha), number(lightness)))
        }
        ["convolve", "emboss", alpha, strength] => {
            Step::Convolve(Convolve::emboss(number(alpha), number(strength)))
        }
        ["convolve", "edge_detect", alpha] => Step::Convolve(Convolve::edge_detect(number(alpha))),
        ["convolve", "directed_edge_detect", alpha, direction] => {
            Step::Convolve(Convolve::directed_edge_detect(number(alpha), number(direction)))
        }
        ["bilateral_blur", diameter, colour, space] => {
            let (diameter, colour, space) = (number(diameter), number(colour), number(space));
            Step::Blur(Blur::Bilateral { diameter, colour, space })
        }
        ["elastic", alpha, sigma, filter, r, g, b, seed] => Step::Elastic(Elastic {
            alpha: number(alpha),
            sigma: number(sigma),
            nearest: filter == "nearest",
            fill: [r, g, b].map(number),
            seed: number(seed),
        }),
        ["low_frequency_crop", side] => Step::LowFrequencies(number(side)),
        ["edge_map", sigma, threshold, shift, low, high] => {
            let threshold = Threshold::ALL.into_iter().find(|rule| rule.to_string() == threshold).unwrap();
            let (sigma, [shift, low, high]) = (number(sigma), [shift, low, high].map(number));
            Step::Edges(Edges { sigma, threshold, shift, low, high })
        }
        _ => panic!("unknown op {words:?}"),
    }
}

/// How the results of an op compare with the reference's.
#[derive(Clone, Debug, Default)]
struct Row {
    cases: usize,
    most: u8,
    sum: u64,
    values: u64,
}

impl Row {
    fn mean(&self) -> f64 {
        self.sum as f64 / self.values.max(1) as f64
    }

    /// As it stands in docs/AUGMENTATIONS.md.
    fn difference(&self) -> String {
        match self.most {
            0 => "equal".to_string(),
            most => format!("{most}; mean {:.3}", self.mean()),
        }
    }
}

/// What the lines of a file say of each op; those with a hash are equal, or this panics.
fn rows(file: &str) -> BTreeMap<String, Row> {
    let expected = fs::read(fixture(&format!("{file}.bin"))).unwrap();
    let mut rest = &expected[..];
    let mut pictures: BTreeMap<String, Picture> = BTreeMap::new();
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in fs::read_to_string(fixture(&format!("{file}.txt"))).unwrap().lines() {
        let (left, right) = line.split_once(" = ").unwrap();
        let words: Vec<&str> = left.split(' ').collect();
        let picture = pictures.entry(words[0].to_string()).or_insert_with(|| Picture::read(words[0]));
        let found = picture.after(step(&words[1..]));
        let name = match words[1] {
            "sharpness" | "corrupt" | "convolve" => words[1..3].join(" "),
            other => other.to_string(),
        };
        let row = rows.entry(name.clone()).or_default();
        row.cases += 1;
        row.values += found.pixels.len() as u64;
        let size = format!("{} {}", found.frame.width, found.frame.height);
        if right == format!("{size} near") {
            let golden = rest.split_off(..found.pixels.len()).unwrap();
            let differences = found.pixels.iter().zip(golden).map(|(a, b)| a.abs_diff(*b));
            let most = differences.clone().max().unwrap_or(0);
            row.most = row.most.max(most);
            row.sum += differences.clone().map(u64::from).sum::<u64>();
            if most > 1 {
                wrong.push(format!(
                    "{left}: {most} levels away, mean {:.3}",
                    differences.map(f64::from).sum::<f64>() / found.pixels.len() as f64
                ));
            }
        } else if right != format!("{size} {:016x}", fnv1a(&found.pixels)) {
            wrong.push(format!("{left}: expected {right}"));
        }
    }
    assert!(rest.is_empty(), "{file}.bin has more than {file}.txt names");
    assert!(wrong.is_empty(), "{} of {file} differ:\n{}", wrong.len(), wrong.join("\n"));
    rows
}

/// Rows of the table in docs/AUGMENTATIONS.md: op, reference, cases, largest difference.
fn table() -> Vec<[String; 4]> {
    const CORRUPTIONS: &str = "imagecorruptions 1.1.2, the same random numbers";
    let reference = |op: &str| match op {
        "box_blur" => "Pillow 13.0 BoxBlur",
        "median_blur" => "Pillow 13.0 MedianFilter",
        "pil_gaussian_blur" => "Pillow 13.0 GaussianBlur",
        "sharpness pil" => "Pillow 13.0 ImageEnhance",
        "gaussian_blur" | "sharpness tv2" => "torchvision 0.29 v2, u8 tensor",
        "gaussian_noise" | "elastic" => "torchvision 0.29 v2, u8 tensor, the same random numbers",
        "motion_blur" => "imagecorruptions 1.1.2",
        "jpeg" | "corrupt jpeg_compression" => "Pillow 13.0, libjpeg-turbo 3.2",
        "corrupt pixelate" => "Pillow 13.0",
        "corrupt glass_blur" => "imagecorruptions 1.1.2 with a true exchange, the same random numbers",
        "corrupt elastic_transform" => "ImageNet-C's formula by scipy 1.17, the same random numbers",
        "bilateral_blur" => "OpenCV 5.0 bilateralFilter",
        convolution if convolution.starts_with("convolve ") => "imgaug's kernels by OpenCV 5.0 filter2D",
        "edge_map" => "scikit-image 0.26, Crafting-Shifts",
        "low_frequency_crop" => "EfficientTrain's formula by numpy 2.4",
        corruption if corruption.starts_with("corrupt ") => CORRUPTIONS,
        other => panic!("no reference for {other}"),
    };
    let all = ["blur", "corrupt", "fields"].into_iter().flat_map(rows);
    all.map(|(op, row)| {
        let reference = reference(&op).to_string();
        [op, reference, row.cases.to_string(), row.difference()]
    })
    .collect()
}

#[test]
fn effects_give_the_bytes_of_their_references_or_are_one_level_away() {
    let table = table();
    for row in &table {
        println!("| {} |", row.join(" | "));
    }
    let cases: usize = table.iter().map(|row| row[2].parse::<usize>().unwrap()).sum();
    assert_eq!((table.len(), cases), (33, 990));
}
