//! Energy minimization on a grid of cells with few labels, by graph cuts.
//!
//! PuzzleMix asks for the cheapest labelling of a grid, where each cell has a cost for each label
//! and neighbors pay for differing. With two labels this is a minimum cut, which equals a maximum
//! flow and is found exactly. With more labels, alpha-beta swaps (Boykov, Veksler and Zabih, "Fast
//! approximate energy minimization via graph cuts", 2001) find a local minimum: each step takes two
//! labels and solves the cut between them for all cells that have one of the two, until no pair of
//! labels improves the cost.
//!
//! The result has to equal that of the GCO library, which the code of PuzzleMix's authors calls,
//! ties included. So the order of pairs is GCO's, and a cell that could be on either side of a cut
//! goes to the side of the source, as in GCO ([`FlowNetwork::reaching`]). Which algorithm finds the
//! flow does not matter, because all maximum flows have the same set of nodes that reach the sink.
//! Dinic's is short, and grids have at most 32 x 32 cells.

use std::collections::VecDeque;

use crate::geometry::Size;

/// The cost function of labellings of a grid: a cost for each label in each cell, plus
/// `weight * (a - b)^2` for neighbors with the labels a and b.
#[derive(Clone, Debug)]
pub(crate) struct Potential {
    rows: usize,
    columns: usize,
    labels: usize,
    /// The cost of each label of each cell, cell by cell.
    unary: Vec<i64>,
    /// The weight between each cell and the one below it.
    down: Vec<i64>,
    /// The weight between each cell and the one to its right.
    across: Vec<i64>,
}

impl Potential {
    /// A cost function over a grid of cells, which are numbered in row-major order.
    ///
    /// `unary` holds the cost of each label of each cell, `down` the weight between each cell and
    /// the one below it, `across` the weight between each cell and the one to its right. Weights
    /// are 0 or more; a negative one could not be minimized by a cut.
    ///
    /// # Panics
    ///
    /// If the number of costs or weights does not fit the grid.
    pub(crate) fn new(
        grid: Size,
        labels: usize,
        unary: Vec<i64>,
        down: Vec<i64>,
        across: Vec<i64>,
    ) -> Potential {
        let (rows, columns) = (grid.height as usize, grid.width as usize);
        assert_eq!(
            unary.len(),
            rows * columns * labels,
            "a cost for each label of each cell"
        );
        assert_eq!(
            down.len(),
            rows.saturating_sub(1) * columns,
            "a weight between rows"
        );
        assert_eq!(
            across.len(),
            rows * columns.saturating_sub(1),
            "a weight between columns"
        );
        Potential {
            rows,
            columns,
            labels,
            unary,
            down,
            across,
        }
    }

    /// Each pair of neighbors once, with the weight between them.
    fn edges(&self) -> impl Iterator<Item = (usize, usize, i64)> {
        let (rows, columns) = (self.rows, self.columns);
        let down = self
            .down
            .iter()
            .enumerate()
            .map(move |(at, weight)| (at, at + columns, *weight));
        let across = self.across.iter().enumerate().map(move |(at, weight)| {
            let cell = at / (columns - 1) * columns + at % (columns - 1);
            (cell, cell + 1, *weight)
        });
        debug_assert_eq!(
            self.down.len() + self.across.len(),
            (rows - 1) * columns + rows * (columns - 1)
        );
        down.chain(across)
    }

    /// The cost of a labelling, which has one label for each cell.
    pub(crate) fn cost(&self, labels: &[u8]) -> i64 {
        let own = labels
            .iter()
            .enumerate()
            .map(|(cell, label)| self.unary[cell * self.labels + usize::from(*label)]);
        let between = self
            .edges()
            .map(|(a, b, weight)| weight * squared(labels[a], labels[b]));
        own.sum::<i64>() + between.sum::<i64>()
    }

    /// A labelling that no swap of two labels makes cheaper. With two labels it is the cheapest of
    /// all.
    pub(crate) fn minimize(&self) -> Vec<u8> {
        let mut labels = vec![0u8; self.rows * self.columns];
        let mut cost = self.cost(&labels);
        loop {
            let before = cost;
            for low in 0..self.labels as u8 {
                // GCO tries the pairs in this order.
                for high in (low + 1..self.labels as u8).rev() {
                    let swapped = self.swap(&labels, low, high);
                    let next = self.cost(&swapped);
                    if next < cost {
                        (labels, cost) = (swapped, next);
                    }
                }
            }
            if cost == before {
                return labels;
            }
        }
    }

