//! Checks of ops and mixers.

use crate::augment::Op;
use crate::mix::Mixer;
use crate::recipe::Registry;

/// Checks that an op made in Rust is the one that a recipe has as this text.
///
/// # Panics
///
/// If the text is not an op, an op of another name, or one with other parameters.
///
/// # Example
///
/// ```
/// use feedmill::augment::ops::HorizontalFlip;
/// use feedmill::testing::assert_op;
///
/// let op = HorizontalFlip::new().with_p(0.2);
/// assert_op(r#"{ op = "horizontal_flip", p = 0.2 }"#, &op);
/// ```
#[track_caller]
pub fn assert_op(text: &str, op: &dyn Op) {
    let read = Registry::default()
        .read_op(text)
        .expect("the text is an op");
    op.validate().expect("the op is valid");
    assert_eq!(read.name(), op.name());
    assert_eq!(read.params(), op.params());
}

/// Checks that a mixer made in Rust is the one that a recipe has as this text.
///
/// # Panics
///
/// If the text is not a mixer, a mixer of another name, or one with other parameters.
#[track_caller]
pub fn assert_mixer(text: &str, mixer: &dyn Mixer) {
    let read = Registry::default()
        .read_mixer(text)
        .expect("the text is a mixer");
    mixer.validate().expect("the mixer is valid");
    assert_eq!(read.name(), mixer.name());
    assert_eq!(read.params(), mixer.params());
}
