//! Fingerprints: hashes that identify a data set or a recipe.
//!
//! The hash is XXH3 of 128 bits, which is fast and stable across versions and platforms. It finds
//! changes, not forgery.

use std::fmt;

use crate::error::{Error, Result};

/// A 128-bit hash that identifies a data set or a recipe. Its text form has 32 hexadecimal digits.
///
/// # Example: the fingerprint of a source
///
/// ```
/// use feedmill::sample::Fingerprint;
///
/// let names = ["a.jpg", "b.jpg"];
/// let fingerprint = Fingerprint::of(names.iter().map(|name| name.as_bytes()));
/// let text = fingerprint.to_string(); // 32 hexadecimal digits
/// assert_eq!(text.parse::<Fingerprint>()?, fingerprint);
/// assert_ne!(fingerprint, Fingerprint::of([&b"a.jpgb.jpg"[..]]));
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub u128);

impl Fingerprint {
    /// The fingerprint of a sequence of parts. The length of each part is hashed before it, so
    /// moving a boundary between parts changes the fingerprint.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Fingerprint {
        let mut sum = FingerprintBuilder::default();
        for part in parts {
            sum.push(part);
        }
        sum.finish()
    }
}

/// Computes [`Fingerprint::of`] for parts that come one by one.
#[derive(Default)]
pub(crate) struct FingerprintBuilder(xxhash_rust::xxh3::Xxh3);

impl FingerprintBuilder {
    /// Adds a part.
    pub(crate) fn push(&mut self, part: &[u8]) {
        self.0.update(&(part.len() as u64).to_le_bytes());
        self.0.update(part);
    }

    /// The fingerprint of all parts so far.
    pub(crate) fn finish(&self) -> Fingerprint {
        Fingerprint(self.0.digest128())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = Error;
    fn from_str(text: &str) -> Result<Fingerprint> {
        match u128::from_str_radix(text, 16) {
            Ok(value) if text.len() == 32 => Ok(Fingerprint(value)),
            _ => Err(Error::corrupt(format!(
                "a fingerprint is 32 hexadecimal digits, found \"{text}\""
            ))),
        }
    }
}

impl serde::Serialize for Fingerprint {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Fingerprint {
    fn deserialize<D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> std::result::Result<Fingerprint, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
