//! The presets: published recipes by name.

use crate::error::Result;
use crate::spec::unknown;

/// A recipe of OpenMixup: its own table `[mix]`, followed by the part that all of them share.
macro_rules! openmixup {
    ($name:literal) => {
        (
            concat!("openmixup-", $name),
            concat!(
                include_str!(concat!("presets/openmixup/", $name, ".toml")),
                include_str!("presets/openmixup/base.toml")
            ),
        )
    };
}

/// The name and the TOML text of each preset, in alphabetical order of names.
pub(super) const ALL: &[(&str, &str)] = &[
    ("augmix", include_str!("presets/augmix.toml")),
    ("cifar", include_str!("presets/cifar.toml")),
    (
        "crafting-shifts",
        include_str!("presets/crafting-shifts.toml"),
    ),
    ("deit", include_str!("presets/deit.toml")),
    ("deit3", include_str!("presets/deit3.toml")),
    ("dino", include_str!("presets/dino.toml")),
    (
        "efficienttrain",
        include_str!("presets/efficienttrain.toml"),
    ),
    ("few-shot", include_str!("presets/few-shot.toml")),
    ("few-shot-eval", include_str!("presets/few-shot-eval.toml")),
    ("imagenet", include_str!("presets/imagenet.toml")),
    ("imagenet-c", include_str!("presets/imagenet-c.toml")),
    ("imagenet-eval", include_str!("presets/imagenet-eval.toml")),
    (
        "imagenet-ten-crop",
        include_str!("presets/imagenet-ten-crop.toml"),
    ),
    (
        "metric-learning",
        include_str!("presets/metric-learning.toml"),
    ),
    ("mocov3", include_str!("presets/mocov3.toml")),
    openmixup!("attentivemix"),
    openmixup!("cutmix"),
    openmixup!("fmix"),
    openmixup!("gridmix"),
    openmixup!("manifold"),
    openmixup!("mixup"),
    openmixup!("puzzlemix"),
    openmixup!("resizemix"),
    openmixup!("saliencymix"),
    openmixup!("smmix"),
    openmixup!("smoothmix"),
    openmixup!("switch"),
    ("simclr", include_str!("presets/simclr.toml")),
    ("swav", include_str!("presets/swav.toml")),
    ("timm-a1", include_str!("presets/timm-a1.toml")),
    ("timm-a2", include_str!("presets/timm-a2.toml")),
    ("timm-a3", include_str!("presets/timm-a3.toml")),
];

/// The TOML text of a preset.
///
/// # Errors
///
/// [`crate::Kind::Config`] if no preset has this name; the nearest name is suggested.
pub(super) fn text(name: &str) -> Result<&'static str> {
    ALL.iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
        .ok_or_else(|| {
            unknown(
                "preset",
                name,
                ALL.iter().map(|(known, _)| (*known, &[][..])),
            )
        })
}
