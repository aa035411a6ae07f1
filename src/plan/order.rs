//! The order of things in an epoch.

use super::permutation::Permutation;
use crate::error::{Error, Result};

/// The order of samples in an epoch. Every epoch has another order (but for `Sequential`).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Order {
    /// As stored.
    Sequential,
    /// A uniform permutation of the whole data set, in constant memory.
    #[default]
    Shuffle,
    /// Blocks of neighboring samples in shuffled order, then shuffled inside windows of that many
    /// blocks: reads stay near each other, for data that is far away or stored in large
    /// compressed units.
    Blocks {
        /// Samples of a block.
        block: u64,
        /// Blocks of a window.
        window: u64,
    },
}

impl Order {
    pub(super) fn check(&self) -> Result<()> {
        match *self {
            Order::Blocks { block, window } if block == 0 || window == 0 => {
                Err(Error::config(format!(
                    "order.blocks with block = {block} and window = {window}: both must be positive"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Ids of the plan's streams; parts of one epoch's order that must not share numbers.
const WHOLE: u32 = 0;
const BLOCKS: u32 = 1;
const WINDOW: u32 = 2;

/// Reads positions of one epoch; keeps the permutations that neighboring positions share.
pub(super) struct Walk {
    order: Order,
    n: u64,
    key: (u64, u32),
    /// Of the whole epoch, or of its blocks.
    outer: Permutation,
    /// The number of the window last used, and its permutation.
    window: Option<(u64, Permutation)>,
}

impl Walk {
    /// The order of `n` things.
    pub(super) fn new((seed, epoch): (u64, u32), order: Order, n: u64) -> Walk {
        let permutation = |part, n| Permutation::new(seed, epoch, 0, part, n);
        let outer = match order {
            Order::Sequential => Permutation::Identity,
            Order::Shuffle => permutation(WHOLE, n),
            Order::Blocks { block, .. } => permutation(BLOCKS, n.div_ceil(block)),
        };
        Walk {
            order,
            n,
            key: (seed, epoch),
            outer,
            window: None,
        }
    }

    /// A permutation that there is.
    pub(super) fn of(outer: Permutation) -> Walk {
        Walk {
            order: Order::Shuffle,
            n: 0,
            key: (0, 0),
            outer,
            window: None,
        }
    }

    /// The number of things.
    pub(super) fn len(&self) -> u64 {
        self.n
    }

    /// What comes at a position below the number of things.
    pub(super) fn at(&mut self, position: u64) -> u64 {
        match self.order {
            Order::Sequential | Order::Shuffle => self.outer.at(position),
            Order::Blocks { block, window } => self.in_blocks(position, block, window),
        }
    }

    /// All blocks have `block` samples but the last, which comes somewhere in the shuffled order
    /// and moves what follows it.
    fn in_blocks(&mut self, position: u64, block: u64, window: u64) -> u64 {
        let blocks = self.n.div_ceil(block);
        let missing = blocks * block - self.n;
        let short = self.outer.find(blocks - 1);
        let start_of =
            |rank: u64| (rank * block).saturating_sub(if rank > short { missing } else { 0 });
        let rank_of = |position: u64| {
            let rank = position / block;
            if rank < short || position < start_of(short + 1) {
                rank.min(short)
            } else {
                (position + missing) / block
            }
        };
        let number = rank_of(position) / window;
        let first = start_of(number * window);
        let end = start_of(((number + 1).saturating_mul(window)).min(blocks));
        if self.window.as_ref().is_none_or(|(kept, _)| *kept != number) {
            let (seed, epoch) = self.key;
            self.window = Some((
                number,
                Permutation::new(seed, epoch, number, WINDOW, end - first),
            ));
        }
        let (_, shuffled) = self.window.as_ref().expect("made above");
        let inside = shuffled.at(position - first);
        let rank = rank_of(first + inside);
        self.outer.at(rank) * block + (first + inside - start_of(rank))
    }
}
