//! Tars of images, in the convention of WebDataset or with class folders.
//!
//! A tar can be read in any order once the positions of its members are known, so one pass over the
//! headers builds an index, and nothing is ever extracted. Names in a tar are labels: they are
//! never used as paths, so hostile names (`../../x`, absolute ones) do no harm. Compressed tars are
//! refused, because their bytes cannot be read in any order.
//!
//! The index is one entry for each image with the names end to end in one buffer, since a data set
//! may have many millions of images. While the pass runs, the members of a sample are collected by
//! a hash of their key: WebDataset writes them next to each other, but other tools do not, and a
//! convention that depends on neighbors would split such samples in silence.

mod member;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use self::member::{Member, Members, Type};
use super::Source;
use super::format::{Format, data_files};
use super::sidecar::Sidecar;
use crate::error::{Error, Kind, Result};
use crate::sample::{Annotations, Codec, Fingerprint, FingerprintBuilder, Payload, Sample, Target};
use crate::storage::{names, positioned};

/// The largest `cls` or `json` member that is read, in bytes.
const MAX_LABEL: u64 = 1 << 20;

/// How many tars are held open. Those after them are opened for each read, so that a data set may
/// have more tars than a process may have open files.
const MAX_OPEN_FILES: usize = 128;

/// Images in one tar or in several, read in place: an index is built from the headers, and nothing
/// is extracted.
///
/// Members whose paths are equal up to the first dot of the file name belong to one sample, next to
/// each other or not: `a/7.jpg`, `a/7.cls` and `a/7.txt`. The image is the member with the
/// extension `jpg`, `jpeg`, `png` or `webp`. The class is, in this order,
///
/// 1. the number in the member `cls`;
/// 2. the number `label` of the object in the member `json`;
/// 3. if no sample has either: the first folder of the path, with the classes sorted by the bytes
///    of their names, as in a [`Folder`](super::Folder).
///
/// A member `json` with `boxes` or `keypoints` ([`Annotations::from_json`]) and members
/// `NAME.KIND.png` annotate the image; a kind is `mask`, `instances`, `depth`, `image` or `color`.
///
/// If some samples have a class and others do not, those without one fail when they are read.
/// Samples come in the order of their images in the tar, and tars in the order of the bytes of
/// their file names. Names that begin with a dot are skipped. [`Tar::skipped`] counts everything
/// else that was left out.
///
/// The fingerprint covers names, sizes and classes of the images, and the sizes of their
/// annotations.
///
/// # Example: the images of a tar
///
/// ```
/// use feedmill::source::{Source, Tar};
///
/// let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("data.tar");
/// let mut tar = tar::Builder::new(std::fs::File::create(&path).unwrap());
/// tar.append_path_with_name("fixtures/photos/still/Wine_by_Jakkub_Mede.jpg", "0.jpg").unwrap();
/// tar.finish().unwrap();
///
/// let source = Tar::open(&path)?;
/// assert_eq!((source.len(), source.name(0).ends_with("0.jpg")), (1, true));
/// assert_eq!(source.skipped().links, 0);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Debug)]
pub struct Tar {
    files: Vec<positioned::PositionedFile>,
    samples: Vec<ImageEntry>,
    /// The members that annotate samples, in the order of samples.
    sidecars: Vec<SidecarMember>,
    /// The names of the images in the order of samples, end to end.
    names: Vec<u8>,
    /// Why a class could not be read, by sample.
    bad_classes: BTreeMap<u64, String>,
    /// Whether `cls` and `json` members say the classes: true if any sample has such a class or a
    /// broken one.
    labeled: bool,
    classes: Vec<String>,
    skipped: SkippedMembers,
    fingerprint: Fingerprint,
}

/// How many members of tars did not become a sample, by reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedMembers {
    /// The number of hard and symbolic links.
    pub links: u64,
    /// The number of devices and pipes.
    pub devices: u64,
    /// Sparse files and members of an unknown type.
    pub others: u64,
    /// Samples that have a class or annotations but no image.
    pub without_image: u64,
    /// Further images of a sample that has one already; the first counts.
    pub duplicates: u64,
}

