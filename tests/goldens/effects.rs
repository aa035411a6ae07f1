//! Blurs, noise, corruptions, elastic fields and edge maps (`blur.txt`, `corrupt.txt`,
//! `fields.txt`). The references were fed with feedmill's random numbers. Results are equal, or at
//! most one level away where the reference computes with other precision.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use feedmill::augment::steps::{
    Blur, Convolve, Corrupt, Crop, Edges, Elastic, Jpeg, LowFrequencies, Noise,
};
use feedmill::augment::{Corruption, Dialect, NoiseDistribution, Step, Steps, Threshold};
use feedmill::geometry::Size;

use crate::{Difference, Row, fixture, fnv1a, image, run};

struct Image {
    frame: Size,
    pixels: Vec<u8>,
}

impl Image {
    /// An image of fixtures/goldens; `name:WxH` is the part of it at column 20, row 10.
    fn read(name: &str) -> Image {
        let (name, part) = name.split_once(':').unwrap_or((name, ""));
        let (frame, pixels) = image(name);
        let image = Image { frame, pixels };
        match part.split_once('x') {
            None => image,
            Some((width, height)) => {
                let (width, height) = (width.parse().unwrap(), height.parse().unwrap());
                image.after(Arc::new(Crop::new(20, 10, Size { width, height })))
            }
        }
    }

    /// The image after a step.
    fn after(&self, step: Arc<dyn Step>) -> Image {
        let mut steps = Steps::new(self.frame);
        steps.push_shared(step);
        let (frame, pixels) = run(steps, &self.pixels);
        Image { frame, pixels }
    }
}

fn parse<T: std::str::FromStr>(word: &str) -> T {
    word.parse()
        .unwrap_or_else(|_| panic!("{word} is not a number of this type"))
}

/// The step that a line names.
fn step(words: &[&str]) -> Arc<dyn Step> {
    match *words {
        ["sharpness", "pil", factor] => Arc::new(Blur::Sharpness(parse(factor), Dialect::Pil)),
        ["sharpness", "tv2", factor] => Arc::new(Blur::Sharpness(parse(factor), Dialect::Tv2)),
        ["pil_gaussian_blur", radius] => Arc::new(Blur::PilGaussian(parse(radius))),
        ["box_blur", radius] => Arc::new(Blur::Box(parse(radius))),
        ["median_blur", size] => Arc::new(Blur::Median(parse(size))),
        ["gaussian_blur", kernel, sigma] => Arc::new(Blur::Gaussian {
            kernel: parse(kernel),
            sigma: parse(sigma),
        }),
        ["motion_blur", radius, sigma, angle] => {
            let (radius, sigma, angle) = (parse(radius), parse(sigma), parse(angle));
            Arc::new(Blur::Motion {
                radius,
                sigma,
                angle,
            })
        }
        ["gaussian_noise", mean, sigma, seed] => {
            let (distribution, per_channel) = (NoiseDistribution::Normal, true);
            let (mean, scale, seed) = (parse(mean), parse(sigma), parse(seed));
            Arc::new(Noise::Additive {
                distribution,
                mean,
                scale,
                per_channel,
                seed,
            })
        }
        ["laplace_noise", _, scale, seed] => {
            let (distribution, scale, seed) =
                (NoiseDistribution::Laplace, parse(scale), parse(seed));
            Arc::new(Noise::Additive {
                distribution,
                mean: 0.0,
                scale,
                per_channel: true,
                seed,
            })
        }
        ["elementwise_add", low, high, seed] => {
            let [low, high]: [f64; 2] = [low, high].map(parse);
            let (mean, scale) = (((high + low) / 510.0) as f32, ((high - low) / 510.0) as f32);
            let (distribution, seed) = (NoiseDistribution::Uniform, parse(seed));
            Arc::new(Noise::Additive {
                distribution,
                mean,
                scale,
                per_channel: true,
                seed,
            })
        }
        ["elementwise_multiply", low, high, seed] => {
            let (low, high, seed) = (parse(low), parse(high), parse(seed));
            Arc::new(Noise::Multiplicative {
                low,
                high,
                per_channel: true,
                seed,
            })
        }
        ["jpeg", quality] => Arc::new(Jpeg(parse(quality))),
        ["corrupt", name, severity, angle, seed] => {
            let kind = Corruption::ALL
                .into_iter()
                .find(|kind| kind.name() == name)
                .unwrap();
            let (severity, angle, seed) = (parse(severity), parse(angle), parse(seed));
            let mut corrupt = Corrupt::new(kind, severity, seed);
            corrupt.angle = angle;
            Arc::new(corrupt)
        }
        ["convolve", "sharpen", alpha, lightness] => {
            Arc::new(Convolve::sharpen(parse(alpha), parse(lightness)))
        }
        ["convolve", "emboss", alpha, strength] => {
            Arc::new(Convolve::emboss(parse(alpha), parse(strength)))
        }
        ["convolve", "edge_detect", alpha] => Arc::new(Convolve::edge_detect(parse(alpha))),
        ["convolve", "directed_edge_detect", alpha, direction] => Arc::new(
            Convolve::directed_edge_detect(parse(alpha), parse(direction)),
        ),
        ["bilateral_blur", diameter, color, space] => {
            let (diameter, color, space) = (parse(diameter), parse(color), parse(space));
            Arc::new(Blur::Bilateral {
                diameter,
                color,
                space,
            })
        }
        ["elastic", alpha, sigma, filter, r, g, b, seed] => {
            let mut elastic = Elastic::new(parse(alpha), parse(sigma), parse(seed));
            elastic.nearest = filter == "nearest";
            elastic.fill = [r, g, b].map(parse);
            Arc::new(elastic)
        }
        ["low_frequency_crop", side] => Arc::new(LowFrequencies(parse(side))),
        ["edge_map", sigma, threshold, shift, low, high] => {
            let threshold = Threshold::ALL
                .into_iter()
                .find(|rule| rule.to_string() == threshold)
                .unwrap();
            let (sigma, [shift, low, high]) = (parse(sigma), [shift, low, high].map(parse));
            let mut edges = Edges::new(sigma, threshold);
            (edges.shift, edges.low, edges.high) = (shift, low, high);
            Arc::new(edges)
        }
        _ => panic!("unknown op {words:?}"),
    }
}

