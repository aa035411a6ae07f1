//! A user-defined source. This one computes its images instead of reading them.
//!
//! cargo run --example custom_source

use feedmill::augment::{HorizontalFlip, RandomCrop};
use feedmill::sample::{Codec, Fingerprint, Payload, Sample, Target};
use feedmill::source::{Access, Source};
use feedmill::{Loader, Recipe, Result};

/// Images of stripes. The class of an image is the direction of its stripes.
struct Stripes {
    count: u64,
}

/// The width and height of an image in pixels.
const SIDE: u32 = 40;

impl Source for Stripes {
    fn len(&self) -> u64 {
        self.count
    }

    /// Identifies the data: it must change with every change of the data, so that a saved state is
    /// not resumed on other data.
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of([&b"stripes 1"[..], &self.count.to_le_bytes()])
    }

    fn name(&self, id: u64) -> String {
        format!("stripes {id}")
    }

    fn size(&self, _id: u64) -> u64 {
        u64::from(SIDE * SIDE * 3)
    }

    /// `buf` is a buffer of an earlier sample. Reusing it saves an allocation for each sample.
    fn read(&self, id: u64, mut buf: Vec<u8>) -> Result<Sample> {
        let class = (id % 2) as u32;
        let width = 2 + id as u32 % 7;
        buf.clear();
        for y in 0..SIDE {
            for x in 0..SIDE {
                let position = if class == 0 { x } else { y };
                let level = if (position / width).is_multiple_of(2) {
                    30
                } else {
                    220
                };
                buf.extend([level, level, 128]);
            }
        }
        let codec = Codec::Raw {
            width: SIDE,
            height: SIDE,
            channels: 3,
        };
        Ok(Sample {
            bytes: Payload::Owned(buf),
            codec,
            target: Target::Class(class),
        })
    }

    /// Reading never waits for a device, so the thread that decodes may call it in place.
    fn access(&self) -> Access {
        Access::Immediate
    }
}

fn main() -> Result<()> {
    let recipe = Recipe::new()
        .seed(7)
        .batch(16)
        .op(RandomCrop::new(32))
        .op(HorizontalFlip::new(0.5));
    let loader = Loader::builder()
        .source(Stripes { count: 100 })
        .recipe(recipe)
        .build()?;
    for batch in loader.epoch(0)? {
        let batch = batch?;
        println!(
            "{:?} classes {:?}",
            batch.images().shape(),
            batch.targets().index()?
        );
    }
    Ok(())
}