    /// The cheapest labelling in which the cells with label `low` or `high` may choose again
    /// between the two and all others keep theirs.
    fn swap(&self, labels: &[u8], low: u8, high: u8) -> Vec<u8> {
        let cells: Vec<usize> = (0..labels.len())
            .filter(|cell| labels[*cell] == low || labels[*cell] == high)
            .collect();
        // The node of each cell in the network; `usize::MAX` for cells that keep their label.
        let mut node = vec![usize::MAX; labels.len()];
        cells
            .iter()
            .enumerate()
            .for_each(|(number, cell)| node[*cell] = number);
        // A cell on the side of the source gets `low`, one on the side of the sink gets `high`.
        let (source, sink) = (cells.len(), cells.len() + 1);
        let cost = |cell: usize, label: u8| self.unary[cell * self.labels + usize::from(label)];
        let mut costs: Vec<[i64; 2]> = cells
            .iter()
            .map(|cell| [cost(*cell, low), cost(*cell, high)])
            .collect();
        let mut flow = FlowNetwork::new(cells.len() + 2);
        for (a, b, weight) in self.edges() {
            match (node[a], node[b]) {
                (usize::MAX, usize::MAX) => {}
                // A neighbor with a fixed label only adds to the costs of the free cell.
                (usize::MAX, inside) | (inside, usize::MAX) => {
                    let fixed = labels[if node[a] == usize::MAX { a } else { b }];
                    costs[inside][0] += weight * squared(low, fixed);
                    costs[inside][1] += weight * squared(high, fixed);
                }
                (a, b) => {
                    let weight = weight * squared(low, high);
                    flow.connect(a, b, weight, weight);
                }
            }
        }
        for (number, [of_low, of_high]) in costs.into_iter().enumerate() {
            // Cutting the arc from the source gives the cell the label `high`, so that arc carries
            // the cost of `high`. Only the difference of the two costs matters.
            let least = of_low.min(of_high);
            flow.connect(source, number, of_high - least, 0);
            flow.connect(number, sink, of_low - least, 0);
        }
        flow.run(source, sink);
        // Cells that are on neither side for sure get `low`.
        let high_side = flow.reaching(sink);
        let mut swapped = labels.to_vec();
        for (number, cell) in cells.iter().enumerate() {
            swapped[*cell] = if high_side[number] { high } else { low };
        }
        swapped
    }
}

/// The squared difference of two labels.
fn squared(a: u8, b: u8) -> i64 {
    let difference = i64::from(a) - i64::from(b);
    difference * difference
}

/// A network with capacities, and its maximum flow by Dinic's algorithm (1970): breadth-first
/// levels, then augmenting paths along growing levels, until the sink cannot be reached.
struct FlowNetwork {
    /// The arcs that leave each node.
    outgoing: Vec<Vec<u32>>,
    /// The end node and the remaining capacity of each arc. Arc `i ^ 1` is the reverse of arc `i`.
    arcs: Vec<(usize, i64)>,
}

impl FlowNetwork {
    fn new(nodes: usize) -> FlowNetwork {
        FlowNetwork {
            outgoing: vec![Vec::new(); nodes],
            arcs: Vec::new(),
        }
    }

    /// Adds an arc and its reverse with their capacities.
    fn connect(&mut self, from: usize, to: usize, forward: i64, backward: i64) {
        for (from, to, capacity) in [(from, to, forward), (to, from, backward)] {
            self.outgoing[from].push(self.arcs.len() as u32);
            self.arcs.push((to, capacity));
        }
    }

    /// Sends the maximum flow from `source` to `sink`; `arcs` holds the remaining capacities then.
    fn run(&mut self, source: usize, sink: usize) {
        loop {
            let levels = self.levels(source);
            if levels[sink] == usize::MAX {
                return;
            }
            // The first arc of each node that may still lead on: each dead end is looked at once.
            let mut next = vec![0; self.outgoing.len()];
            while self.push(source, sink, i64::MAX, &levels, &mut next) > 0 {}
        }
    }