/// The difference of each op from its reference over all lines of a golden file. Panics if a result
/// with a hash is not equal, or if one is more than one level away.
fn results(file: &str) -> BTreeMap<String, Difference> {
    let expected = fs::read(fixture(&format!("goldens/{file}.bin"))).unwrap();
    let mut rest = &expected[..];
    let mut images: BTreeMap<String, Image> = BTreeMap::new();
    let mut rows: BTreeMap<String, Difference> = BTreeMap::new();
    let mut wrong = Vec::new();
    for line in fs::read_to_string(fixture(&format!("goldens/{file}.txt")))
        .unwrap()
        .lines()
    {
        let (left, right) = line.split_once(" = ").unwrap();
        let words: Vec<&str> = left.split(' ').collect();
        let image = images
            .entry(words[0].to_string())
            .or_insert_with(|| Image::read(words[0]));
        let found = image.after(step(&words[1..]));
        let name = match words[1] {
            "sharpness" | "corrupt" | "convolve" => words[1..3].join(" "),
            other => other.to_string(),
        };
        let row = rows.entry(name).or_default();
        let size = format!("{} {}", found.frame.width, found.frame.height);
        // A result without a hash has its pixels next in the binary file.
        let golden = if right == format!("{size} near") {
            rest.split_off(..found.pixels.len()).unwrap()
        } else {
            if right != format!("{size} {:016x}", fnv1a(&found.pixels)) {
                wrong.push(format!("{left}: expected {right}"));
            }
            &found.pixels
        };
        let mut difference = Difference::default();
        difference.add(&found.pixels, golden);
        if difference.most > 1 {
            wrong.push(format!("{left}: {difference}"));
        }
        row.add(&found.pixels, golden);
    }
    assert!(rest.is_empty(), "{file}.bin has more than {file}.txt names");
    assert!(
        wrong.is_empty(),
        "{} of {file} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    rows
}

/// The rows of these ops in the table of docs/AUGMENTATIONS.md.
pub(crate) fn rows() -> Vec<Row> {
    const CORRUPTIONS: &str = "imagecorruptions 1.1.2, the same random numbers";
    let reference = |op: &str| match op {
        "box_blur" => "Pillow 13.0 BoxBlur",
        "median_blur" => "Pillow 13.0 MedianFilter",
        "pil_gaussian_blur" => "Pillow 13.0 GaussianBlur",
        "sharpness pil" => "Pillow 13.0 ImageEnhance",
        "gaussian_blur" | "sharpness tv2" => "torchvision 0.29 v2, u8 tensor",
        "gaussian_noise" | "elastic" => "torchvision 0.29 v2, u8 tensor, the same random numbers",
        "laplace_noise" | "elementwise_add" | "elementwise_multiply" => {
            "imgaug's formula in numpy 2.4, the same random numbers"
        }
        "motion_blur" => "imagecorruptions 1.1.2",
        "jpeg" | "corrupt jpeg_compression" => "Pillow 13.0, libjpeg-turbo 3.2",
        "corrupt pixelate" => "Pillow 13.0",
        "corrupt glass_blur" => {
            "imagecorruptions 1.1.2 with a true exchange, the same random numbers"
        }
        "corrupt elastic_transform" => {
            "ImageNet-C's formula by scipy 1.17, the same random numbers"
        }
        "bilateral_blur" => "OpenCV 5.0 bilateralFilter",
        convolution if convolution.starts_with("convolve ") => {
            "imgaug's kernels by OpenCV 5.0 filter2D"
        }
        "edge_map" => "scikit-image 0.26, Crafting-Shifts",
        "low_frequency_crop" => "EfficientTrain's formula by numpy 2.4",
        corruption if corruption.starts_with("corrupt ") => CORRUPTIONS,
        other => panic!("no reference for {other}"),
    };
    let differences = ["blur", "corrupt", "fields"].into_iter().flat_map(results);
    differences
        .map(|(op, row)| {
            let reference = reference(&op).to_string();
            [op, reference, row.cases.to_string(), row.to_string()]
        })
        .collect()
}

#[test]
fn effects_give_the_bytes_of_their_references_or_are_one_level_away() {
    let table = rows();
    for row in &table {
        println!("| {} |", row.join(" | "));
    }
    let cases: usize = table
        .iter()
        .map(|row| row[2].parse::<usize>().unwrap())
        .sum();
    assert_eq!((table.len(), cases), (36, 1038));
}
