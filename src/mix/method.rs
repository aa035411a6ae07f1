//! The names of mixers.

use std::fmt;
use std::sync::Arc;

/// Which mixer made a slot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// None: the slot is as it was.
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
    /// A user's mixer of that name.
    Custom(Arc<str>),
}

/// In the order of their codes.
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
    /// The method of a mixer's name.
    pub fn of(name: &str) -> Method {
        let known = NAMES.iter().find(|(_, known)| *known == name);
        known.map_or_else(|| Method::Custom(name.into()), |(method, _)| method.clone())
    }

    /// The name in a recipe.
    pub fn name(&self) -> &str {
        match self {
            Method::Custom(name) => name,
            known => NAMES[usize::from(known.code())].1,
        }
    }

    /// A number that never changes: 0 unmixed, 1 MixUp, 2 CutMix, and so on; 255 for all of users'
    /// own.
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
