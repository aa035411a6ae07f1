//! The pages beyond single items, as they are in the repository. Their programs are tested.
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

// A page names its links at its end for readers of the file. The definition that comes first
// counts, so the ones here lead to the pages of this module.

pub mod recipes {
    //! [boxes]: super::augmentations#boxes-keypoints-masks
    //! [entropy indexes]: mod@super::format#entropy-indexes
    //! [mixing]: super::mixing
    //!
    #![doc = include_str!("../docs/RECIPES.md")]
}

pub mod augmentations {
    //! [joint]: super::recipes#joint
    //! [recipes]: super::recipes
    //!
    #![doc = include_str!("../docs/AUGMENTATIONS.md")]
}

pub mod mixing {
    #![doc = include_str!("../docs/MIXING.md")]
}

pub mod format {
    #![doc = include_str!("../docs/FORMAT.md")]
}

pub mod performance {
    #![doc = include_str!("../docs/PERFORMANCE.md")]
}

pub mod architecture {
    //! [glossary]: super::glossary
    //! [decisions]: #where-the-decisions-are
    //! [0001]: #where-the-decisions-are
    //! [0002]: #where-the-decisions-are
    //! [0007]: #where-the-decisions-are
    //!
    #![doc = include_str!("../ARCHITECTURE.md")]
    //!
    //! # Where the decisions are
    //!
    //! The records of decisions are in the folder `docs/decisions` of the repository.
}

pub mod glossary {
    #![doc = include_str!("../docs/GLOSSARY.md")]
}
