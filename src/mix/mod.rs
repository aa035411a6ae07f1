//! Mixing the samples of a batch.
//!
//! Slots mix with partners of their own *group*: neighbouring slots that one rank owns. What is drawn for a group depends on
//! (seed, epoch, batch, group) alone and sees sizes, never pixels. The pixels are mixed in the final pass, which reads the
//! untouched 8-bit views of both partners and writes the output: nothing is mixed in place, so any partner graph works.

mod mixers;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::Spanned;

pub use mixers::{CutMix, Geometry, MixUp};

use crate::augment::{Frame, suggest};
use crate::draws::{Domain, Draws};
use crate::error::{Error, Result};
use crate::recipe::nearest;

/// How the pixels of a slot come from its own view (A) and its partner's (B).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Blend {
    /// All from A.
    Keep,
    /// `lam * A + (1 - lam) * B`.
    Uniform {
        /// The weight of A.
        lam: f64,
    },
    /// B inside a rectangle, A outside.
    Box {
        /// First row, first column, end row, end column (half-open).
        rect: [u32; 4],
    },
}

impl Blend {
    /// The weight of A's label: the exact share of A in the pixels.
    pub fn lam(&self, frame: Frame) -> f64 {
        match *self {
            Blend::Keep => 1.0,
            Blend::Uniform { lam } => lam,
            Blend::Box { rect: [y0, x0, y1, x1] } => {
                let area = u64::from(y1 - y0) * u64::from(x1 - x0);
                1.0 - area as f64 / (u64::from(frame.width) * u64::from(frame.height)) as f64
            }
        }
    }

    /// The same blend of pictures of size `to`, drawn for pictures of size `from`: the edges of a rectangle are scaled and
    /// rounded half to even.
    #[must_use]
    pub fn scaled(self, from: Frame, to: Frame) -> Blend {
        let Blend::Box { rect: [y0, x0, y1, x1] } = self else { return self };
        let edge = |edge: u32, from: u32, to: u32| {
            ((u64::from(edge) * u64::from(to)) as f64 / f64::from(from)).round_ties_even() as u32
        };
        let row = |y| edge(y, from.height, to.height);
        let column = |x| edge(x, from.width, to.width);
        Blend::Box { rect: [row(y0), column(x0), row(y1), column(x1)] }
    }
}

/// Which mixer made a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Method {
    /// None: the slot is as it was.
    #[default]
    Unmixed = 0,
    /// [`MixUp`].
    MixUp = 1,
    /// [`CutMix`].
    CutMix = 2,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Method::Unmixed => "unmixed",
            Method::MixUp => "mixup",
            Method::CutMix => "cutmix",
        })
    }
}

/// A way to mix: draws how two pictures of a size are blended.
pub trait Mixer: Send + Sync + fmt::Debug {
    /// Which it is.
    fn method(&self) -> Method;

    /// The parameters as they would stand in a recipe.
    fn params(&self) -> toml::Table;

    /// Checks the parameters.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the parameter.
    fn check(&self) -> Result<()>;

    /// Draws one blend.
    fn draw(&self, draws: &mut Draws, frame: Frame) -> Blend;
}

/// What shares one draw of a blend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lambda {
    /// All slots of a group.
    #[default]
    Group,
    /// A slot and its mirror image in the group, in both directions.
    Pair,
    /// Nothing: each slot has its own.
    Element,
}

/// How partners are found in a group of n slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Partner {
    /// Slot i with slot n - 1 - i, as timm does. The middle slot of an odd group stays unmixed.
    #[default]
    Flip,
    /// Slot i with slot i - 1, as torchvision does.
    Roll,
    /// By a random permutation, which may leave a slot with itself, as the official MixUp and CutMix code does.
    Perm,
    /// By a random permutation without fixed points.
    Derange,
}

/// Mixing as a recipe says it.
#[derive(Clone, Debug)]
pub struct Mix {
    choose: Vec<(Arc<dyn Mixer>, f64)>,
    p: f64,
    lambda: Lambda,
    partner: Partner,
    group: Option<usize>,
}

/// How one slot is mixed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlotMix {
    /// Which mixer.
    pub method: Method,
    /// The partner's place in the group; the own place if unmixed.
    pub partner: usize,
    /// How.
    pub blend: Blend,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Form {
    choose: Vec<Spanned<toml::Table>>,
    #[serde(default = "one")]
    p: f64,
    #[serde(default)]
    lambda: Lambda,
    #[serde(default)]
    partner: Partner,
    group: Option<usize>,
}

