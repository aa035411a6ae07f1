//! Which mixer made a slot: the names of the mixers and their stable codes.

use std::fmt;
use std::sync::Arc;

/// The mixer that made a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// No mixer: the slot is unchanged.
    #[default]
    Unmixed,
    /// [`super::MixUp`].
    MixUp,
    /// [`super::CutMix`].
    CutMix,
    /// [`super::ResizeMix`].
    ResizeMix,
    /// [`super::FMix`].
    FMix,
    /// [`super::GridMix`].
    GridMix,
    /// [`super::SmoothMix`].
    SmoothMix,
    /// [`super::SaliencyMix`].
    SaliencyMix,
    /// [`super::AttentiveMix`].
    AttentiveMix,
    /// [`super::PuzzleMix`].
    PuzzleMix,
    /// [`super::SmMix`].
    SmMix,
    /// [`super::AdaMixUp`].
    AdaMixUp,
    /// [`super::ManifoldMixUp`].
    ManifoldMixUp,
    /// [`super::Metrix`].
    Metrix,
    /// [`super::Mosaic4`].
    Mosaic,
    /// [`super::Collage`].
    Collage,
    /// [`super::InstancePaste`].
    InstancePaste,
    /// [`super::co_mixup()`].
    CoMixUp,
    /// A user-defined mixer of this name.
    Custom(Arc<str>),
}

/// The built-in methods with their names. The position in the list is the code of the method, so
/// new ones are added at the end.
const NAMES: [(Method, &str); 18] = [
    (Method::Unmixed, "unmixed"),
    (Method::MixUp, "mixup"),
    (Method::CutMix, "cutmix"),
    (Method::ResizeMix, "resizemix"),
    (Method::FMix, "fmix"),
    (Method::GridMix, "gridmix"),
    (Method::SmoothMix, "smoothmix"),
    (Method::SaliencyMix, "saliencymix"),
    (Method::AttentiveMix, "attentivemix"),
    (Method::PuzzleMix, "puzzlemix"),
    (Method::SmMix, "smmix"),
    (Method::AdaMixUp, "adamixup"),
    (Method::ManifoldMixUp, "manifold_mixup"),
    (Method::Metrix, "metrix"),
    (Method::Mosaic, "mosaic"),
    (Method::Collage, "collage"),
    (Method::InstancePaste, "instance_paste"),
    (Method::CoMixUp, "co_mixup"),
];

impl Method {
    /// The method of the mixer with this name.
    pub fn of(name: &str) -> Method {
        let known = NAMES.iter().find(|(_, known)| *known == name);
        known.map_or_else(|| Method::Custom(name.into()), |(method, _)| method.clone())
    }

    /// The name of the mixer in a recipe.
    pub fn name(&self) -> &str {
        match self {
            Method::Custom(name) => name,
            known => NAMES[usize::from(known.code())].1,
        }
    }

    /// A number that never changes between versions: 0 is unmixed, 1 MixUp, 2 CutMix, and so on.
    /// All user-defined mixers have 255.
    pub fn code(&self) -> u8 {
        NAMES
            .iter()
            .position(|(known, _)| known == self)
            .map_or(u8::MAX, |code| code as u8)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
