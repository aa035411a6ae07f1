//! Parts of the data for agents that train apart.

use serde::{Deserialize, Serialize};

use super::{Part, SelectedSamples, cut};
use crate::error::{Error, Result};
use crate::plan::metadata::{By, SampleMetadata};
use crate::plan::permutation::Permutation;
use crate::rng::{Domain, RandomStream};

/// One agent's part where every class is dealt out by shares from a symmetric Dirichlet
/// distribution: the smaller `alpha`, the more unequal (Hsu et al., "Measuring the effects of
/// non-identical data distribution", 2019). Parts have no sample in common, and all together have
/// all samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Dirichlet {
    /// The number of agents.
    pub agents: u32,
    /// Which one this is, from 0.
    #[serde(default)]
    pub agent: u32,
    /// The concentration, positive.
    pub alpha: f64,
    /// What takes the place of classes.
    #[serde(default)]
    pub by: By,
    /// The seed, the same for all agents.
    #[serde(default)]
    pub seed: u64,
}

/// One agent's part where agents have classes of their own. Parts have no sample in common, and all
/// together have all samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ByClass {
    /// The number of agents.
    pub agents: u32,
    /// Which one this is, from 0.
    #[serde(default)]
    pub agent: u32,
    /// Cuts the samples, sorted by class, into so many equal pieces for each agent and deals out
    /// the pieces (McMahan et al., "Communication-efficient learning of deep networks", 2017);
    /// by default whole classes are dealt out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pieces: Option<u32>,
    /// What takes the place of classes.
    #[serde(default)]
    pub by: By,
    /// The seed, the same for all agents.
    #[serde(default)]
    pub seed: u64,
}

fn check(agents: u32, agent: u32) -> Result<()> {
    if agent < agents {
        return Ok(());
    }
    Err(Error::config(format!(
        "agent = {agent} of agents = {agents}: an agent is below the number of agents"
    )))
}

fn empty(agent: u32, why: &str) -> Error {
    Error::config(format!("agent {agent} has no sample: {why}"))
}

impl Dirichlet {
    /// An agent's part.
    pub fn new(alpha: f64, agents: u32, agent: u32) -> Dirichlet {
        Dirichlet {
            agents,
            agent,
            alpha,
            by: By::default(),
            seed: 0,
        }
    }

    /// What takes the place of classes.
    #[must_use]
    pub fn by(self, by: By) -> Dirichlet {
        Dirichlet { by, ..self }
    }

    /// The seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> Dirichlet {
        Dirichlet { seed, ..self }
    }

    pub(super) fn check(&self) -> Result<()> {
        if !(self.alpha.is_finite() && self.alpha > 0.0) {
            return Err(Error::config(format!(
                "alpha = {}: expected a positive number",
                self.alpha
            )));
        }
        check(self.agents, self.agent)
    }

    pub(super) fn apply(
        &self,
        selected: SelectedSamples,
        metadata: &SampleMetadata,
    ) -> Result<SelectedSamples> {
        let groups = selected.groups(metadata, &self.by)?;
        let mut places = Vec::new();
        for group in 0..groups.count() {
            let (id, size) = (u64::from(groups.id(group)), groups.size(group));
            let mut rng =
                RandomStream::in_domain(self.seed, 0, Domain::Select, id, Part::Shares as u32);
            let mut shares: Vec<f64> = (0..self.agents).map(|_| rng.gamma(self.alpha)).collect();
            if shares.iter().sum::<f64>() <= 0.0 {
                // So small an alpha that all underflowed: one agent has the class.
                shares[rng.below(u64::from(self.agents)) as usize] = 1.0;
            }
            let total: f64 = shares.iter().sum();
            let until = |agents: u32| match agents {
                all if all == self.agents => size,
                agents => cut(shares[..agents as usize].iter().sum::<f64>() / total, size),
            };
            let order =
                Permutation::drawn(Domain::Select, self.seed, 0, id, Part::Members as u32, size);
            let own = until(self.agent)..until(self.agent + 1);
            places.extend(own.map(|place| groups.member(group, order.at(place)) as u32));
        }
        if places.is_empty() {
            return Err(empty(
                self.agent,
                "use a larger alpha, fewer agents or another seed",
            ));
        }
        Ok(selected.at_sorted(places))
    }
}

impl ByClass {
    /// An agent's part.
    pub fn new(agents: u32, agent: u32) -> ByClass {
        ByClass {
            agents,
            agent,
            pieces: None,
            by: By::default(),
            seed: 0,
        }
    }

    /// Equal pieces for each agent, instead of whole classes.
    #[must_use]
    pub fn pieces(self, pieces: u32) -> ByClass {
        ByClass {
            pieces: Some(pieces),
            ..self
        }
    }

    /// What takes the place of classes.
    #[must_use]
    pub fn by(self, by: By) -> ByClass {
        ByClass { by, ..self }
    }

    /// The seed.
    #[must_use]
    pub fn seed(self, seed: u64) -> ByClass {
        ByClass { seed, ..self }
    }

    pub(super) fn check(&self) -> Result<()> {
        if let Some(pieces @ (0 | 65_537..)) = self.pieces {
            return Err(Error::config(format!(
                "pieces = {pieces}: expected 1 to 65536"
            )));
        }
        check(self.agents, self.agent)
    }

    pub(super) fn apply(
        &self,
        selected: SelectedSamples,
        metadata: &SampleMetadata,
    ) -> Result<SelectedSamples> {
        let groups = selected.groups(metadata, &self.by)?;
        let count = groups.count() as u64;
        let shuffled =
            |part: Part, n| Permutation::drawn(Domain::Select, self.seed, 0, 0, part as u32, n);
        let order = shuffled(Part::Classes, count);
        let members = |rank: u64| {
            let group = order.at(rank) as usize;
            (0..groups.size(group)).map(move |k| (group, k))
        };
        let place = |(group, k): (usize, u64)| groups.member(group, k) as u32;
        let places: Vec<u32> = match self.pieces {
            None => {
                let ranks = (u64::from(self.agent)..count).step_by(self.agents as usize);
                ranks.flat_map(members).map(place).collect()
            }
            Some(pieces) => {
                let all: Vec<u32> = (0..count).flat_map(members).map(place).collect();
                let total = u64::from(self.agents) * u64::from(pieces);
                let cuts = shuffled(Part::Pieces, total);
                let first = u64::from(self.agent) * u64::from(pieces);
                let until = |piece: u64| {
                    (u128::from(piece) * all.len() as u128 / u128::from(total)) as usize
                };
                let own = (first..first + u64::from(pieces)).map(|piece| cuts.at(piece));
                own.flat_map(|piece| all[until(piece)..until(piece + 1)].iter().copied())
                    .collect()
            }
        };
        if places.is_empty() {
            let why = format!(
                "{count} classes for {} agents; use fewer agents, or pieces",
                self.agents
            );
            return Err(empty(self.agent, &why));
        }
        Ok(selected.at_sorted(places))
    }
}
