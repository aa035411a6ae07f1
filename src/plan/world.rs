//! The rank of this process among those that train together, as launchers put it into the
//! environment.
//!
//! Only the two numbers are read. Ranks never talk to each other: each computes its slice of the
//! global batch from the plan.

use crate::error::{Error, Result};

/// The rank of this process and the number of ranks.
///
/// # Example: the slice of the second of two ranks
///
/// ```
/// use feedmill::{Loader, Recipe, World};
///
/// let recipe = Recipe::preset("imagenet")?.with_batch(4);
/// let world = World::new(1, 2)?;
/// let loader = Loader::builder().path("fixtures/photos").recipe(recipe).world(world).build()?;
/// let batch = loader.epoch(0)?.next().expect("a batch")?;
/// assert_eq!((batch.first_slot(), batch.len()), (2, 2));
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct World {
    rank: u32,
    ranks: u32,
}

impl Default for World {
    fn default() -> World {
        World::SINGLE
    }
}

/// The variables that launchers set: (launcher, rank, number of ranks), in the order in which they
/// are looked for. torchrun comes first: it may run under Slurm, and then the tasks of Slurm are
/// its agents and not the ranks of the training.
const LAUNCHERS: [(&str, &str, &str); 5] = [
    ("torchrun", "RANK", "WORLD_SIZE"),
    ("Slurm", "SLURM_PROCID", "SLURM_NTASKS"),
    ("Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("MPI (PMI)", "PMI_RANK", "PMI_SIZE"),
    (
        "Kubernetes indexed job",
        "JOB_COMPLETION_INDEX",
        "JOB_COMPLETIONS",
    ),
];

impl World {
    /// A single process, which has every slot.
    pub const SINGLE: World = World { rank: 0, ranks: 1 };

    /// Rank `rank` (from 0) of `ranks`.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if `rank` is not below `ranks`.
    pub fn new(rank: u32, ranks: u32) -> Result<World> {
        if rank < ranks {
            Ok(World { rank, ranks })
        } else {
            Err(Error::config(format!(
                "rank {rank} of {ranks}: a rank is below the number of ranks"
            )))
        }
    }

    /// The rank that a launcher put into the environment: torchrun, Slurm, Open MPI, PMI, or a
    /// Kubernetes indexed job, in this order. [`World::SINGLE`] if no launcher is recognized, which
    /// takes both of its variables.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if a launcher's variables contradict each other or are not numbers.
    pub fn from_env() -> Result<World> {
        World::from_vars(|name| std::env::var(name).ok())
    }

    fn from_vars(var: impl Fn(&str) -> Option<String>) -> Result<World> {
        for (launcher, rank_name, ranks_name) in LAUNCHERS {
            let (Some(rank), Some(ranks)) = (var(rank_name), var(ranks_name)) else {
                continue;
            };
            let number = |name: &str, text: &str| {
                text.trim().parse::<u32>().map_err(|_| {
                    Error::config(format!(
                        "{launcher}: {name} = \"{text}\" in the environment is not an unsigned \
                         integer"
                    ))
                })
            };
            return World::new(number(rank_name, &rank)?, number(ranks_name, &ranks)?).map_err(
                |error| error.at(format_args!("{launcher}: {rank_name} and {ranks_name}")),
            );
        }
        Ok(World::SINGLE)
    }

    /// The rank, from 0.
    pub fn rank(self) -> u32 {
        self.rank
    }

    /// The number of ranks, at least 1.
    pub fn ranks(self) -> u32 {
        self.ranks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_launcher_is_understood() {
        for (_, rank, ranks) in LAUNCHERS {
            let var = |name: &str| match name {
                n if n == rank => Some("3".to_string()),
                n if n == ranks => Some("8".to_string()),
                _ => None,
            };
            assert_eq!(World::from_vars(var).unwrap(), World::new(3, 8).unwrap());
        }
        assert_eq!(World::from_vars(|_| None).unwrap(), World::SINGLE);
    }

    #[test]
    fn contradictions_name_the_variable() {
        let var = |name: &str| match name {
            "RANK" => Some("8".to_string()),
            "WORLD_SIZE" => Some("8".to_string()),
            _ => None,
        };
        let text = World::from_vars(var).unwrap_err().to_string();
        assert!(
            text.contains("RANK") && text.contains("rank 8 of 8"),
            "{text}"
        );
        let text =
            World::from_vars(|name| (name == "RANK" || name == "WORLD_SIZE").then(|| "x".into()));
        assert!(text.unwrap_err().to_string().contains("RANK = \"x\""));
    }
}
