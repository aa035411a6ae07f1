//! The label of a sample.

/// The label of a sample.
///
/// A recipe's `target.form` decides which of them a batch can express ([`crate::Targets`]).
///
/// # Example: labels of all kinds
///
/// ```
/// use feedmill::sample::Target;
/// use feedmill::source::{Memory, Source};
///
/// let image = || std::fs::read("fixtures/photos/still/Wine_by_Jakkub_Mede.jpg").unwrap();
/// let source = Memory::encoded([
///     (image(), Target::Class(2)),
///     (image(), Target::Multi(vec![0, 2])),
///     (image(), Target::Soft(vec![0.2, 0.0, 0.8])), // a weight for each of three classes
///     (image(), Target::None),
/// ])
/// .with_classes(["bottle", "food", "wine"])?;
/// assert_eq!(source.read(1, Vec::new())?.target, Target::Multi(vec![0, 2]));
/// # Ok::<(), feedmill::Error>(())
/// ```
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