fn one() -> f64 {
    1.0
}

impl Mix {
    /// Always one mixer, one blend for each group, partners by flip.
    pub fn new(mixer: impl Mixer + 'static) -> Mix {
        Mix {
            choose: vec![(Arc::new(mixer), 1.0)],
            p: 1.0,
            lambda: Lambda::default(),
            partner: Partner::default(),
            group: None,
        }
    }

    /// Adds a mixer to choose from; the first one has weight 1.
    #[must_use]
    pub fn or(mut self, mixer: impl Mixer + 'static, weight: f64) -> Mix {
        self.choose.push((Arc::new(mixer), weight));
        self
    }

    /// The probability of mixing at all.
    #[must_use]
    pub fn p(self, p: f64) -> Mix {
        Mix { p, ..self }
    }

    /// What shares one blend.
    #[must_use]
    pub fn lambda(self, lambda: Lambda) -> Mix {
        Mix { lambda, ..self }
    }

    /// How partners are found.
    #[must_use]
    pub fn partner(self, partner: Partner) -> Mix {
        Mix { partner, ..self }
    }

    /// The size of groups; by default the largest divisor of the batch that is at most 32.
    #[must_use]
    pub fn group(self, slots: usize) -> Mix {
        Mix { group: Some(slots), ..self }
    }

    /// `place` puts an error at a byte of the text, or at the whole form.
    pub(crate) fn from_form(form: Form, place: impl Fn(Option<usize>, Error) -> Error) -> Result<Mix> {
        let mut choose = Vec::new();
        for spanned in form.choose {
            let start = spanned.span().start;
            choose.push(choice(spanned.into_inner()).map_err(|error| place(Some(start), error))?);
        }
        Ok(Mix { choose, p: form.p, lambda: form.lambda, partner: form.partner, group: form.group })
    }

    pub(crate) fn to_table(&self) -> toml::Table {
        let choose: Vec<toml::Value> = self
            .choose
            .iter()
            .map(|(mixer, weight)| {
                let mut table = mixer.params();
                table.insert("mix".into(), mixer.method().to_string().into());
                table.insert("weight".into(), (*weight).into());
                toml::Value::Table(table)
            })
            .collect();
        let mut table = toml::Table::new();
        table.insert("choose".into(), choose.into());
        table.insert("p".into(), self.p.into());
        let plain = "a plain enum is a string";
        table.insert("lambda".into(), toml::Value::try_from(self.lambda).expect(plain));
        table.insert("partner".into(), toml::Value::try_from(self.partner).expect(plain));
        if let Some(group) = self.group {
            table.insert("group".into(), (group as i64).into());
        }
        table
    }

    /// Checks every value; the error comes with the key of the recipe that it is about.
    pub(crate) fn check(&self, batch: usize) -> std::result::Result<(), (&'static str, Error)> {
        let at = |key, text: String| Err((key, Error::config(text)));
        if self.choose.is_empty() {
            return at("mix.choose", "mix.choose is empty: name a mixer, or leave [mix] out".into());
        }
        for (mixer, weight) in &self.choose {
            let name = mixer.method();
            mixer.check().map_err(|error| ("mix.choose", error.at(format_args!("mix \"{name}\""))))?;
            if !(weight.is_finite() && *weight >= 0.0) {
                let text = format!("mix \"{name}\": weight = {weight}: expected 0 or more");
                return at("mix.choose", text);
            }
        }
        if self.choose.iter().all(|(_, weight)| *weight == 0.0) {
            let text = "mix.choose: all weights are 0: give one mixer a positive weight";
            return at("mix.choose", text.into());
        }
        if !(0.0..=1.0).contains(&self.p) {
            return at("mix.p", format!("mix.p = {}: a probability is between 0 and 1", self.p));
        }
        if self.lambda == Lambda::Pair && self.partner != Partner::Flip {
            let text = "mix.lambda = \"pair\" needs mix.partner = \"flip\": other partners are no pairs";
            return at("mix.lambda", text.into());
        }
        if let Some(group) = self.group
            && (group < 2 || !batch.is_multiple_of(group))
        {
            let text =
                format!("mix.group = {group}: expected at least 2 slots, and a divisor of batch = {batch}");
            return at("mix.group", text);
        }
        if self.group_size(batch) < 2 {
            let text = format!("mixing needs a partner, and batch = {batch} leaves groups of one slot");
            return at("mix", text);
        }
        Ok(())
    }

