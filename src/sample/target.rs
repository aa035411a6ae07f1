//! The label of a sample.

/// The label of a sample.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// No label.
    #[default]
    None,
    /// The number of one class, from 0.
    Class(u32),
    /// The numbers of any number of classes.
    Multi(Vec<u32>),
    /// A weight for each class, by its number.
    Soft(Vec<f32>),
}
