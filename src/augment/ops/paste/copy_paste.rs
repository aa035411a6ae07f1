//! Instance copy-paste from a bank of cut-outs.
//!
//! The op draws here. `steps/paste` has what pasting does to pixels and to annotations.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::ColorJitter;
use crate::augment::steps::{Bank, Paste, PasteBlend, PasteDraw, bank_changed};
use crate::augment::{Op, Step, Steps};
use crate::error::{Error, Result};
use crate::rng::RandomStream;
use crate::spec::{Derived, Interval, Parameters, SymmetricRange};
use crate::{declare, word_param};

/// How [`CopyPaste`] draws cut-outs from a bank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Select {
    /// Any cut-out, with equal chances.
    Random,
    /// A class with equal chances, then one of its cut-outs.
    CasRandom,
}

word_param!(Select);

/// Pastes cut-outs of objects onto the image and adds them to its boxes and planes, by the rules of
/// X-Paste (Zhao et al., 2023) and DiverGen (Fan et al., 2024).
///
/// The bank is a folder of class folders of PNGs with alpha. A class is the number that is its
/// folder's name or, unless all names are numbers, its position among the sorted names. The size of a
/// class follows the bank's `statistics.json`, `{"class folder": [mean, std], …}`, where the two
/// numbers are the mean and the deviation of the square root of an object's share of its image.
///
/// # Example: at most four objects in each image
///
/// ```
/// use feedmill::augment::ops::CopyPaste;
///
/// // In a recipe: { op = "copy_paste", bank = "cut-outs", max_samples = 5 }
/// let op = CopyPaste::new("cut-outs").with_max_samples(5);
/// assert_eq!(op.max_samples(), 5);
/// ```
#[declare(
    name = "copy_paste",
    like = ["X-Paste", "DiverGen", "albumentations CopyAndPaste"],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct CopyPaste {
    /// The folder of the bank.
    #[param(required)]
    bank: PathBuf,
    /// Fewer cut-outs than this are pasted, each number from 0 with equal chances.
    #[param(default = 20, range = [1.0, 1000.0])]
    max_samples: u32,
    /// How a cut-out is drawn.
    #[param(default = Select::CasRandom)]
    select: Select,
    /// The ways of mixing to draw from.
    #[param(default = vec![PasteBlend::Basic])]
    blend: Vec<PasteBlend>,
    /// The range of the factor on the cut-out's own size, above 0, for classes without statistics.
    #[param(default = Interval::new(0.1, 2.0), range = [0.0, 100.0])]
    scale: Interval,
    /// Whether to use `scale` for all classes.
    #[param(default)]
    random_scale: bool,
    /// Turns each cut-out counter-clockwise.
    #[param(default = SymmetricRange::fixed(0.0), range = [-360.0, 360.0], unit = "degrees")]
    degrees: SymmetricRange,
    /// Changes brightness, contrast, saturation and hue of half of the cut-outs by up to 0.2.
    #[param(default)]
    jitter: bool,
    /// Uses only the largest connected part of each cut-out.
    #[param(default = true)]
    largest: bool,
    /// The probability that the op is applied.
    #[param(default = 1.0, range = [0.0, 1.0])]
    p: f64,
    /// The hash of the bank's listing, filled in when a recipe is written down. A recipe that has
    /// it refuses a bank whose files have changed.
    #[param(default)]
    digest: Option<String>,
    /// The bank, listed when it is first needed.
    #[param(derived)]
    open: Derived<Arc<Bank>>,
}

impl Op for CopyPaste {
    fn check(&self) -> Result<()> {
        if self.blend.is_empty() {
            return Err(Error::config(
                "blend is empty: name at least one of basic, alpha, gaussian",
            )
            .about_key("blend"));
        }
        self.scale.check_positive("scale")?;
        self.open().map(drop)
    }

    fn identity(&self) -> toml::Table {
        // The digest is written even if the recipe had none, so that the recipe's fingerprint
        // covers the bank's listing.
        let digest = self.open().ok().map(|bank| bank.digest().to_string());
        CopyPaste {
            digest,
            ..self.clone()
        }
        .params()
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let count = rng.below(u64::from(self.max_samples));
        // `check` has opened the bank; without that there is nothing to paste.
        let Ok(bank) = self.open() else { return };
        let drawn: Vec<PasteDraw> = (0..count).map(|_| self.draw_one(bank, rng)).collect();
        if applies && !drawn.is_empty() {
            steps.push(Paste::new(Arc::clone(bank), drawn, self.random_scale));
        }
    }
}

impl CopyPaste {
    /// The bank, listed when it is first asked for.
    ///
    /// # Errors
    ///
    /// As [`Bank::open`]; [`crate::Kind::Mismatch`] if the listing does not have the digest.
    fn open(&self) -> Result<&Arc<Bank>> {
        if let Some(bank) = self.open.get() {
            return Ok(bank);
        }
        let bank = Bank::open(&self.bank, self.largest)?;
        if let Some(digest) = &self.digest
            && *digest != bank.digest().to_string()
        {
            return Err(bank_changed(&self.bank, bank.digest()));
        }
        Ok(self.open.get_or_init(|| Arc::new(bank)))
    }

    /// Draws one cut-out.
    fn draw_one(&self, bank: &Bank, rng: &mut RandomStream) -> PasteDraw {
        // Both numbers are drawn for either way of selecting.
        let (first, second) = (rng.unit(), rng.unit());
        let pick = |unit: f64, n: usize| (unit * n as f64) as usize;
        let number = match self.select {
            Select::Random => pick(first, bank.len()),
            Select::CasRandom => {
                let (_, files) = &bank.classes()[pick(first, bank.classes().len())];
                files.start + pick(second, files.len())
            }
        };
        PasteDraw {
            number,
            normal: rng.normal(),
            aspect: rng.uniform(0.8, 1.2),
            scale: self.scale.draw(rng),
            flip: rng.bernoulli(0.5),
            degrees: self.degrees.draw(rng),
            color: if rng.bernoulli(0.5) && self.jitter {
                jitter(rng)
            } else {
                Vec::new()
            },
            center: [rng.unit(), rng.unit()],
            blend: self.blend[rng.below(self.blend.len() as u64) as usize],
        }
    }
}

/// Draws the steps of DiverGen's color jitter for one cut-out.
fn jitter(rng: &mut RandomStream) -> Vec<Arc<dyn Step>> {
    let mut steps = Steps::default();
    ColorJitter::new()
        .with_brightness(0.2)
        .with_contrast(0.2)
        .with_saturation(0.2)
        .with_hue(0.2)
        .draw(rng, &mut steps);
    steps.list().to_vec()
}
