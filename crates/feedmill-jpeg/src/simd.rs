//! CPU features, detected in one place.
//!
//! Vector code may only run on a CPU that has its instructions. Here that is a matter of types: a
//! token such as [`Avx2`] can only be made by a successful detection, and every function that runs
//! vector code takes a token by value. Tokens have no size, so passing one costs nothing, and
//! `Option<Avx2>` is all that a caller needs to switch vector code off:
//!
//! ```
//! use feedmill_jpeg::{Decoder, simd::Avx2};
//!
//! let fastest = Decoder::with_simd(Avx2::detect());
//! let portable = Decoder::with_simd(None);
//! # let _ = (fastest, portable);
//! ```
//!
//! The types exist on every architecture, so callers need no `#[cfg]`; where an instruction set
//! cannot exist, detection returns `None` and the compiler removes the vector branch.

/// Proof that this CPU has AVX2 and the bit manipulation instructions that came with it.
///
/// The features are `avx2`, `bmi1`, `bmi2`, `lzcnt` and `popcnt`: every x86-64 CPU of Intel since
/// Haswell (2013) and of AMD since Excavator (2015) has them all.
///
/// # Example: use vector code where there is some
///
/// ```
/// use feedmill_jpeg::{Decoder, simd::Avx2};
///
/// let decoder = Decoder::with_simd(Avx2::detect());
/// # let _ = decoder;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Avx2(Private);

#[cfg(target_arch = "x86_64")]
type Private = ();
#[cfg(not(target_arch = "x86_64"))]
type Private = std::convert::Infallible;

impl Avx2 {
    /// Returns the token if this CPU has all of the features.
    ///
    /// The standard library caches what it found, so this may be called as often as convenient.
    pub fn detect() -> Option<Avx2> {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2")
            && is_x86_feature_detected!("lzcnt")
            && is_x86_feature_detected!("popcnt")
        {
            return Some(Avx2(()));
        }
        None
    }
}
