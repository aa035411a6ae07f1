//! Several sources as one, numbered through in order.

use std::sync::Arc;

use bytes::Bytes;

use super::{Access, Source};
use crate::error::Result;
use crate::geometry::Size;
use crate::sample::{Annotations, Fingerprint, Sample, Target};

/// Several sources whose samples are numbered through: those of the first source, then those of the
/// second, and so on.
pub(crate) struct JoinedSources {
    /// Each source with the number of its first sample.
    sources: Vec<(u64, Arc<dyn Source>)>,
    len: u64,
}

impl JoinedSources {
    /// Joins sources, of which there must be at least one.
    pub(crate) fn new(sources: Vec<Arc<dyn Source>>) -> JoinedSources {
        let mut len = 0;
        let sources = sources
            .into_iter()
            .map(|source| {
                let base = len;
                len += source.len();
                (base, source)
            })
            .collect();
        JoinedSources { sources, len }
    }

    /// Returns the source that holds a sample, and the number of the sample in it.
    fn locate(&self, id: u64) -> (u64, &dyn Source) {
        let (base, source) = self
            .sources
            .iter()
            .rev()
            .find(|(base, _)| *base <= id)
            .expect("the first base is 0");
        (id - base, &**source)
    }
}

// Every method is passed on: one that is missing here would fall back to its default in silence.
#[deny(clippy::missing_trait_methods)]
impl Source for JoinedSources {
    fn len(&self) -> u64 {
        self.len
    }

    fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn fingerprint(&self) -> Fingerprint {
        let each: Vec<[u8; 16]> = self
            .sources
            .iter()
            .map(|(_, source)| source.fingerprint().0.to_le_bytes())
            .collect();
        Fingerprint::of(each.iter().map(|bytes| &bytes[..]))
    }

    fn name(&self, id: u64) -> String {
        let (id, source) = self.locate(id);
        source.name(id)
    }

    fn size(&self, id: u64) -> u64 {
        let (id, source) = self.locate(id);
        source.size(id)
    }

    fn read(&self, id: u64, buf: Vec<u8>) -> Result<Sample> {
        let (id, source) = self.locate(id);
        source.read(id, buf)
    }

    fn read_ahead(&self, id: u64) {
        let (id, source) = self.locate(id);
        source.read_ahead(id);
    }

    fn annotations(&self, id: u64) -> Result<Option<Annotations>> {
        let (id, source) = self.locate(id);
        source.annotations(id)
    }

    fn jpeg_index(&self, id: u64) -> Result<Option<Bytes>> {
        let (id, source) = self.locate(id);
        source.jpeg_index(id)
    }

    fn labels(&self, each: &mut dyn FnMut(u64, Target) -> Result<()>) -> Result<()> {
        self.sources
            .iter()
            .try_for_each(|(base, source)| source.labels(&mut |id, target| each(base + id, target)))
    }

    fn column(&self, name: &str, each: &mut dyn FnMut(u64, &str) -> Result<()>) -> Result<bool> {
        for (base, source) in &self.sources {
            if !source.column(name, &mut |id, text| each(base + id, text))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn access(&self) -> Access {
        let blocks = self
            .sources
            .iter()
            .any(|(_, source)| source.access() == Access::Blocking);
        if blocks {
            Access::Blocking
        } else {
            Access::Immediate
        }
    }

    fn classes(&self) -> Option<&[String]> {
        // Class numbers mean the same in all sources only if their names are the same.
        let first = self.sources.first()?.1.classes();
        first.filter(|_| {
            self.sources
                .iter()
                .all(|(_, source)| source.classes() == first)
        })
    }

    fn class_count(&self) -> Option<u32> {
        let each = self.sources.iter().map(|(_, source)| source.class_count());
        each.collect::<Option<Vec<u32>>>()?.into_iter().max()
    }

    fn image_size(&self, id: u64) -> Option<Size> {
        let (id, source) = self.locate(id);
        source.image_size(id)
    }

    fn uniform_size(&self) -> Option<Size> {
        let first = self.sources.first()?.1.uniform_size();
        first.filter(|_| {
            self.sources
                .iter()
                .all(|(_, source)| source.uniform_size() == first)
        })
    }
}
