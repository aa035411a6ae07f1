//! The class of every sample, read once and shared by the loaders of one opened source.

use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};
use crate::sample::Target;
use crate::source::Source;

/// The classes of a source, read when they are first needed.
#[derive(Default)]
pub(super) struct ClassList(OnceLock<Result<ClassesRead>>);

/// What reading the classes came to.
#[derive(Clone)]
enum ClassesRead {
    /// The class of each sample: 4 bytes a sample.
    OfEach(Arc<[u32]>),
    /// A sample does not have one class: the error that says so.
    NotOfEach(Error),
}

impl ClassList {
    /// The class of each sample.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names a sample which has no class or several; the errors of
    /// reading.
    pub(super) fn get(&self, source: &dyn Source) -> Result<Arc<[u32]>> {
        match self.read(source)? {
            ClassesRead::OfEach(classes) => Ok(classes),
            ClassesRead::NotOfEach(error) => Err(error),
        }
    }

    /// The class of each sample; `None` if some sample does not have exactly one.
    ///
    /// # Errors
    ///
    /// The errors of reading.
    pub(super) fn if_any(&self, source: &dyn Source) -> Result<Option<Arc<[u32]>>> {
        Ok(match self.read(source)? {
            ClassesRead::OfEach(classes) => Some(classes),
            ClassesRead::NotOfEach(_) => None,
        })
    }

    fn read(&self, source: &dyn Source) -> Result<ClassesRead> {
        self.0.get_or_init(|| read(source)).clone()
    }
}

fn read(source: &dyn Source) -> Result<ClassesRead> {
    let (mut classes, mut other) = (Vec::new(), None);
    let all = source.labels(&mut |sample, target| {
        let wrong = match target {
            Target::Class(class) => {
                classes.push(class);
                return Ok(());
            }
            Target::None => "has no class",
            _ => "has several classes",
        };
        let name = source.name(sample);
        let text = format!(
            "sample {sample} ({name}) {wrong}: what goes by class needs one of each sample"
        );
        let error = Error::config(text).with_sample(sample);
        other = Some(error.clone());
        Err(error)
    });
    match (other, all) {
        (Some(error), _) => Ok(ClassesRead::NotOfEach(error)),
        (None, Err(error)) => Err(error),
        (None, Ok(())) => Ok(ClassesRead::OfEach(classes.into())),
    }
}
