//! What tests that damage data draw from.

/// A simple generator of pseudo-random numbers; not 0 at first.
pub(super) struct Random(pub u64);

impl Random {
    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % end
    }
}
