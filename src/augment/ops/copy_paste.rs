//! Instance copy-paste from a bank of cut-outs, and masks of planes.
//!
//! The ops draw here. `step/paste.rs` has what pasting does to pixels, `joint/paste.rs` and
//! `joint/plane_mask.rs` what the steps do to annotations.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use crate::augment::PasteDraw;
use crate::augment::joint::{Bank, bank_changed};
use crate::augment::params::op_basics;
use crate::augment::{ColorJitter, Op, Paste, PasteBlend, Step, Steps};
use crate::error::{Error, Result};
use crate::rng::RandomStream;
use crate::spec::{ParamRange, check_p};

/// Pastes cut-outs of objects onto the image and adds them to its boxes and planes, by the rules of
/// X-Paste (Zhao et al., 2023) and DiverGen (Fan et al., 2024).
///
/// # Parameters
///
/// * `bank` (required): a folder of class folders of PNGs with alpha. A class is the number that is
///   its folder's name or, unless all names are numbers, its position among the sorted names.
/// * `max_samples` (20; 1 to 1000): fewer cut-outs than this are pasted, each number from 0 with
///   equal chances.
/// * `select` (`"cas_random"`): draws a class and then one of its cut-outs; `"random"` draws from
///   all cut-outs.
/// * `blend` (`["basic"]`): the ways of mixing to draw from: `"basic"`, `"alpha"`, `"gaussian"`
///   ([`PasteBlend`]).
/// * `scale` (`[0.1, 2]`; above 0, up to 100): the range of the factor on the cut-out's own size,
///   for classes without statistics.
/// * `random_scale` (false): uses `scale` for all classes. Otherwise the size of a class follows
///   the bank's `statistics.json`, `{"class folder": [mean, std], …}`, where the two numbers are
///   the mean and the deviation of the square root of an object's share of its image.
/// * `degrees` (0, a number or a range; -360 to 360): turns each cut-out counter-clockwise.
/// * `jitter` (false): changes brightness, contrast, saturation and hue of half of the cut-outs by
///   up to 0.2.
/// * `largest` (true): uses only the largest connected part of each cut-out.
/// * `p` (1): the probability that the op is applied.
/// * `digest` (none): the hash of the bank's listing, filled in when a recipe is written down. A
///   recipe that has it refuses a bank whose files have changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyPaste {
    bank: PathBuf,
    #[serde(default = "twenty")]
    max_samples: u32,
    #[serde(default)]
    select: Select,
    #[serde(default = "basic")]
    blend: Vec<PasteBlend>,
    #[serde(default = "tenth_to_double")]
    scale: [f64; 2],
    #[serde(default)]
    random_scale: bool,
    #[serde(default = "upright")]
    degrees: ParamRange,
    #[serde(default)]
    jitter: bool,
    #[serde(default = "crate::spec::yes")]
    largest: bool,
    #[serde(default = "crate::spec::one")]
    p: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    /// The bank, listed when it is first needed.
    #[serde(skip)]
    open: OnceLock<Arc<Bank>>,
}

/// How cut-outs are drawn from a bank.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Select {
    /// Any cut-out, with equal chances.
    Random,
    /// A class with equal chances, then one of its cut-outs.
    #[default]
    CasRandom,
}

fn twenty() -> u32 {
    20
}

fn basic() -> Vec<PasteBlend> {
    vec![PasteBlend::Basic]
}

fn upright() -> ParamRange {
    ParamRange::Fixed(0.0)
}

fn tenth_to_double() -> [f64; 2] {
    [0.1, 2.0]
}

impl CopyPaste {
    /// Pastes from this bank, with the defaults of DiverGen.
    pub fn new(bank: impl Into<PathBuf>) -> CopyPaste {
        CopyPaste {
            bank: bank.into(),
            max_samples: twenty(),
            select: Select::default(),
            blend: basic(),
            scale: tenth_to_double(),
            random_scale: false,
            degrees: upright(),
            jitter: false,
            largest: true,
            p: 1.0,
            digest: None,
            open: OnceLock::new(),
        }
    }

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
}