    /// The slots of a group.
    pub(crate) fn group_size(&self, batch: usize) -> usize {
        let largest = || (1..=batch.min(32)).rev().find(|size| batch.is_multiple_of(*size)).unwrap_or(1);
        self.group.unwrap_or_else(largest)
    }

    /// How each of the `slots` slots of a group is mixed. `group` counts in the global batch.
    pub fn draw(
        &self,
        seed: u64,
        epoch: u32,
        batch: u64,
        group: u32,
        slots: usize,
        frame: Frame,
    ) -> Vec<SlotMix> {
        let mut draws = Draws::of(seed, epoch, Domain::Mix, batch, group);
        let partners = self.partners(&mut draws, slots);
        let mut blend = || {
            if !draws.chance(self.p) {
                return (Method::Unmixed, Blend::Keep);
            }
            let chosen = match &self.choose[..] {
                [only] => &only.0,
                several => &several[draws.weighted(several.iter().map(|(_, weight)| *weight))].0,
            };
            match chosen.draw(&mut draws, frame) {
                // An empty box or a weight of 1 leaves the slot as it was.
                blend if blend.lam(frame) == 1.0 => (Method::Unmixed, Blend::Keep),
                blend => (chosen.method(), blend),
            }
        };
        let blends: Vec<(Method, Blend)> = match self.lambda {
            Lambda::Group => vec![blend(); slots],
            Lambda::Pair => {
                let half: Vec<_> = (0..slots.div_ceil(2)).map(|_| blend()).collect();
                (0..slots).map(|slot| half[slot.min(slots - 1 - slot)]).collect()
            }
            Lambda::Element => (0..slots).map(|_| blend()).collect(),
        };
        let mixed = partners.into_iter().zip(blends).enumerate();
        mixed
            .map(|(slot, (partner, (method, blend)))| {
                if partner == slot || method == Method::Unmixed {
                    SlotMix { method: Method::Unmixed, partner: slot, blend: Blend::Keep }
                } else {
                    SlotMix { method, partner, blend }
                }
            })
            .collect()
    }

    fn partners(&self, draws: &mut Draws, slots: usize) -> Vec<usize> {
        match self.partner {
            Partner::Flip => (0..slots).rev().collect(),
            Partner::Roll => (0..slots).map(|slot| (slot + slots - 1) % slots).collect(),
            Partner::Perm => {
                let mut partners: Vec<usize> = (0..slots).collect();
                draws.shuffle(&mut partners);
                partners
            }
            Partner::Derange => {
                let mut partners: Vec<usize> = (0..slots).collect();
                for _ in 0..10 {
                    draws.shuffle(&mut partners);
                    if partners.iter().enumerate().all(|(slot, &partner)| slot != partner) {
                        return partners;
                    }
                }
                if slots < 2 {
                    return partners;
                }
                let shift = 1 + draws.below(slots as u64 - 1) as usize;
                (0..slots).map(|slot| (slot + shift) % slots).collect()
            }
        }
    }
}

/// A mixer of a recipe with its weight.
fn choice(mut table: toml::Table) -> Result<(Arc<dyn Mixer>, f64)> {
    let Some(toml::Value::String(name)) = table.remove("mix") else {
        return Err(Error::config("a mixer without a name: expected { mix = \"NAME\", … }"));
    };
    let weight = match table.remove("weight") {
        None => 1.0,
        Some(toml::Value::Float(weight)) => weight,
        Some(toml::Value::Integer(weight)) => weight as f64,
        Some(other) => return Err(Error::config(format!("weight = {other}: expected a number"))),
    };
    fn read<T: Mixer + serde::de::DeserializeOwned + 'static>(table: toml::Table) -> Result<Arc<dyn Mixer>> {
        let mixer: T = table.try_into().map_err(|e: toml::de::Error| Error::config(suggest(e.message())))?;
        Ok(Arc::new(mixer))
    }
    let mixer = match name.as_str() {
        "mixup" => read::<MixUp>(table),
        "cutmix" => read::<CutMix>(table),
        _ => {
            let hint = nearest(&name, ["mixup", "cutmix"].into_iter());
            let hint = hint.map(|near| format!("; did you mean \"{near}\"?")).unwrap_or_default();
            return Err(Error::config(format!("unknown mixer \"{name}\"{hint} (known: cutmix, mixup)")));
        }
    };
    let mixer = mixer.and_then(|mixer| mixer.check().map(|()| mixer));
    Ok((mixer.map_err(|error| error.at(format_args!("mix \"{name}\"")))?, weight))
}

#[cfg(test)]
mod tests;
