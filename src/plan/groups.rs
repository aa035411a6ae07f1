//! Groups of samples, each a list.

use super::metadata::Grouping;

/// Groups without empty ones. Members are places in the list of chosen samples.
#[derive(Clone, Debug)]
pub(super) struct Groups {
    /// The number of each group.
    ids: Vec<u32>,
    /// The first member of each group, then the number of all.
    starts: Vec<u64>,
    /// 4 bytes a sample; `None` if they are in the order of their groups anyway.
    members: Option<Vec<u32>>,
}

impl Groups {
    /// Neighbors, so many in each group.
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

    /// The groups that places belong to, given the group of each: a counting sort.
    pub(super) fn of(groups: impl Iterator<Item = u32> + Clone) -> Groups {
        let mut sizes: Vec<u64> = Vec::new();
        for group in groups.clone() {
            if sizes.len() <= group as usize {
                sizes.resize(group as usize + 1, 0);
            }
            sizes[group as usize] += 1;
        }
        let mut next: Vec<u64> = sizes
            .iter()
            .scan(0, |sum, size| {
                *sum += size;
                Some(*sum - size)
            })
            .collect();
        let mut members =
            vec![0; next.last().map_or(0, |last| last + sizes[sizes.len() - 1]) as usize];
        for (place, group) in (0u32..).zip(groups) {
            let at = &mut next[group as usize];
            members[*at as usize] = place;
            *at += 1;
        }
        Groups {
            members: Some(members),
            ..Groups::neighbors(sizes)
        }
    }

    /// The groups of a grouping that the chosen samples belong to.
    pub(super) fn of_selection(grouping: &Grouping, samples: Option<&[u32]>) -> Groups {
        match samples {
            Some(samples) => Groups::of(samples.iter().map(|&sample| grouping.of[sample as usize])),
            None => Groups::of(grouping.of.iter().copied()),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn id(&self, group: usize) -> u32 {
        self.ids[group]
    }

    pub(super) fn size(&self, group: usize) -> u64 {
        self.starts[group + 1] - self.starts[group]
    }

    pub(super) fn sizes(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.count()).map(|group| self.size(group))
    }

    /// The k-th member of a group.
    pub(super) fn member(&self, group: usize, k: u64) -> u64 {
        self.nth(self.starts[group] + k)
    }

    /// The members of all groups, one group after the other.
    pub(super) fn nth(&self, n: u64) -> u64 {
        self.members
            .as_ref()
            .map_or(n, |members| u64::from(members[n as usize]))
    }

    /// The group of [`Groups::nth`].
    pub(super) fn group_of_nth(&self, n: u64) -> usize {
        self.starts.partition_point(|start| *start <= n) - 1
    }

    /// The group with a number.
    pub(super) fn find(&self, id: u32) -> Option<usize> {
        self.ids.binary_search(&id).ok()
    }

    /// Only groups for which `keep` is true.
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
