//! A source of one's own: here, images that are computed.
//!
//! cargo run --example custom_source

use feedmill::augment::{HorizontalFlip, RandomCrop};
use feedmill::sample::{Codec, Fingerprint, Payload, Sample, Target};
use feedmill::source::{Access, Source};
use feedmill::{Loader, Recipe, Result};

/// Stripes: the class is their direction.
struct Stripes {
    count: u64,
}

const SIDE: u32 = 40;

impl Source for Stripes {
    fn len(&self) -> u64 {
        self.count
    }

    /// Whatever changes the data must change this.
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of([&b"stripes 1"[..], &self.count.to_le_bytes()])
    }

    fn name(&self, id: u64) -> String {
        format!("stripes {id}")
    }

    fn size(&self, _id: u64) -> u64 {
        u64::from(SIDE * SIDE * 3)
    }

    /// `spare` is a used buffer to fill, so that nothing is allocated.
    fn read(&self, id: u64, mut spare: Vec<u8>) -> Result<Sample> {
        let class = (id % 2) as u32;
        let width = 2 + id as u32 % 7;
        spare.clear();
        for y in 0..SIDE {
            for x in 0..SIDE {
                let along = if class == 0 { x } else { y };
                let level = if (along / width).is_multiple_of(2) {
                    30
                } else {
                    220
                };
                spare.extend([level, level, 128]);
            }
        }
        let codec = Codec::Raw {
            width: SIDE,
            height: SIDE,
            channels: 3,
        };
        Ok(Sample {
            bytes: Payload::Owned(spare),
            codec,
            target: Target::Class(class),
        })
    }

    /// It computes, so it may be called right where its bytes are needed.
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
    let loader = Loader::new(Box::new(Stripes { count: 100 }), recipe)?;
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
