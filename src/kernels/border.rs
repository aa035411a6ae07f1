//! What a kernel reads beyond the edge of an image.

use serde::{Deserialize, Serialize};

/// The pixels beyond the edge of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PadMode {
    /// One color.
    Constant([u8; 3]),
    /// The image mirrored at its edge without repeating the edge: 2 1 | 0 1 2.
    Reflect,
    /// The image mirrored at its edge, the edge repeated: 1 0 | 0 1 2.
    Symmetric,
    /// The pixel at the edge: 0 0 | 0 1 2.
    Edge,
}

impl Default for PadMode {
    fn default() -> PadMode {
        PadMode::Constant([0; 3])
    }
}

impl PadMode {
    /// The index in `0..n` whose pixel stands at `i`, or `None` if that is the constant color.
    #[inline]
    pub(super) fn index(self, i: i64, n: i64) -> Option<i64> {
        if (0..n).contains(&i) {
            return Some(i);
        }
        match self {
            PadMode::Constant(_) => None,
            PadMode::Edge => Some(i.clamp(0, n - 1)),
            PadMode::Reflect if n == 1 => Some(0),
            // The remainder mirrors as often as needed: padding may be wider than the image.
            PadMode::Reflect => {
                let i = i.rem_euclid(2 * (n - 1));
                Some(if i < n { i } else { 2 * (n - 1) - i })
            }
            PadMode::Symmetric => {
                let i = i.rem_euclid(2 * n);
                Some(if i < n { i } else { 2 * n - 1 - i })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_bounces_as_often_as_needed() {
        let around =
            |pad: PadMode| [-3, -2, -1, 0, 1, 2, 3, 4, 5].map(|i| pad.index(i, 3).unwrap());
        assert_eq!(around(PadMode::Reflect), [1, 2, 1, 0, 1, 2, 1, 0, 1]);
        assert_eq!(around(PadMode::Symmetric), [2, 1, 0, 0, 1, 2, 2, 1, 0]);
        assert_eq!(around(PadMode::Edge), [0, 0, 0, 0, 1, 2, 2, 2, 2]);
        assert_eq!(PadMode::Reflect.index(-5, 1), Some(0));
    }
}
