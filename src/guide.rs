//! The pages of the repository: first the guide itself. Their programs are tested.
//!
//! | page | content |
//! | --- | --- |
//! | [`recipes`] | every key of a recipe, every op and every mixer |
//! | [`augmentations`] | which bytes are equal to those of which library |
//! | [`mixing`] | how mixers are tested, and where they differ from their references |
//! | [`format`](mod@format) | the shard format, byte by byte |
//! | [`performance`] | measurements, and what limits a run |
//! | [`architecture`] | how the library works, and why so |
//! | [`glossary`] | one word for one thing |
//!
#![doc = page_of!("docs/GUIDE.md")]

/// The text of a page, with links to the modules of this one.
macro_rules! page_of {
    ($path:literal) => {
        feedmill_macros::page!(
            $path,
            "RECIPES.md" = "crate::guide::recipes",
            "AUGMENTATIONS.md" = "crate::guide::augmentations",
            "MIXING.md" = "crate::guide::mixing",
            "FORMAT.md" = "mod@crate::guide::format",
            "PERFORMANCE.md" = "crate::guide::performance",
            "ARCHITECTURE.md" = "crate::guide::architecture",
            "GLOSSARY.md" = "crate::guide::glossary",
            "GUIDE.md" = "crate::guide",
        )
    };
}
use page_of;

pub mod recipes {
    #![doc = super::page_of!("docs/RECIPES.md")]
}

pub mod augmentations {
    #![doc = super::page_of!("docs/AUGMENTATIONS.md")]
}

pub mod mixing {
    #![doc = super::page_of!("docs/MIXING.md")]
}

pub mod format {
    #![doc = super::page_of!("docs/FORMAT.md")]
}

pub mod performance {
    #![doc = super::page_of!("docs/PERFORMANCE.md")]
}

pub mod architecture {
    #![doc = super::page_of!("ARCHITECTURE.md")]
}

pub mod glossary {
    #![doc = super::page_of!("docs/GLOSSARY.md")]
}

/// Building again when a page has changed.
const _: [&str; 8] = [
    include_str!("../docs/RECIPES.md"),
    include_str!("../docs/AUGMENTATIONS.md"),
    include_str!("../docs/MIXING.md"),
    include_str!("../docs/FORMAT.md"),
    include_str!("../docs/PERFORMANCE.md"),
    include_str!("../ARCHITECTURE.md"),
    include_str!("../docs/GLOSSARY.md"),
    include_str!("../docs/GUIDE.md"),
];
