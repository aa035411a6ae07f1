//! The samples of each group, as a compressed sparse row: one list of all members, group after
//! group, and the offset of each group in it. A list for each group would cost 24 bytes a group and
//! an allocation, where a group may be one image with its captions.

use super::metadata::Grouping;

/// Samples by group, without empty groups.
///
/// A group has an *index* among those that are not empty, and an *id*, which is its number in the
/// [`Grouping`]. Members are indices into the selection; within a group they increase.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    /// The id of each group; they increase.
    ids: Vec<u32>,
    /// The offset of the first member of each group in `members`, then the number of all members.
    starts: Vec<u64>,
    /// All members, group after group: 4 bytes a sample. `None` if each member is its own offset.
    members: Option<Vec<u32>>,
}

impl Groups {
    /// Consecutive groups: the first `sizes[0]` samples, then the next `sizes[1]`, and so on.
    pub(super) fn neighbors(sizes: impl IntoIterator<Item = u64>) -> Groups {
        let (mut ids, mut starts, mut sum) = (Vec::new(), vec![0], 0);
        for (id, size) in (0..).zip(sizes).filter(|(_, size)| *size > 0) {
            ids.push(id);
            sum += size;
            starts.push(sum);
        }
        Groups {
            ids,
            starts,
            members: None,
        }
    }

    /// The groups of samples, given the group's id of each sample of the selection. A counting
    /// sort: O(samples + largest id).
    pub(super) fn of(groups: impl Iterator<Item = u32> + Clone) -> Groups {
        let mut sizes: Vec<u64> = Vec::new();
        for group in groups.clone() {
            if sizes.len() <= group as usize {
                sizes.resize(group as usize + 1, 0);
            }
            sizes[group as usize] += 1;
        }
        // The offset at which the next member of each group goes.
        let mut next: Vec<u64> = sizes
            .iter()
            .scan(0, |sum, size| {
                *sum += size;
                Some(*sum - size)
            })
            .collect();
        let mut members =
            vec![0; next.last().map_or(0, |last| last + sizes[sizes.len() - 1]) as usize];
        for (index, group) in (0u32..).zip(groups) {
            let at = &mut next[group as usize];
            members[*at as usize] = index;
            *at += 1;
        }
        Groups {
            members: Some(members),
            ..Groups::neighbors(sizes)
        }
    }

    /// The groups of the selected samples; of all samples if `samples` is `None`.
    pub(super) fn of_selection(grouping: &Grouping, samples: Option<&[u32]>) -> Groups {
        match samples {
            Some(samples) => Groups::of(samples.iter().map(|&sample| grouping.of[sample as usize])),
            None => Groups::of(grouping.of.iter().copied()),
        }
    }

    /// The number of groups.
    pub(super) fn count(&self) -> usize {
        self.ids.len()
    }

    /// The id of the group with an index.
    pub(super) fn id(&self, group: usize) -> u32 {
        self.ids[group]
    }

    /// The number of members of a group, at least 1.
    pub(super) fn size(&self, group: usize) -> u64 {
        self.starts[group + 1] - self.starts[group]
    }

    /// The sizes of all groups.
    pub(super) fn sizes(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.count()).map(|group| self.size(group))
    }

    /// The k-th member of a group, from 0.
    pub(super) fn member(&self, group: usize, k: u64) -> u64 {
        self.nth(self.starts[group] + k)
    }

    /// The n-th member of all groups, one group after the other.
    pub(super) fn nth(&self, n: u64) -> u64 {
        self.members
            .as_ref()
            .map_or(n, |members| u64::from(members[n as usize]))
    }

    /// The index of the group that [`Groups::nth`] belongs to.
    pub(super) fn group_of_nth(&self, n: u64) -> usize {
        self.starts.partition_point(|start| *start <= n) - 1
    }

    /// The index of the group with an id; `None` if it is empty.
    pub(super) fn find(&self, id: u32) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }

    /// The groups for which `keep` is true, with their ids.
    pub(super) fn filtered(&self, keep: impl Fn(usize) -> bool) -> Groups {
        let kept = (0..self.count()).filter(|&group| keep(group));
        let mut groups = Groups {
            ids: Vec::new(),
            starts: vec![0],
            members: Some(Vec::new()),
        };
        for group in kept {
            groups.ids.push(self.ids[group]);
            let members = groups.members.get_or_insert_default();
            members.extend((0..self.size(group)).map(|k| self.member(group, k) as u32));
            groups.starts.push(members.len() as u64);
        }
        groups
    }
}