/// An image: one sample.
#[derive(Debug)]
struct ImageEntry {
    /// Position of the image in its tar.
    at: u64,
    /// Bytes of the image.
    size: u64,
    /// Where its name ends in `Tar::names`; it starts where the name before it ends.
    name_end: u64,
    /// The tar, as a position in `Tar::files`.
    file: u32,
    class: Option<u32>,
}

/// A member that annotates a sample.
#[derive(Debug)]
struct SidecarMember {
    /// The sample, as a position in `Tar::samples`.
    sample: usize,
    /// What follows the key of the sample and a dot.
    suffix: Box<[u8]>,
    at: u64,
    size: u64,
}

/// The class that a member says. A `cls` member takes precedence over a `json` member.
struct ClassLabel {
    class: Result<u32, String>,
    by_cls: bool,
}

/// The members of one sample that were found so far.
#[derive(Default)]
struct PendingSample {
    /// The sample, once its image was found.
    sample: Option<usize>,
    label: Option<ClassLabel>,
    /// The members that annotate it. Their field `sample` is set at the end of the tar, since the
    /// image may come after them.
    sidecars: Vec<SidecarMember>,
}

impl Tar {
    /// Indexes a tar, or the `.tar` files of a folder.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if a file cannot be read, [`Kind::Truncated`] if a tar ends inside a member or
    /// without its end mark, [`Kind::Corrupt`] for a bad header, [`Kind::Limit`] for an extended
    /// header above 1 MiB, [`Kind::Unsupported`] for a compressed tar or a pipe, [`Kind::Config`]
    /// if no image is found.
    pub fn open(path: impl AsRef<Path>) -> Result<Tar> {
        let path = path.as_ref();
        let mut tar = Tar {
            files: Vec::new(),
            samples: Vec::new(),
            sidecars: Vec::new(),
            names: Vec::new(),
            bad_classes: BTreeMap::new(),
            labeled: false,
            classes: Vec::new(),
            skipped: SkippedMembers::default(),
            fingerprint: Fingerprint(0),
        };
        for file in data_files(path, Format::Tar)? {
            let mut file = positioned::PositionedFile::open(&file)?;
            tar.add_tar(&file)?;
            if tar.files.len() >= MAX_OPEN_FILES {
                file.release();
            }
            tar.files.push(file);
        }
        if tar.samples.is_empty() {
            return Err(Error::config(format!(
                "{}: no image found; expected members named *.jpg, *.jpeg, *.png or *.webp ({})",
                path.display(),
                tar.skipped
            )));
        }
        tar.labeled =
            !tar.bad_classes.is_empty() || tar.samples.iter().any(|sample| sample.class.is_some());
        if !tar.labeled {
            tar.classes_from_folders()
                .map_err(|error| error.in_file(path))?;
        }
        if tar.skipped != SkippedMembers::default() {
            tracing::warn!(tar = %path.display(), "skipped {}", tar.skipped);
        }
        tar.sidecars
            .sort_by(|a, b| (a.sample, &a.suffix).cmp(&(b.sample, &b.suffix)));
        tar.fingerprint = tar.compute_fingerprint();
        Ok(tar)
    }

    /// Returns how many members did not become a sample.
    pub fn skipped(&self) -> SkippedMembers {
        self.skipped
    }

    /// Adds the samples of one tar.
    fn add_tar(&mut self, file: &positioned::PositionedFile) -> Result<()> {
        let place = || file.path().display();
        if file.len() == 0 {
            return Err(Error::new(
                Kind::Truncated,
                format!("{}: the file is empty", place()),
            ));
        }
        let mut members = Members::new(file);
        if let Some(tool) = compression(members.bytes(0, 6)?) {
            return Err(Error::new(
                Kind::Unsupported,
                format!(
                    "{}: compressed with {tool}, so samples cannot be read in any order; \
                     unpack it ({tool} -d) or convert the images to shards",
                    place()
                ),
            ));
        }
        let number = u32::try_from(self.files.len())
            .map_err(|_| Error::new(Kind::Limit, format!("{}: more than 2^32 tars", place())))?;
        // Keyed by a hash, because keys are long and there may be millions of them. 128 bits do not
        // collide by accident.
        let mut pending: BTreeMap<u128, PendingSample> = BTreeMap::new();
        while let Some(member) = members.next()? {
            match member.kind {
                Type::File => self.add_member(&mut pending, &mut members, member, number)?,
                Type::Link => self.skipped.links += 1,
                Type::Device => self.skipped.devices += 1,
                Type::Folder => {}
                _ => self.skipped.others += 1,
            }
        }
        for PendingSample {
            sample,
            label,
            sidecars,
        } in pending.into_values()
        {
            if let Some(sample) = sample {
                self.sidecars.extend(
                    sidecars
                        .into_iter()
                        .map(|sidecar| SidecarMember { sample, ..sidecar }),
                );
            }
            match (sample, label) {
                (None, _) => self.skipped.without_image += 1,
                (Some(_), None) => {}
                (Some(sample), Some(label)) => match label.class {
                    Ok(class) => self.samples[sample].class = Some(class),
                    Err(why) => drop(self.bad_classes.insert(sample as u64, why)),
                },
            }
        }
        Ok(())
    }

