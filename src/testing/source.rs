//! The promises of a source.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::decode::{self, Limits};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::sample::{Annotations, Fingerprint, Sample, Target};
use crate::source::Source;

/// The threads that read at the same time.
const THREADS: u64 = 4;

/// Checks that a source keeps the promises of [`Source`], for a test of a custom one.
///
/// The source should be small: every sample is read several times. All of its samples have to be
/// readable. These are the promises:
///
/// * The number of samples, the fingerprint, names, sizes and class names do not change.
/// * Two reads of a sample return the same bytes, codec and target, whatever is in the buffer, and
///   on several threads at once.
/// * Reading a sample that does not exist is an error, and no method panics for its number.
/// * [`Source::labels`] calls `each` once for every sample, in order, with the target of
///   [`Source::read`], and passes its error on.
/// * A column that does not exist is `false`, without a call of `each`.
/// * Class names, if there are any, cover all targets.
/// * [`Source::image_size`] and [`Source::uniform_size`] agree with the images.
/// * Annotations are valid, and two reads return the same.
///
/// [`column_contract`] checks a column by name.
///
/// # Panics
///
/// At the first broken promise, with a message that says which sample broke it and how.
///
/// # Example: a test of a source
///
/// ```
/// use feedmill::geometry::Size;
/// use feedmill::sample::{Codec, Fingerprint, Sample, Target};
/// use feedmill::source::Source;
/// use feedmill::{Error, Result};
///
/// /// Squares of one color.
/// struct Squares;
///
/// impl Source for Squares {
///     fn len(&self) -> u64 {
///         256
///     }
///     fn fingerprint(&self) -> Fingerprint {
///         Fingerprint::of([&b"squares 1"[..]])
///     }
///     fn name(&self, id: u64) -> String {
///         format!("square {id}")
///     }
///     fn size(&self, _id: u64) -> u64 {
///         4 * 4 * 3
///     }
///     fn read(&self, id: u64, mut buf: Vec<u8>) -> Result<Sample> {
///         let level = u8::try_from(id).map_err(|_| Error::config(format!("no square {id}")))?;
///         buf.clear();
///         buf.resize(4 * 4 * 3, level);
///         Ok(Sample::new(buf, Codec::raw(Size::square(4), 3), Target::Class(u32::from(level))))
///     }
/// }
///
/// feedmill::testing::source_contract(&Squares);
/// ```
pub fn source_contract(source: &dyn Source) {
    let len = source.len();
    assert_eq!(
        source.is_empty(),
        len == 0,
        "is_empty() contradicts len() = {len}"
    );
    let fingerprint = source.fingerprint();
    let access = source.access();
    let known: Vec<Known> = (0..len).map(|id| check_sample(source, id)).collect();
    check_missing(source);
    check_labels(source, &known);
    check_absent_column(source);
    check_classes(source, &known);
    check_threads(source, &known);
    assert_eq!(source.len(), len, "len() changed while samples were read");
    assert_eq!(
        source.fingerprint(),
        fingerprint,
        "fingerprint() changed while samples were read"
    );
    assert_eq!(
        source.access(),
        access,
        "access() changed while samples were read"
    );
}

/// Checks that a source has a column, and that [`Source::column`] calls `each` once for every
/// sample, in order, with the same values each time, and passes its error on.
///
/// # Panics
///
/// At the first broken promise, with a message.
///
/// # Example: a column for samplers
///
/// ```no_run
/// # fn open() -> feedmill::Result<Box<dyn feedmill::source::Source>> { unimplemented!() }
/// let source = open()?;
/// feedmill::testing::column_contract(&*source, "author");
/// # Ok::<(), feedmill::Error>(())
/// ```
pub fn column_contract(source: &dyn Source, name: &str) {
    let read = || {
        in_order(source, "column", |each| {
            let found = source.column(name, &mut |id, text| each(id, text.to_owned()))?;
            assert!(found, "the source has no column \"{name}\"");
            Ok(())
        })
    };
    assert_eq!(
        read(),
        read(),
        "two reads of the column \"{name}\" return different values"
    );
    passes_errors_on("column", source.len(), |each| {
        source.column(name, &mut |id, _| each(id)).map(|_| ())
    });
}

/// What is known of a sample after its first reads.
struct Known {
    sum: Fingerprint,
    target: Target,
}

impl Known {
    fn of(sample: &Sample) -> Known {
        let codec = format!("{:?}", sample.codec);
        Known {
            sum: Fingerprint::of([&sample.bytes[..], codec.as_bytes()]),
            target: sample.target.clone(),
        }
    }

    /// Checks that a later read returned the same.
    fn check(&self, again: &Sample, place: &str) {
        let again = Known::of(again);
        assert_eq!(
            again.sum, self.sum,
            "{place}: two reads return different bytes"
        );
        assert_eq!(
            again.target, self.target,
            "{place}: two reads return different targets"
        );
    }
}

