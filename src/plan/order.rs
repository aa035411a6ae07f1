//! The order of samples in an epoch: as stored, shuffled, or shuffled in blocks.
//!
//! A block order is a shuffle in two levels that needs no buffer: a keyed permutation of all
//! blocks, cut into windows of consecutive blocks, and in each window a keyed permutation of its
//! samples. The usual alternative, a shuffle buffer over a sequential read, makes the position of a
//! sample depend on everything read before it, and so has no random access.

use super::permutation::Permutation;
use crate::error::{Error, Result};

/// The order of samples in an epoch. Every epoch has another order, except with `Sequential`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Order {
    /// The order in which samples are stored.
    Sequential,
    /// A random permutation of the whole data set, in constant memory.
    #[default]
    Shuffle,
    /// Blocks of neighboring samples in shuffled order; then the samples are shuffled inside
    /// windows of several blocks. Reads stay near each other, which helps with data that is far
    /// away or stored in large compressed units.
    Blocks {
        /// The number of samples of a block, at least 1. The last block may be shorter.
        block: u64,
        /// The number of blocks of a window, at least 1.
        window: u64,
    },
}

impl Order {
    /// Refuses blocks and windows of 0.
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

/// The random substreams of one epoch's order, which must not share numbers.
const WHOLE: u32 = 0;
const BLOCKS: u32 = 1;
const WINDOW: u32 = 2;

/// Answers which item is at a position of one epoch's order, and caches the permutations that
/// neighboring positions share.
pub(super) struct OrderReader {
    order: Order,
    /// The number of items.
    n: u64,
    /// Seed and epoch.
    key: (u64, u32),
    /// The permutation of all items, or of all blocks.
    outer: Permutation,
    /// The number of the window that was used last, and the permutation of its items.
    window: Option<(u64, Permutation)>,
}

impl OrderReader {
    /// The order of `n` items. `key` is (seed, epoch).
    pub(super) fn new((seed, epoch): (u64, u32), order: Order, n: u64) -> OrderReader {
        let permutation = |substream, n| Permutation::new(seed, epoch, 0, substream, n);
        let outer = match order {
            Order::Sequential => Permutation::Identity,
            Order::Shuffle => permutation(WHOLE, n),
            Order::Blocks { block, .. } => permutation(BLOCKS, n.div_ceil(block)),
        };
        OrderReader {
            order,
            n,
            key: (seed, epoch),
            outer,
            window: None,
        }
    }

    /// The order that a given permutation makes. [`OrderReader::len`] is not known and 0.
    pub(super) fn from_permutation(outer: Permutation) -> OrderReader {
        OrderReader {
            order: Order::Shuffle,
            n: 0,
            key: (0, 0),
            outer,
            window: None,
        }
    }

    /// The number of items.
    pub(super) fn len(&self) -> u64 {
        self.n
    }

    /// The item at a position, which is below the number of items.
    pub(super) fn at(&mut self, position: u64) -> u64 {
        match self.order {
            Order::Sequential | Order::Shuffle => self.outer.at(position),
            Order::Blocks { block, window } => self.in_blocks(position, block, window),
        }
    }

    /// [`OrderReader::at`] for an order of blocks.
    ///
    /// All blocks have `block` items except the last one, which may be shorter. The shuffle puts it
    /// at any rank, and all blocks of higher ranks begin that much earlier.
    fn in_blocks(&mut self, position: u64, block: u64, window: u64) -> u64 {
        let blocks = self.n.div_ceil(block);
        let missing = blocks * block - self.n;
        // The rank of the short block in the shuffled order of blocks.
        let short = self.outer.position_of(blocks - 1);
        // The position at which the block of a rank begins, and the rank of the block that a
        // position is in: inverses of each other.
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
        // The window of the position has the positions first..end.
        let number = rank_of(position) / window;
        let first = start_of(number * window);
        let end = start_of(((number + 1).saturating_mul(window)).min(blocks));
        if self
            .window
            .as_ref()
            .is_none_or(|(known, _)| *known != number)
        {
            let (seed, epoch) = self.key;
            self.window = Some((
                number,
                Permutation::new(seed, epoch, number, WINDOW, end - first),
            ));
        }
        let (_, shuffled) = self.window.as_ref().expect("made above");
        // The item comes from another position of the same window, and so from one of its blocks.
        let inside = shuffled.at(position - first);
        let rank = rank_of(first + inside);
        self.outer.at(rank) * block + (first + inside - start_of(rank))
    }
}
