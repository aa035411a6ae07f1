//! Data sets for the tests of shards.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use feedmill::convert::{Options, Report, convert};
use feedmill::sample::{Codec, Fingerprint, Sample, Target};
use feedmill::source::Source;
use feedmill::{Kind, Result};

/// No wait in these tests is longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A small generator: splitmix64.
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// The seed of a random test: from the environment, or the clock; printed, so that a failure
    /// can be repeated.
    pub(crate) fn seeded(test: &str) -> Random {
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |d| d.as_nanos());
        let seed = std::env::var("FEEDMILL_TEST_SEED")
            .ok()
            .and_then(|text| text.parse().ok());
        let seed = seed.unwrap_or(now as u64 >> 10);
        println!("{test}: FEEDMILL_TEST_SEED={seed}");
        Random(seed)
    }
}

/// A JPEG of noise, about as large as its pixels are many.
pub(crate) fn jpeg(width: u32, height: u32, seed: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut random = Random(seed);
    let pixels: Vec<u8> = (0..width * height * 3)
        .map(|_| random.next() as u8)
        .collect();
    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut out, 80)
        .encode(&pixels, width, height, image::ExtendedColorType::Rgb8)
        .unwrap();
    out
}

pub(crate) fn png(width: u32, height: u32, seed: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let mut random = Random(seed);
    let pixels =
        image::RgbImage::from_fn(width, height, |_, _| image::Rgb([random.next() as u8; 3]));
    pixels
        .write_to(&mut std::io::Cursor::new(&mut out), image::ImageFormat::Png)
        .unwrap();
    out
}

/// A source of named samples with classes, or of files of a folder read anew each time.
pub(crate) struct Named {
    pub samples: Vec<(String, Vec<u8>, Target)>,
    pub classes: Option<Vec<String>>,
}

impl Source for Named {
    fn len(&self) -> u64 {
        self.samples.len() as u64
    }

    fn fingerprint(&self) -> Fingerprint {
        let targets = format!(
            "{:?}",
            self.samples
                .iter()
                .map(|(_, _, target)| target)
                .collect::<Vec<_>>()
        );
        let parts = self
            .samples
            .iter()
            .flat_map(|(name, bytes, _)| [name.as_bytes(), bytes]);
        Fingerprint::of(parts.chain([targets.as_bytes()]))
    }

    fn name(&self, id: u64) -> String {
        self.samples[id as usize].0.clone()
    }

    fn size(&self, id: u64) -> u64 {
        self.samples[id as usize].1.len() as u64
    }

    fn read(&self, id: u64, mut spare: Vec<u8>) -> Result<Sample> {
        let (name, bytes, target) = &self.samples[id as usize];
        let codec = Codec::sniff(bytes).map_err(|error| error.at(name))?;
        spare.clear();
        spare.extend_from_slice(bytes);
        Ok(Sample::new(spare, codec, target.clone()))
    }

    fn classes(&self) -> Option<&[String]> {
        self.classes.as_deref()
    }
}

/// Images of several codecs, sizes and kinds of label.
pub(crate) fn mixed(count: u64) -> Named {
    let samples = (0..count)
        .map(|id| {
            let side = 8 + (id % 5) as u32 * 7;
            let bytes = if id % 4 == 3 {
                png(side, 9, id)
            } else {
                jpeg(side, side + 3, id)
            };
            let target = match id % 4 {
                0 => Target::Class(id as u32 % 3),
                1 => Target::Multi(vec![0, 2]),
                2 => Target::Soft(vec![0.25, 0.5, 0.25]),
                _ => Target::None,
            };
            (format!("klasse {}/bild-{id} é.jpg", id % 3), bytes, target)
        })
        .collect();
    Named {
        samples,
        classes: Some(["a", "b", "c"].map(String::from).to_vec()),
    }
}

pub(crate) fn make(
    source: &dyn Source,
    dst: &Path,
    change: impl FnOnce(Options) -> Options,
) -> Result<Report> {
    let options = change(Options::default().with_shard_size(8 << 10));
    convert(source, dst, &options, &AtomicBool::new(false), &|_| {})
}

/// Every file of a folder by name.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        found.insert(
            entry.file_name().into_string().unwrap(),
            std::fs::read(entry.path()).unwrap(),
        );
    }
    found
}

pub(crate) fn assert_damage(kind: Kind, what: &str) {
    assert!(
        matches!(kind, Kind::Corrupt | Kind::Truncated | Kind::Unsupported),
        "{what}: {kind}"
    );
}