/// A sample in messages.
fn place(source: &dyn Source, id: u64) -> String {
    format!("sample {id} ({})", source.name(id))
}

/// Reads a sample that has to be readable.
fn read(source: &dyn Source, id: u64, buf: Vec<u8>) -> Sample {
    source
        .read(id, buf)
        .unwrap_or_else(|error| panic!("{} cannot be read: {error}", place(source, id)))
}

/// Checks all that is said about one sample.
fn check_sample(source: &dyn Source, id: u64) -> Known {
    let place = place(source, id);
    assert_eq!(
        source.name(id),
        source.name(id),
        "sample {id}: two calls of name() return different names"
    );
    assert_eq!(
        source.size(id),
        source.size(id),
        "{place}: two calls of size() return different sizes"
    );
    let sample = read(source, id, Vec::new());
    assert!(
        source.size(id) > 0 || sample.bytes.is_empty(),
        "{place}: size() is 0, which lets any number of samples into memory"
    );
    let known = Known::of(&sample);
    // A buffer with content must not show in the sample.
    known.check(
        &read(source, id, vec![0xa5; sample.bytes.len() + 7]),
        &place,
    );
    known.check(&read(source, id, vec![0xa5; 3]), &place);
    check_size(source, id, &sample, &place);
    check_annotations(source, id, &place);
    let index = || match source.jpeg_index(id) {
        Ok(index) => index,
        Err(error) => panic!("{place}: the entropy index cannot be read: {error}"),
    };
    assert_eq!(
        index(),
        index(),
        "{place}: two reads return different entropy indexes"
    );
    known
}

/// Checks the size of an image against its header, where it has one that can be read.
fn check_size(source: &dyn Source, id: u64, sample: &Sample, place: &str) {
    let Ok(probe) = decode::probe(&sample.bytes, sample.codec, &Limits::default()) else {
        return;
    };
    let check = |name: &str, said: Option<Size>| {
        if let Some(said) = said {
            let found = probe.size();
            assert_eq!(
                said, found,
                "{place}: {name} says {said} pixels, the image has {found}"
            );
        }
    };
    check("image_size()", source.image_size(id));
    check("uniform_size()", source.uniform_size());
}

fn check_annotations(source: &dyn Source, id: u64, place: &str) {
    let read = || -> Option<Annotations> {
        let annotations = source
            .annotations(id)
            .unwrap_or_else(|error| panic!("{place}: annotations cannot be read: {error}"));
        if let Some(Err(error)) = annotations.as_ref().map(Annotations::check) {
            panic!("{place}: {error}");
        }
        annotations
    };
    assert!(
        read() == read(),
        "{place}: two reads return different annotations"
    );
}

/// Checks the numbers behind the last sample.
fn check_missing(source: &dyn Source) {
    let len = source.len();
    for id in [len, len.saturating_add(1), u64::MAX] {
        if id < len {
            continue;
        }
        let of = format!("for sample {id} of {len}, which does not exist");
        let read = without_panic("read()", &of, || source.read(id, Vec::new()));
        assert!(read.is_err(), "read() is not an error {of}");
        // What these return is of no use to anyone, but messages of errors call some of them.
        without_panic("name()", &of, || source.name(id));
        without_panic("size()", &of, || source.size(id));
        without_panic("image_size()", &of, || source.image_size(id));
        let _ = without_panic("annotations()", &of, || source.annotations(id));
        let _ = without_panic("jpeg_index()", &of, || source.jpeg_index(id));
    }
}

fn without_panic<T>(method: &str, of: &str, run: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| panic!("{method} panics {of}"))
}

/// The values that a method passes to `each`, after a check that there is one for every sample, in
/// order.
fn in_order<T>(
    source: &dyn Source,
    method: &str,
    read: impl FnOnce(&mut dyn FnMut(u64, T) -> Result<()>) -> Result<()>,
) -> Vec<T> {
    let mut values = Vec::new();
    let mut each = |id: u64, value| {
        assert_eq!(
            id,
            values.len() as u64,
            "{method}() calls each() for sample {id} where sample {} comes next",
            values.len()
        );
        values.push(value);
        Ok(())
    };
    if let Err(error) = read(&mut each) {
        panic!("{method}() fails: {error}");
    }
    assert_eq!(
        values.len() as u64,
        source.len(),
        "{method}() calls each() for {} of {} samples",
        values.len(),
        source.len()
    );
    values
}