    /// Adds one regular file to its sample.
    fn add_member(
        &mut self,
        pending: &mut BTreeMap<u128, PendingSample>,
        members: &mut Members<'_>,
        member: Member,
        file: u32,
    ) -> Result<()> {
        // Names that begin with a dot are metadata of some systems, such as `._7.jpg` of macOS.
        let hidden = |part: &[u8]| part.starts_with(b".") && part != b"." && part != b"..";
        if member.name.split(|&byte| byte == b'/').any(hidden) {
            return Ok(());
        }
        let base = member
            .name
            .iter()
            .rposition(|&byte| byte == b'/')
            .map_or(0, |slash| slash + 1);
        let Some(dot) = member.name[base..].iter().position(|&byte| byte == b'.') else {
            return Ok(());
        };
        let (key, extension) = (&member.name[..base + dot], &member.name[base + dot + 1..]);
        let key = Fingerprint::of([key]).0;
        let is = |known: &str| extension.eq_ignore_ascii_case(known.as_bytes());
        if ["jpg", "jpeg", "png", "webp"].into_iter().any(is) {
            let entry = pending.entry(key).or_default();
            if entry.sample.is_some() {
                self.skipped.duplicates += 1;
                return Ok(());
            }
            entry.sample = Some(self.samples.len());
            self.names.extend_from_slice(&member.name);
            let name_end = self.names.len() as u64;
            self.samples.push(ImageEntry {
                at: member.at,
                size: member.size,
                name_end,
                file,
                class: None,
            });
        } else if is("cls") || is("json") {
            let by_cls = is("cls");
            let class = if member.size > MAX_LABEL {
                Some(Err(format!(
                    "it has {} bytes; the limit is {MAX_LABEL}",
                    member.size
                )))
            } else {
                let text = members.bytes(member.at, member.size)?;
                if by_cls {
                    Some(class_of_text(text))
                } else {
                    class_of_json(text)
                }
            };
            if !by_cls
                && member.size <= MAX_LABEL
                && may_annotate(members.bytes(member.at, member.size)?)
            {
                pending
                    .entry(key)
                    .or_default()
                    .sidecars
                    .push(SidecarMember::of(&member, extension));
            }
            if let Some(class) = class {
                let class = class
                    .map_err(|why| format!("the member {}: {why}", names::short(&member.name)));
                let entry = pending.entry(key).or_default();
                if entry
                    .label
                    .as_ref()
                    .is_none_or(|label| by_cls && !label.by_cls)
                {
                    entry.label = Some(ClassLabel { class, by_cls });
                }
            }
        } else if Sidecar::of(extension).is_some() {
            pending
                .entry(key)
                .or_default()
                .sidecars
                .push(SidecarMember::of(&member, extension));
        }
        Ok(())
    }

    /// Makes the first folder of each path its class, if any path has a folder.
    fn classes_from_folders(&mut self) -> Result<()> {
        let ids = 0..self.samples.len() as u64;
        let folders: BTreeSet<&[u8]> = ids
            .clone()
            .filter_map(|id| first_folder(self.member_name(id)))
            .collect();
        if folders.is_empty() {
            return Ok(());
        }
        let folders: Vec<&[u8]> = folders.into_iter().collect();
        let mut classes = Vec::with_capacity(self.samples.len());
        for id in ids {
            let class = first_folder(self.member_name(id))
                .and_then(|folder| folders.binary_search(&folder).ok());
            classes.push(class.map(|class| class as u32).ok_or_else(|| {
                Error::config(format!(
                    "no member gives a class, and the image {} lies beside class folders; \
                     move it into one, or add cls members",
                    names::short(self.member_name(id))
                ))
            })?);
        }
        self.classes = folders.into_iter().map(names::readable).collect();
        for (sample, class) in self.samples.iter_mut().zip(classes) {
            sample.class = Some(class);
        }
        Ok(())
    }

