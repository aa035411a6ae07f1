//! What a conversion is asked to do.

use crate::decode::Limits;
use crate::error::{Error, Result};
use crate::sample::Fingerprint;

/// What a conversion does. The default copies all encoded bytes as they are into shards of 256 MiB.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// Encoded bytes of the source that go into one shard; a shard has at least one sample. 256
    /// MiB by default.
    pub shard_size: u64,
    /// Images whose longer side has more pixels than this are decoded, resized to it (Lanczos,
    /// same aspect) and encoded as JPEG; smaller ones are copied.
    pub max_side: Option<u32>,
    /// The quality of new JPEGs, 1 to 100; 92 by default. Without `max_side` it makes every JPEG,
    /// PNG and WebP a new JPEG.
    pub quality: Option<u8>,
    /// Rewrite progressive JPEGs as baseline ones with the same coefficients
    /// ([`crate::decode::jpeg::Decoder::to_baseline`]), which are decoded several times as fast; they take a few percent more bytes.
    pub baseline: bool,
    /// Store decoded RGB pixels instead of encoded images. Samples that are raw already stay as
    /// they are.
    pub raw: bool,
    /// Store the entropy index of each JPEG behind it, about 1 % of its bytes; true by default.
    /// Crops are decoded faster with it. Making it reads the whole scan, so a damaged one
    /// makes an image bad.
    pub index: bool,
    /// Threads; each writes one shard at a time. 0, the default, is one for each core.
    pub jobs: usize,
    /// Take up a conversion that was broken off.
    pub resume: bool,
    /// Leave bad images out and list them, instead of failing.
    pub skip_bad: bool,
    /// What an image may cost; a larger one is bad.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            shard_size: 256 << 20,
            max_side: None,
            quality: None,
            baseline: false,
            raw: false,
            index: true,
            jobs: 0,
            resume: false,
            skip_bad: false,
            limits: Limits::default(),
        }
    }
}

impl Options {
    pub(super) fn check(&self) -> Result<()> {
        if self.shard_size == 0 {
            return Err(Error::config("shard_size is 0 bytes: expected at least 1"));
        }
        if self.max_side == Some(0) {
            return Err(Error::config("max_side is 0 pixels: expected at least 1"));
        }
        if let Some(quality) = self.quality {
            if !(1..=100).contains(&quality) {
                return Err(Error::config(format!(
                    "quality is {quality}: expected 1 to 100"
                )));
            }
            if self.raw {
                return Err(Error::config(
                    "quality is of JPEGs, and raw stores none: leave one of them out",
                ));
            }
        }
        Ok(())
    }

    /// What the outcome depends on besides the source; the number of jobs and `resume` are not in
    /// it.
    pub(super) fn fingerprint(&self, source: Fingerprint) -> Fingerprint {
        let Options {
            shard_size,
            max_side,
            quality,
            baseline,
            raw,
            index,
            jobs: _,
            resume: _,
            skip_bad,
            limits,
        } = self;
        let text = format!(
            "feedmill conversion 1\nshard_size {shard_size}\nmax_side {max_side:?}\nquality {quality:?}\n\
             baseline {baseline}\nraw {raw}\nindex {index}\nskip_bad {skip_bad}\nlimits {} {} {}",
            limits.bytes, limits.pixels, limits.scans
        );
        Fingerprint::of([text.as_bytes(), &source.0.to_le_bytes()])
    }
}