/// Checks that a method returns the error of `each` and does not call it again.
fn passes_errors_on(
    method: &str,
    len: u64,
    run: impl Fn(&mut dyn FnMut(u64) -> Result<()>) -> Result<()>,
) {
    const WORDS: &str = "an error of the contract test";
    if len == 0 {
        return;
    }
    let mut failed = false;
    let mut each = |id: u64| {
        assert!(!failed, "{method}() calls each() again after its error");
        failed = id == len / 2;
        if failed {
            Err(Error::config(WORDS))
        } else {
            Ok(())
        }
    };
    let passed_on = run(&mut each)
        .err()
        .is_some_and(|error| error.to_string().contains(WORDS));
    assert!(passed_on, "{method}() does not return the error of each()");
}

fn check_labels(source: &dyn Source, known: &[Known]) {
    let labels = in_order(source, "labels", |each| source.labels(each));
    for (id, (label, known)) in (0..).zip(labels.iter().zip(known)) {
        assert_eq!(
            *label,
            known.target,
            "{}: labels() and read() return different targets",
            place(source, id)
        );
    }
    passes_errors_on("labels", source.len(), |each| {
        source.labels(&mut |id, _| each(id))
    });
}

fn check_absent_column(source: &dyn Source) {
    let name = "no column has this name";
    let mut calls = 0u64;
    let mut each = |_: u64, _: &str| {
        calls += 1;
        Ok(())
    };
    match source.column(name, &mut each) {
        Ok(false) => assert_eq!(
            calls, 0,
            "column() calls each() for a column that does not exist"
        ),
        Ok(true) => panic!("column() is true for a column that does not exist"),
        Err(error) => panic!("column() fails for a column that does not exist: {error}"),
    }
}

fn check_classes(source: &dyn Source, known: &[Known]) {
    let Some(names) = source.classes() else {
        return;
    };
    assert_eq!(
        source.classes(),
        Some(names),
        "two calls of classes() return different names"
    );
    for (id, Known { target, .. }) in (0..).zip(known) {
        let most = match target {
            Target::None => None,
            Target::Class(class) => Some(*class as usize),
            Target::Multi(classes) => classes.iter().max().map(|class| *class as usize),
            Target::Soft(weights) => weights.len().checked_sub(1),
        };
        assert!(
            most.is_none_or(|most| most < names.len()),
            "{}: the target is {target:?}, but classes() has {} names",
            place(source, id),
            names.len()
        );
    }
}

