//! The options of a conversion.

use feedmill_macros::Accessors;

use crate::decode::Limits;
use crate::error::{Error, Result};
use crate::sample::Fingerprint;

/// What a conversion does. The default copies all encoded bytes as they are into shards of 256 MiB.
///
/// # Example: smaller images, in shards of 1 GiB
///
/// ```
/// use feedmill::convert::Options;
///
/// let options = Options::default().with_max_side(512).with_quality(90).with_shard_size(1 << 30);
/// assert_eq!((options.max_side(), options.shard_size()), (Some(512), 1 << 30));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Accessors)]
#[non_exhaustive]
pub struct Options {
    /// The encoded bytes of the source that go into one shard; 256 MiB by default. A shard has at
    /// least one sample.
    pub(crate) shard_size: u64,
    /// The longest side of a stored image in pixels; `None`, the default, keeps all sizes. Larger
    /// images are decoded, resized to it (Lanczos, same aspect ratio) and encoded as JPEG; smaller
    /// ones are copied.
    pub(crate) max_side: Option<u32>,
    /// The quality of new JPEGs, 1 to 100; 92 by default. Without `max_side`, setting it encodes
    /// every JPEG, PNG and WebP as a new JPEG.
    pub(crate) quality: Option<u8>,
    /// Whether progressive JPEGs are rewritten as baseline JPEGs with the same coefficients
    /// ([`crate::decode::jpeg::Decoder::to_baseline`]); false by default. Baseline JPEGs are
    /// decoded several times as fast and take a few percent more bytes.
    pub(crate) baseline: bool,
    /// Whether decoded RGB pixels are stored instead of encoded images; false by default. Samples that are raw
    /// already stay as they are.
    pub(crate) raw: bool,
    /// Whether the entropy index of each JPEG is stored behind it, about 1 % of its bytes; true by
    /// default.
    /// Crops are decoded faster with it. Making it reads the whole scan, so a JPEG whose scan is
    /// damaged anywhere counts as a bad image.
    pub(crate) index: bool,
    /// The number of threads; each writes one shard at a time. 0, the default, is one for each core.
    pub(crate) jobs: usize,
    /// Whether a conversion that was interrupted is continued; false by default.
    pub(crate) resume: bool,
    /// Whether bad images are left out and listed, instead of ending the conversion; false by
    /// default.
    pub(crate) skip_bad: bool,
    /// The largest image that is accepted; a larger one is bad.
    pub(crate) limits: Limits,
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
    /// Checks that the options can work together.
    ///
    /// # Errors
    ///
    /// `Config` naming the option.
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

    /// Returns what the result depends on: the source and all options except `jobs` and `resume`.
    /// The options are named one by one, so that a new one cannot be forgotten here.
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
            "feedmill conversion 1\nshard_size {shard_size}\nmax_side {max_side:?}\n\
             quality {quality:?}\n\
             baseline {baseline}\nraw {raw}\nindex {index}\nskip_bad {skip_bad}\nlimits {} {} {}",
            limits.bytes, limits.pixels, limits.scans
        );
        Fingerprint::of([text.as_bytes(), &source.0.to_le_bytes()])
    }
}
