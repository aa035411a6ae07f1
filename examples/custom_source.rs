//! A user-defined source. This one computes its images instead of reading them.
//!
//! cargo run --example custom_source

use feedmill::augment::ops::{HorizontalFlip, RandomCrop};
use feedmill::geometry::Size;
use feedmill::sample::{Codec, Fingerprint, Sample, Target};
use feedmill::source::{Access, Source};
use feedmill::{Error, Loader, Recipe, Result};

/// Images of stripes. The class of an image is the direction of its stripes.
struct Stripes {
    count: u64,
}

/// The size of every image.
const SIZE: Size = Size::square(40);

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
        SIZE.area() * 3
    }

    /// `buf` is a buffer of an earlier sample. Reusing it saves an allocation for each sample.
    fn read(&self, id: u64, mut buf: Vec<u8>) -> Result<Sample> {
        if id >= self.count {
            return Err(Error::config(format!("sample {id} of {}", self.count)));
        }
        let class = (id % 2) as u32;
        let width = 2 + id as u32 % 7;
        buf.clear();
        for y in 0..SIZE.height {
            for x in 0..SIZE.width {
                let position = if class == 0 { x } else { y };
                let level = if (position / width).is_multiple_of(2) {
                    30
                } else {
                    220
                };
                buf.extend([level, level, 128]);
            }
        }
        let codec = Codec::raw(SIZE, 3);
        Ok(Sample::new(buf, codec, Target::Class(class)))
    }

    /// Known without reading. Without this, class samplers read every sample once.
    fn labels(&self, each: &mut dyn FnMut(u64, Target) -> Result<()>) -> Result<()> {
        (0..self.count).try_for_each(|id| each(id, Target::Class((id % 2) as u32)))
    }

    /// With it, recipes whose ops keep the size of an image need no resize.
    fn uniform_size(&self) -> Option<Size> {
        Some(SIZE)
    }

    /// Reading never waits for a device, so the thread that decodes may call it in place.
    fn access(&self) -> Access {
        Access::Immediate
    }
}

fn main() -> Result<()> {
    // A panic here would say which promise of `Source` is broken, and for which sample. It belongs
    // into a test of the source.
    feedmill::testing::source_contract(&Stripes { count: 10 });
    let recipe = Recipe::new()
        .with_seed(7)
        .with_batch(16)
        .op(RandomCrop::new(32))
        .op(HorizontalFlip::new().with_p(0.5));
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