    /// Computes the fingerprint. Positions are not in it, so a tar that is packed again in the same
    /// order has the same one.
    fn compute_fingerprint(&self) -> Fingerprint {
        let mut sum = FingerprintBuilder::default();
        sum.push(b"tar");
        for class in &self.classes {
            sum.push(class.as_bytes());
        }
        for (id, sample) in self.samples.iter().enumerate() {
            sum.push(self.member_name(id as u64));
            sum.push(&sample.size.to_le_bytes());
            match sample.class {
                Some(class) => sum.push(&class.to_le_bytes()),
                None => sum.push(b""),
            }
        }
        for SidecarMember {
            sample,
            suffix,
            size,
            ..
        } in &self.sidecars
        {
            sum.push(&(*sample as u64).to_le_bytes());
            sum.push(suffix);
            sum.push(&size.to_le_bytes());
        }
        sum.finish()
    }

    /// Returns the stored name of the image of a sample.
    fn member_name(&self, id: u64) -> &[u8] {
        let id = id as usize;
        let start = id
            .checked_sub(1)
            .map_or(0, |before| self.samples[before].name_end);
        &self.names[start as usize..self.samples[id].name_end as usize]
    }

    /// Returns the class of a sample, or why it has none.
    fn target(&self, id: u64) -> Result<Target> {
        if let Some(why) = self.bad_classes.get(&id) {
            return Err(Error::corrupt(why.clone()));
        }
        match self.samples[id as usize].class {
            Some(class) => Ok(Target::Class(class)),
            None if !self.labeled => Ok(Target::None),
            None => Err(Error::corrupt(
                "no class: expected a cls member, or a json member with \"label\", \
                 as other samples have",
            )),
        }
    }
}

impl Source for Tar {
    fn len(&self) -> u64 {
        self.samples.len() as u64
    }

    fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    fn name(&self, id: u64) -> String {
        let Some(sample) = self.samples.get(id as usize) else {
            return format!("sample {id}");
        };
        let member = names::readable(self.member_name(id));
        match self.files[sample.file as usize].path().file_name() {
            Some(file) if self.files.len() > 1 => {
                format!("{}: {member}", names::readable(file.as_encoded_bytes()))
            }
            _ => member,
        }
    }

    fn size(&self, id: u64) -> u64 {
        self.samples
            .get(id as usize)
            .map_or(0, |sample| sample.size)
    }

    fn read_ahead(&self, id: u64) {
        if let Some(sample) = self.samples.get(id as usize) {
            self.files[sample.file as usize].will_read(sample.at, sample.size);
        }
    }

    fn read(&self, id: u64, buf: Vec<u8>) -> Result<Sample> {
        let sample = self
            .samples
            .get(id as usize)
            .ok_or_else(|| super::no_such_sample(id, self.len()))?;
        let file = &self.files[sample.file as usize];
        let read = || {
            let mut bytes = positioned::sized(buf, sample.size)?;
            let found = file.read(sample.at, &mut bytes)?;
            if found < bytes.len() {
                return Err(Error::new(
                    Kind::Truncated,
                    format!(
                        "the tar ends after {found} of the image's {} bytes; \
                         it was longer when it was opened",
                        sample.size
                    ),
                ));
            }
            let codec = Codec::sniff(&bytes)?;
            Ok(Sample {
                bytes: Payload::Owned(bytes),
                codec,
                target: self.target(id)?,
            })
        };
        read().map_err(|error: Error| {
            let member = names::short(self.member_name(id));
            error
                .at(format_args!(
                    "{}: {member}, byte {}",
                    file.path().display(),
                    sample.at
                ))
                .with_sample(id)
        })
    }

