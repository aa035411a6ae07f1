//! Which mixer made a slot.

use std::fmt;

/// The mixer that made a slot, by the name that it has in a recipe.
///
/// # Example: the method of a name
///
/// ```
/// use feedmill::mix::Method;
///
/// assert_eq!(Method::of("cutmix"), Method::CUTMIX);
/// assert_eq!(Method::CUTMIX.name(), "cutmix");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Method(&'static str);

/// The methods that have a code of their own, in the order of their codes. Digests of batches
/// contain the code, so the list stays as it is: later mixers are known by their names.
const CODES: [Method; 18] = [
    Method::UNMIXED,
    Method::MIXUP,
    Method::CUTMIX,
    Method("resizemix"),
    Method("fmix"),
    Method("gridmix"),
    Method("smoothmix"),
    Method("saliencymix"),
    Method("attentivemix"),
    Method("puzzlemix"),
    Method("smmix"),
    Method("adamixup"),
    Method::MANIFOLD_MIXUP,
    Method("metrix"),
    Method("mosaic"),
    Method("collage"),
    Method("instance_paste"),
    Method("co_mixup"),
];

impl Default for Method {
    fn default() -> Method {
        Method::UNMIXED
    }
}

impl Method {
    /// No mixer: the slot is unchanged.
    pub const UNMIXED: Method = Method("unmixed");

    /// [`super::MixUp`].
    pub const MIXUP: Method = Method("mixup");

    /// [`super::CutMix`].
    pub const CUTMIX: Method = Method("cutmix");

    /// [`super::ManifoldMixUp`].
    pub const MANIFOLD_MIXUP: Method = Method("manifold_mixup");

    /// The method of the mixer with this name.
    pub const fn of(name: &'static str) -> Method {
        Method(name)
    }

    /// The name of the mixer in a recipe.
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// What a digest contains of the method: the code of those that have one, and the name of all
    /// others.
    pub(crate) fn digest(self) -> (u8, &'static str) {
        match CODES.iter().position(|known| *known == self) {
            Some(code) => (code as u8, ""),
            None => (u8::MAX, self.0),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}
