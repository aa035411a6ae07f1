//! Parts of the data for agents that train separately, as in federated learning: [`Dirichlet`] with
//! unequal shares of every class, [`ByClass`] with each agent's own classes.
//!
//! All agents use the same seed and compute the same assignment; each keeps its own part. So the
//! parts are disjoint and cover the data, without any communication.

use feedmill_macros::Accessors;
use serde::{Deserialize, Serialize};

use super::{SelectedSamples, Substream, rounded_share};
use crate::error::{Error, Result};
use crate::plan::metadata::{By, SampleMetadata};
use crate::plan::permutation::Permutation;
use crate::rng::{Domain, RandomStream};

/// One agent's part of the data, where each class is divided by shares that are drawn from a
/// symmetric Dirichlet distribution: the smaller `alpha`, the more unequal (Hsu et al., "Measuring
/// the effects of non-identical data distribution", 2019). The parts of all agents are disjoint and
/// cover the data.
///
/// # Example: the unequal part of one of two agents
///
/// ```
/// use feedmill::plan::Dirichlet;
/// use feedmill::{Loader, Recipe};
///
/// let select = Dirichlet::new(0.5, 2, 0);
/// let recipe = Recipe::preset("imagenet")?.with_batch(1).select(select);
/// let loader = Loader::open("fixtures/photos", recipe)?;
/// assert!(loader.samples() < loader.total_samples());
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Dirichlet {
    /// The number of agents.
    pub(crate) agents: u32,
    /// The number of this agent, from 0.
    #[serde(default)]
    pub(crate) agent: u32,
    /// The concentration of the Dirichlet distribution, positive.
    pub(crate) alpha: f64,
    /// The grouping that defines the classes.
    #[serde(default)]
    pub(crate) by: By,
    /// The seed, the same for all agents.
    #[serde(default)]
    pub(crate) seed: u64,
}

/// One agent's part of the data, where each agent has its own classes. The parts of all agents are
/// disjoint and cover the data.
///
/// # Example: the classes of one of three agents
///
/// ```
/// use feedmill::plan::ByClass;
/// use feedmill::{Loader, Recipe};
///
/// let select = ByClass::new(3, 0);
/// let recipe = Recipe::preset("imagenet")?.with_batch(1).select(select);
/// let loader = Loader::open("fixtures/photos", recipe)?;
/// assert!(loader.samples() < loader.total_samples());
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Accessors)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ByClass {
    /// The number of agents.
    pub(crate) agents: u32,
    /// The number of this agent, from 0.
    #[serde(default)]
    pub(crate) agent: u32,
    /// The number of pieces of each agent, 1 to 65536: the samples, sorted by class, are cut into
    /// equal pieces, which are assigned at random (McMahan et al., "Communication-efficient
    /// learning of deep networks", 2017). By default agents get whole classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) pieces: Option<u32>,
    /// The grouping that defines the classes.
    #[serde(default)]
    pub(crate) by: By,
    /// The seed, the same for all agents.
    #[serde(default)]
    pub(crate) seed: u64,
}

/// Refuses an agent that is not below the number of agents.
fn check(agents: u32, agent: u32) -> Result<()> {
    if agent < agents {
        return Ok(());
    }
    Err(Error::config(format!(
        "agent = {agent} of agents = {agents}: an agent is below the number of agents"
    )))
}

/// The error for an agent without a sample.
fn empty(agent: u32, why: &str) -> Error {
    Error::config(format!("agent {agent} has no sample: {why}"))
}

impl Dirichlet {
    /// The part of agent `agent` (from 0) of `agents`, with the seed 0 and the samples' classes.
    pub fn new(alpha: f64, agents: u32, agent: u32) -> Dirichlet {
        Dirichlet {
            agents,
            agent,
            alpha,
            by: By::default(),
            seed: 0,
        }
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
        let mut indices = Vec::new();
        for group in 0..groups.count() {
            let (id, size) = (u64::from(groups.id(group)), groups.size(group));
            let mut rng =
                RandomStream::in_domain(self.seed, 0, Domain::Select, id, Substream::Shares as u32);
            let mut shares: Vec<f64> = (0..self.agents).map(|_| rng.gamma(self.alpha)).collect();
            if shares.iter().sum::<f64>() <= 0.0 {
                // All gamma variables underflow for a tiny alpha. In the limit of alpha towards 0
                // one agent has the whole class.
                shares[rng.below(u64::from(self.agents)) as usize] = 1.0;
            }
            let total: f64 = shares.iter().sum();
            let until = |agents: u32| match agents {
                all if all == self.agents => size,
                agents => {
                    rounded_share(shares[..agents as usize].iter().sum::<f64>() / total, size)
                }
            };
            let order = Permutation::in_domain(
                Domain::Select,
                self.seed,
                0,
                id,
                Substream::Members as u32,
                size,
            );
            let own = until(self.agent)..until(self.agent + 1);
            indices.extend(own.map(|position| groups.member(group, order.at(position)) as u32));
        }
        if indices.is_empty() {
            return Err(empty(
                self.agent,
                "use a larger alpha, fewer agents or another seed",
            ));
        }
        Ok(selected.at_sorted(indices))
    }
}

impl ByClass {
    /// The part of agent `agent` (from 0) of `agents`: whole classes, with the seed 0 and the
    /// samples' classes.
    pub fn new(agents: u32, agent: u32) -> ByClass {
        ByClass {
            agents,
            agent,
            pieces: None,
            by: By::default(),
            seed: 0,
        }
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
        let shuffled = |substream: Substream, n| {
            Permutation::in_domain(Domain::Select, self.seed, 0, 0, substream as u32, n)
        };
        let order = shuffled(Substream::Classes, count);
        let members = |rank: u64| {
            let group = order.at(rank) as usize;
            (0..groups.size(group)).map(move |k| (group, k))
        };
        let index = |(group, k): (usize, u64)| groups.member(group, k) as u32;
        let indices: Vec<u32> = match self.pieces {
            None => {
                let ranks = (u64::from(self.agent)..count).step_by(self.agents as usize);
                ranks.flat_map(members).map(index).collect()
            }
            Some(pieces) => {
                let all: Vec<u32> = (0..count).flat_map(members).map(index).collect();
                let total = u64::from(self.agents) * u64::from(pieces);
                let cuts = shuffled(Substream::Pieces, total);
                let first = u64::from(self.agent) * u64::from(pieces);
                let until = |piece: u64| {
                    (u128::from(piece) * all.len() as u128 / u128::from(total)) as usize
                };
                let own = (first..first + u64::from(pieces)).map(|piece| cuts.at(piece));
                own.flat_map(|piece| all[until(piece)..until(piece + 1)].iter().copied())
                    .collect()
            }
        };
        if indices.is_empty() {
            let why = format!(
                "{count} classes for {} agents; use fewer agents, or pieces",
                self.agents
            );
            return Err(empty(self.agent, &why));
        }
        Ok(selected.at_sorted(indices))
    }
}
