//! What a sample is labeled with.

/// What a sample is labeled with.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// Nothing.
    #[default]
    None,
    /// One class.
    Class(u32),
    /// Any number of classes.
    Multi(Vec<u32>),
    /// A weight for each class.
    Soft(Vec<f32>),
}