/// Reads all samples on several threads at once, each in an order of its own.
fn check_threads(source: &dyn Source, known: &[Known]) {
    let len = known.len() as u64;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| {
                scope.spawn(move || {
                    for step in 0..len {
                        // Every thread begins elsewhere, and every second one goes backwards.
                        let step = if thread % 2 == 0 {
                            step
                        } else {
                            len - 1 - step
                        };
                        let id = (step + thread * len / THREADS) % len;
                        let place = || format!("{} on several threads", place(source, id));
                        let sample = read(source, id, Vec::new());
                        known[id as usize].check(&sample, &place());
                    }
                })
            })
            .collect();
        for thread in threads {
            if let Err(panic) = thread.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;
    use crate::sample::Codec;
    use crate::source::{Access, Memory};

    /// A promise that a source breaks.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Flaw {
        None,
        Fingerprint,
        OldBuffer,
        PanicOutOfRange,
        ReadsOutOfRange,
        Labels,
        LabelOrder,
        SwallowsErrors,
        EveryColumn,
        Column,
        Classes,
        Size,
        NoBytes,
    }

    struct Flawed {
        inner: Memory,
        flaw: Flaw,
        reads: AtomicU64,
    }

    impl Flawed {
        fn new(flaw: Flaw) -> Flawed {
            let inner = Memory::pixels(
                vec![7u8; 6 * 12],
                Size::square(2),
                3,
                vec![0, 1, 2, 0, 1, 2],
            );
            Flawed {
                inner: inner.unwrap(),
                flaw,
                reads: AtomicU64::new(0),
            }
        }
    }

    impl Source for Flawed {
        fn len(&self) -> u64 {
            self.inner.len()
        }
        fn fingerprint(&self) -> Fingerprint {
            match self.flaw {
                Flaw::Fingerprint => Fingerprint(self.reads.load(Ordering::Relaxed).into()),
                _ => self.inner.fingerprint(),
            }
        }
        fn name(&self, id: u64) -> String {
            self.inner.name(id)
        }
        fn size(&self, id: u64) -> u64 {
            match self.flaw {
                Flaw::NoBytes => 0,
                _ => self.inner.size(id),
            }
        }
        fn read(&self, id: u64, mut buf: Vec<u8>) -> Result<Sample> {
            self.reads.fetch_add(1, Ordering::Relaxed);
            let sample = match self.flaw {
                Flaw::PanicOutOfRange => self.inner.read(id, Vec::new()).unwrap(),
                Flaw::ReadsOutOfRange => self.inner.read(id % self.len(), Vec::new())?,
                _ => self.inner.read(id, Vec::new())?,
            };
            if self.flaw != Flaw::OldBuffer {
                buf.clear();
            }
            buf.extend_from_slice(&sample.bytes);
            Ok(Sample::new(buf, sample.codec, sample.target))
        }
        fn labels(&self, each: &mut dyn FnMut(u64, Target) -> Result<()>) -> Result<()> {
            for id in 0..self.len() {
                match self.flaw {
                    Flaw::Labels => each(id, Target::Class(0))?,
                    Flaw::LabelOrder => each(self.len() - 1 - id, Target::Class(0))?,
                    Flaw::SwallowsErrors => {
                        let target = self.inner.read(id, Vec::new())?.target;
                        if each(id, target).is_err() {
                            break;
                        }
                    }
                    _ => each(id, self.inner.read(id, Vec::new())?.target)?,
                }
            }
            Ok(())
        }
        fn column(
            &self,
            name: &str,
            each: &mut dyn FnMut(u64, &str) -> Result<()>,
        ) -> Result<bool> {
            if self.flaw != Flaw::EveryColumn && name != "author" {
                return Ok(false);
            }
            let first = u64::from(self.flaw == Flaw::Column);
            (first..self.len()).try_for_each(|id| each(id, "me"))?;
            Ok(true)
        }
        fn access(&self) -> Access {
            Access::Immediate
        }
        fn classes(&self) -> Option<&[String]> {
            static NAMES: [String; 0] = [];
            (self.flaw == Flaw::Classes).then_some(&NAMES)
        }
        fn image_size(&self, _: u64) -> Option<Size> {
            (self.flaw == Flaw::Size).then_some(Size::new(2, 3))
        }
    }

    /// The message of the panic of a check.
    fn complaint(run: impl FnOnce()) -> String {
        let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("a complaint");
        match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => (*panic.downcast::<&str>().expect("text")).to_owned(),
        }
    }

    #[test]
    fn a_good_source_passes() {
        let good = Flawed::new(Flaw::None);
        source_contract(&good);
        column_contract(&good, "author");
        source_contract(&Memory::encoded([]));
    }

    #[test]
    fn every_broken_promise_is_named() {
        for (flaw, words) in [
            (Flaw::Fingerprint, "fingerprint() changed"),
            (
                Flaw::OldBuffer,
                "sample 0 (memory record 0): two reads return different bytes",
            ),
            (Flaw::PanicOutOfRange, "read() panics for sample 6 of 6"),
            (
                Flaw::ReadsOutOfRange,
                "read() is not an error for sample 6 of 6",
            ),
            (
                Flaw::Labels,
                "sample 1 (memory record 1): labels() and read()",
            ),
            (
                Flaw::LabelOrder,
                "labels() calls each() for sample 5 where sample 0 comes next",
            ),
            (
                Flaw::SwallowsErrors,
                "labels() does not return the error of each()",
            ),
            (Flaw::EveryColumn, "for a column that does not exist"),
            (
                Flaw::Classes,
                "the target is Class(0), but classes() has 0 names",
            ),
            (
                Flaw::Size,
                "image_size() says 2 x 3 pixels, the image has 2 x 2",
            ),
            (Flaw::NoBytes, "size() is 0"),
        ] {
            let found = complaint(|| source_contract(&Flawed::new(flaw)));
            assert!(found.contains(words), "{flaw:?}: {found}");
        }
    }

    #[test]
    fn a_column_is_complete_and_in_order() {
        let found = complaint(|| column_contract(&Flawed::new(Flaw::Column), "author"));
        assert!(
            found.contains("column() calls each() for sample 1 where sample 0"),
            "{found}"
        );
        let found = complaint(|| column_contract(&Flawed::new(Flaw::None), "title"));
        assert!(
            found.contains("the source has no column \"title\""),
            "{found}"
        );
    }

    #[test]
    fn an_unreadable_sample_is_named() {
        struct Unreadable;
        impl Source for Unreadable {
            fn len(&self) -> u64 {
                1
            }
            fn fingerprint(&self) -> Fingerprint {
                Fingerprint(0)
            }
            fn name(&self, _: u64) -> String {
                "a.jpg".to_owned()
            }
            fn size(&self, _: u64) -> u64 {
                1
            }
            fn read(&self, _: u64, _: Vec<u8>) -> Result<Sample> {
                Codec::sniff(b"text").map(|codec| Sample::new(Vec::new(), codec, Target::None))
            }
        }
        let found = complaint(|| source_contract(&Unreadable));
        assert!(
            found.contains("sample 0 (a.jpg) cannot be read: "),
            "{found}"
        );
    }
}
