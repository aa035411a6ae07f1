//! A JPEG decoder for programs that need a part of an image, or a smaller one, and need it often.
//!
//! * **Regions.** [`Decoder::decode`] makes any rectangle. Blocks outside of it are parsed and not
//!   reconstructed, and rows of MCUs below it are not read.
//! * **Entropy index.** [`Decoder::index`] records states of the entropy decoder, in about 1 % of
//!   the file's bytes. With it ([`Decoder::decode_with`]) what lies in front of a region is not
//!   read either.
//! * **Scaling.** [`Scale`] decodes at 1/2, 1/4 or 1/8 of the size by smaller transforms.
//! * **libjpeg-turbo's pixels.** They are equal bit for bit to those of libjpeg-turbo with its
//!   default settings: accurate integer inverse DCT, triangle ("fancy") upsampling, fixed-point
//!   color conversion. They do not depend on the CPU either.
//! * **Progressive files** are decoded by [`Decoder::decode_multi_scan`], or rewritten losslessly
//!   by [`Decoder::to_baseline`].
//!
//! Arithmetic, lossless and hierarchical coding, samples of 12 bits, and images of 2 or 4
//! components are refused as [`ErrorKind::Unsupported`], so that the caller can hand them to
//! another decoder. Damaged files are errors, never half an image.
//!
//! # Example: a crop at half size
//!
//! ```
//! use feedmill_jpeg::{Decoder, Index, Rect, Scale, header};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/jpeg/420_97x70.jpg");
//! let bytes = std::fs::read(path)?;
//! let header = header(&bytes)?;
//! assert_eq!((header.width, header.height), (97, 70));
//!
//! // The scaled image has 49 x 35 pixels; regions are in its coordinates.
//! let region = Rect { left: 9, top: 5, width: 40, height: 30 };
//! let mut rgb = vec![0; 40 * 30 * 3];
//! let mut decoder = Decoder::new();
//! decoder.decode_with(&bytes, region, Scale::Half, Index::None, &mut rgb)?;
//! # Ok(())
//! # }
//! ```
//!
//! # Example: many crops of one file
//!
//! ```
//! use feedmill_jpeg::{Decoder, Index, Rect, Scale, VerifiedRows};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/jpeg/420_97x70.jpg");
//! # let bytes = std::fs::read(path)?;
//! let mut decoder = Decoder::new();
//! let index = decoder.index(&bytes)?;
//! // Nothing is believed about an index but what was verified by reading, hence the second value.
//! let mut verified = VerifiedRows::default();
//! let mut rgb = vec![0; 16 * 16 * 3];
//! for top in [48, 32, 40] {
//!     let region = Rect { left: 64, top, width: 16, height: 16 };
//!     let index = Index::Use(&index, &mut verified);
//!     decoder.decode_with(&bytes, region, Scale::Full, index, &mut rgb)?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # How a region is decoded
//!
//! ```text
//! file    FF D8 | tables, frame header | scan header | entropy-coded data ............ | FF D9
//!               '---------- markers ---------------'   |        |        |
//!                                                      |        |        '- index entry
//! scan    rows of MCUs         row 0   [.............]<'        |
//!         (entropy)            row 1   [.............]          |
//!                              row 2   [....#####....]<---------'- index entry
//!                              row 3   [....#####....]     . stepped over   # decoded
//!
//! band    samples of one row   Y  ########   Cb ####   Cr ####       inverse DCT (kernels)
//! lines   pixels of one row    Y  ########   Cb ########  Cr ######## upsampling
//! out     rows of the region   RGBRGBRGB...                          color conversion
//! ```
//!
//! Without an index the scan is read from its start; with one it is entered close to the left of
//! the region, in each of its rows.
//!
//! # A tour of the source
//!
//! | module | content | T.81 |
//! | --- | --- | --- |
//! | `markers` | segments, frame and scan headers, tables | B |
//! | `entropy` | bits, Huffman tables, blocks, scans | C, F, G |
//! | `coefficients`, `multi_scan`, `baseline` | files of several scans | G |
//! | `index` | the entropy index and its format | |
//! | `regions` | which blocks a region needs, and its pixels from samples | A |
//! | `kernels` | inverse DCT, upsampling, color conversion: scalar and AVX2 | A.3.3 |
//! | [`reconstruct`] | those kernels for other programs | |
//! | [`simd`] | detection of CPU features | |
//!
//! T.81 is the JPEG standard, ITU-T Recommendation T.81 (ISO/IEC 10918-1), whose words are used
//! here: an MCU is the smallest group of interleaved blocks, mostly 16 x 16 pixels.
//!
//! # Unsafe code
//!
//! All of it is in files named `avx2.rs`: calls of functions with CPU features, for which a token
//! of [`simd`] is the proof, and loads and stores of bounds-checked slices. Each of these functions
//! has a scalar twin that its tests compare with.

#![deny(missing_docs, unsafe_code, unsafe_op_in_unsafe_fn)]
#![warn(clippy::missing_panics_doc)]

mod baseline;
mod coefficient_plane;
mod coefficients;
mod decoder;
mod entropy;
mod error;
mod index;
mod kernels;
mod markers;
mod multi_scan;
pub mod reconstruct;
mod rect;
mod regions;
pub mod simd;

pub use coefficients::Limits;
pub use decoder::Decoder;
pub use error::{Error, ErrorKind, Result};
pub use index::{Index, VerifiedRows};
pub use markers::frame::{Header, Process};
pub use markers::{Info, header, info};
pub use rect::Rect;
pub use regions::Scale;

/// Returns whether [`Decoder::decode`] reads this file, as far as its markers up to the scan say.
///
/// It is true for sequential files of one scan with 1 or 3 components of 8 bits, and false for
/// damaged headers. Use [`info`] to learn what other files are.
///
/// # Example: send other files elsewhere
///
/// ```
/// use feedmill_jpeg::can_decode;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/jpeg/420_97x70.jpg");
/// let bytes = std::fs::read(path)?;
/// assert!(can_decode(&bytes));
/// assert!(!can_decode(b"no JPEG"));
/// # Ok(())
/// # }
/// ```
pub fn can_decode(bytes: &[u8]) -> bool {
    decoder::check_decodable(bytes).is_ok()
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