    fn labels(&self, each: &mut dyn FnMut(u64, Target) -> Result<()>) -> Result<()> {
        (0..self.len()).try_for_each(|id| {
            let target = self
                .target(id)
                .map_err(|error| error.at(self.name(id)).with_sample(id))?;
            each(id, target)
        })
    }

    fn annotations(&self, id: u64) -> Result<Option<Annotations>> {
        let sidecars = &self.sidecars[self
            .sidecars
            .partition_point(|sidecar| (sidecar.sample as u64) < id)..];
        let mut annotations = None;
        for sidecar in sidecars
            .iter()
            .take_while(|sidecar| sidecar.sample as u64 == id)
        {
            let file = &self.files[self.samples[sidecar.sample].file as usize];
            let read = |into: &mut Annotations| {
                let mut bytes = positioned::sized(Vec::new(), sidecar.size)?;
                if file.read(sidecar.at, &mut bytes)? < bytes.len() {
                    return Err(Error::new(
                        Kind::Truncated,
                        "the tar ends inside of the member",
                    ));
                }
                Sidecar::of(&sidecar.suffix).map_or(Ok(()), |kind| kind.read(bytes, into))
            };
            read(annotations.get_or_insert_default()).map_err(|error: Error| {
                let (member, suffix) = (
                    names::short(self.member_name(id)),
                    names::readable(&sidecar.suffix),
                );
                let place = format!(
                    "{}: {suffix} of {member}, byte {}",
                    file.path().display(),
                    sidecar.at
                );
                error.at(place).with_sample(id)
            })?;
        }
        Ok(annotations)
    }

    fn classes(&self) -> Option<&[String]> {
        (!self.classes.is_empty()).then_some(&self.classes)
    }
}

impl std::fmt::Display for SkippedMembers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let SkippedMembers {
            links,
            devices,
            others,
            without_image,
            duplicates,
        } = self;
        write!(
            f,
            "{links} links, {devices} devices, {others} members of other types, \
             {without_image} samples without an image, {duplicates} second images of a sample"
        )
    }
}

impl SidecarMember {
    /// Returns a sidecar member whose sample is not known yet.
    fn of(member: &Member, suffix: &[u8]) -> SidecarMember {
        SidecarMember {
            sample: 0,
            suffix: suffix.into(),
            at: member.at,
            size: member.size,
        }
    }
}

/// Returns whether a JSON text may have boxes or keypoints: whether it holds one of the keys
/// anywhere. The annotations themselves are parsed when they are read.
fn may_annotate(text: &[u8]) -> bool {
    [&b"\"boxes\""[..], b"\"keypoints\""]
        .iter()
        .any(|key| text.windows(key.len()).any(|part| part == *key))
}

/// Returns the program that undoes the compression that the first bytes announce; `None` if they
/// announce none.
pub(super) fn compression(head: &[u8]) -> Option<&'static str> {
    match head {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        [b'B', b'Z', b'h', ..] => Some("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => Some("xz"),
        [0x04, 0x22, 0x4d, 0x18, ..] => Some("lz4"),
        _ => None,
    }
}

/// Returns the first folder of a path; `None` for a path without folders. Components `.` do not
/// count.
fn first_folder(path: &[u8]) -> Option<&[u8]> {
    let mut parts = path
        .split(|&byte| byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".");
    let first = parts.next()?;
    parts.next().map(|_| first)
}

/// Reads a class number; the error says what was found.
fn class_of_text(text: &[u8]) -> Result<u32, String> {
    let digits = text.trim_ascii();
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| {
            format!(
                "expected a class number, found \"{}\"",
                names::short(digits)
            )
        })
}

/// Reads the class of `{"label": n}`. `None` if the object has no number as its label: what else
/// `json` members hold, such as captions, is up to the user.
fn class_of_json(text: &[u8]) -> Option<Result<u32, String>> {
    use serde_json::Value;
    match serde_json::from_slice::<Value>(text) {
        Ok(note) => {
            match note.get("label") {
                Some(Value::Number(label)) => {
                    let class = label.as_u64().and_then(|class| u32::try_from(class).ok());
                    Some(class.ok_or_else(|| {
                        format!("expected a class number as \"label\", found {label}")
                    }))
                }
                _ => None,
            }
        }
        Err(error) => Some(Err(format!("not JSON: {error}"))),
    }
}

#[cfg(test)]
mod tests;
