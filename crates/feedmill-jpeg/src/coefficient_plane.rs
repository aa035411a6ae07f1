//! The coefficients of one component: what reading scans fills and reconstruction reads.

/// The quantized coefficients of one component.
pub(crate) struct CoefficientPlane {
    /// Size of the component in blocks, without the padding of its last MCUs.
    pub columns: usize,
    pub rows: usize,
    /// Blocks from one row to the next, with padding.
    pub stride: usize,
    /// Coefficients in zigzag order, block by block.
    pub blocks: Vec<[i16; 64]>,
    /// For each block the set of coefficients that are not zero, the first in the lowest bit. The
    /// DC coefficient may be in it although it is zero.
    pub nonzero: Vec<u64>,
    /// For each coefficient the lowest bit that scans have defined so far, or [`UNKNOWN`].
    pub known_bits: [u8; 64],
}

/// In [`CoefficientPlane::known_bits`]: no scan had this coefficient.
pub(crate) const UNKNOWN: u8 = 255;
