//! Which vector instructions the pixel code may use: the one place that asks the processor.
//!
//! A kernel with vector code has a `scalar` version, which defines its bytes, and a version for
//! each kind of vector instructions, which returns the same bytes faster. [`Simd`] is detected once
//! and carried by value to the kernels, where `dispatch!` picks the version.
//!
//! The kinds hold *tokens*: zero-sized values that exist only where the processor has the
//! instructions. A token in the arguments is what makes the call into a `#[target_feature]`
//! function sound, so each kernel needs one `unsafe` block with one reason.
//!
//! Rejected: a `bool` (every call has to argue again why it is sound), `target-cpu` at compile time
//! (one program has to run on every machine), and function pointers chosen at the start (they rule
//! out inlining and generic kernels).

pub(crate) use feedmill_jpeg::simd::Avx2;

/// The vector instructions that pixel code may use. The bytes it writes are the same with all.
///
/// # Example: run the plain code
///
/// ```
/// use feedmill::augment::StepScratch;
/// use feedmill::cpu::Simd;
///
/// let fast = StepScratch::new(Simd::detect());
/// let plain = StepScratch::new(Simd::scalar()); // the same bytes, more slowly
/// # let _ = (fast, plain);
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Simd(Level);

/// The kinds of vector instructions for which kernels have code.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Level {
    /// No hand-written vector code.
    #[default]
    Scalar,
    /// AVX2 of x86-64.
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
}

impl Simd {
    /// The best instructions of this processor; none if the environment variable `FEEDMILL_SIMD`
    /// is `off`.
    pub fn detect() -> Simd {
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = vector_code_is_allowed().then(Avx2::detect).flatten() {
            return Simd(Level::Avx2(avx2));
        }
        Simd(Level::Scalar)
    }

    /// No hand-written vector code: the reference that vector code is tested against.
    pub const fn scalar() -> Simd {
        Simd(Level::Scalar)
    }

    /// The token of AVX2, if this is its level.
    pub(crate) fn avx2(self) -> Option<Avx2> {
        match self.0 {
            Level::Scalar => None,
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(token) => Some(token),
        }
    }

    pub(crate) fn level(self) -> Level {
        self.0
    }
}

/// False if the environment variable `FEEDMILL_SIMD` is `off`.
fn vector_code_is_allowed() -> bool {
    std::env::var_os("FEEDMILL_SIMD").is_none_or(|value| value != "off")
}

/// Calls the version of a kernel for a [`Simd`]: `dispatch!(simd, gray(pixels))` is
/// `scalar::gray(pixels)` or `avx2::gray(token, pixels)`.
macro_rules! dispatch {
    ($simd:expr, $kernel:ident($($argument:expr),* $(,)?)) => {
        match $simd.level() {
            $crate::cpu::Level::Scalar => scalar::$kernel($($argument),*),
            #[cfg(target_arch = "x86_64")]
            $crate::cpu::Level::Avx2(token) => avx2::$kernel(token, $($argument),*),
        }
    };
}
pub(crate) use dispatch;

/// Proof that the processor has AVX2 and F16C, the conversions to and from half precision.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2F16c(());

#[cfg(target_arch = "x86_64")]
impl Avx2F16c {
    /// `None` if the processor has no F16C. The standard library remembers the answer, so asking
    /// costs one load.
    pub(crate) fn detect(_: Avx2) -> Option<Avx2F16c> {
        is_x86_feature_detected!("f16c").then_some(Avx2F16c(()))
    }
}