    /// The distance of each node from `source` over arcs with capacity; `usize::MAX` for nodes that
    /// cannot be reached.
    fn levels(&self, source: usize) -> Vec<usize> {
        let mut levels = vec![usize::MAX; self.outgoing.len()];
        levels[source] = 0;
        let mut queue = VecDeque::from([source]);
        while let Some(node) = queue.pop_front() {
            for arc in &self.outgoing[node] {
                let (to, capacity) = self.arcs[*arc as usize];
                if capacity > 0 && levels[to] == usize::MAX {
                    levels[to] = levels[node] + 1;
                    queue.push_back(to);
                }
            }
        }
        levels
    }

    /// Sends at most `most` from `node` to `sink` along one path of growing levels, and returns how
    /// much was sent. The depth of the recursion is at most the number of nodes.
    fn push(
        &mut self,
        node: usize,
        sink: usize,
        most: i64,
        levels: &[usize],
        next: &mut [usize],
    ) -> i64 {
        if node == sink {
            return most;
        }
        while next[node] < self.outgoing[node].len() {
            let arc = self.outgoing[node][next[node]] as usize;
            let (to, capacity) = self.arcs[arc];
            if capacity > 0 && levels[to] == levels[node] + 1 {
                let sent = self.push(to, sink, most.min(capacity), levels, next);
                if sent > 0 {
                    self.arcs[arc].1 -= sent;
                    self.arcs[arc ^ 1].1 += sent;
                    return sent;
                }
            }
            next[node] += 1;
        }
        0
    }

    /// True for each node from which more could still flow to `sink`: the sink's side of the
    /// minimum cut, in its smallest form.
    fn reaching(&self, sink: usize) -> Vec<bool> {
        let mut reaching = vec![false; self.outgoing.len()];
        reaching[sink] = true;
        let mut queue = VecDeque::from([sink]);
        while let Some(node) = queue.pop_front() {
            for arc in &self.outgoing[node] {
                let from = self.arcs[*arc as usize].0;
                if self.arcs[*arc as usize ^ 1].1 > 0 && !reaching[from] {
                    reaching[from] = true;
                    queue.push_back(from);
                }
            }
        }
        reaching
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::{Coord, OpKey, RandomStream};

    fn random(rng: &mut RandomStream, grid: Size, labels: usize) -> Potential {
        let (rows, columns) = (grid.height as usize, grid.width as usize);
        let mut numbers =
            |count: usize, most: u64| (0..count).map(|_| rng.below(most) as i64).collect();
        let unary = numbers(rows * columns * labels, 60);
        let (down, across) = (
            numbers((rows - 1) * columns, 30),
            numbers(rows * (columns - 1), 30),
        );
        Potential::new(grid, labels, unary, down, across)
    }

    #[test]
    fn two_labels_are_as_cheap_as_the_cheapest_of_all() {
        let at = Coord {
            epoch: 0,
            sample: 0,
            occurrence: 0,
            view: 0,
            op: OpKey::of("cut"),
        };
        let mut rng = RandomStream::keyed(1, at);
        for (width, height) in [(2, 2), (3, 3), (4, 3), (5, 1)] {
            let grid = Size::new(width, height);
            for _ in 0..20 {
                let potential = random(&mut rng, grid, 2);
                let cells = grid.area() as usize;
                let all = (0u32..1 << cells).map(|bits| {
                    (0..cells)
                        .map(|cell| (bits >> cell & 1) as u8)
                        .collect::<Vec<_>>()
                });
                let least = all.map(|labels| potential.cost(&labels)).min().unwrap();
                assert_eq!(potential.cost(&potential.minimize()), least);
            }
        }
    }

    #[test]
    fn three_labels_cannot_be_made_cheaper_by_changing_one_cell() {
        let at = Coord {
            epoch: 0,
            sample: 1,
            occurrence: 0,
            view: 0,
            op: OpKey::of("cut"),
        };
        let mut rng = RandomStream::keyed(1, at);
        for _ in 0..20 {
            let potential = random(&mut rng, Size::square(4), 3);
            let found = potential.minimize();
            let cost = potential.cost(&found);
            for (cell, label) in (0..16).flat_map(|cell| (0..3).map(move |label| (cell, label))) {
                let mut other = found.clone();
                other[cell] = label;
                assert!(potential.cost(&other) >= cost);
            }
        }
    }
}