impl Op for CopyPaste {
    fn name(&self) -> &str {
        "copy_paste"
    }

    fn params(&self) -> toml::Table {
        // The digest is written even if the recipe had none, so that the recipe's fingerprint
        // covers the bank's listing.
        let digest = self.open().ok().map(|bank| bank.digest().to_string());
        crate::spec::params_of(&CopyPaste {
            digest,
            ..self.clone()
        })
    }

    fn check(&self) -> Result<()> {
        if !(1..=1000).contains(&self.max_samples) {
            return Err(Error::config(format!(
                "max_samples = {}: expected 1 to 1000",
                self.max_samples
            )));
        }
        if self.blend.is_empty() {
            return Err(Error::config(
                "blend is empty: name at least one of basic, alpha, gaussian",
            ));
        }
        let [low, high] = self.scale;
        if !(low > 0.0 && low <= high && high <= 100.0) {
            return Err(Error::config(format!(
                "scale = [{low}, {high}]: expected 0 < low <= high <= 100"
            )));
        }
        self.degrees.check("degrees", [-360.0, 360.0])?;
        check_p(self.p)?;
        self.open().map(drop)
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let applies = rng.bernoulli(self.p);
        let count = rng.below(u64::from(self.max_samples));
        // `check` has opened the bank; without that there is nothing to paste.
        let Ok(bank) = self.open() else { return };
        let drawn = (0..count).map(|_| {
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
                scale: rng.uniform(self.scale[0], self.scale[1]),
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
        });
        let drawn: Vec<PasteDraw> = drawn.collect();
        if applies && !drawn.is_empty() {
            steps.push(Step::Paste(Arc::new(Paste::new(
                Arc::clone(bank),
                drawn,
                self.random_scale,
            ))));
        }
    }
}

/// Draws the steps of DiverGen's color jitter for one cut-out.
fn jitter(rng: &mut RandomStream) -> Vec<Step> {
    let mut steps = Steps::default();
    ColorJitter::new(0.2, 0.2, 0.2, 0.2).draw(rng, &mut steps);
    steps.list().to_vec()
}

/// Adds a copy of a plane of one channel, named `NAME.masked`, in which random patches are 0; AiT
/// (Ning et al., 2023). The image stays as it is.
///
/// The recipe needs a `[joint]` table, without which the op does nothing. The sides of the view
/// have to be multiples of `patch` at this point.
///
/// # Parameters
///
/// * `plane` (required): the name of the plane.
/// * `patch` (16; 1 to 16384 pixels): the side of a patch.
/// * `ratio` (0.5; 0 to 1): the share of patches that are set to 0; their number is rounded up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaskPlane {
    plane: String,
    #[serde(default = "sixteen")]
    patch: u32,
    #[serde(default = "crate::spec::half")]
    ratio: f64,
}

fn sixteen() -> u32 {
    16
}

impl Op for MaskPlane {
    op_basics!("plane_mask");

    fn check(&self) -> Result<()> {
        if !(1..=16_384).contains(&self.patch) {
            return Err(Error::config(format!(
                "patch = {}: expected 1 to 16384 pixels",
                self.patch
            )));
        }
        if !(0.0..=1.0).contains(&self.ratio) {
            return Err(Error::config(format!(
                "ratio = {}: expected 0 to 1",
                self.ratio
            )));
        }
        Ok(())
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let frame = steps.frame();
        let mut cells: Vec<u32> =
            (0..frame.width / self.patch * (frame.height / self.patch)).collect();
        rng.shuffle(&mut cells);
        cells.truncate((cells.len() as f64 * self.ratio).ceil() as usize);
        let (plane, patch) = (self.plane.clone(), self.patch);
        steps.push(Step::PlaneMask(crate::augment::PlaneMask {
            plane,
            patch,
            cells,
        }));
    }
}
