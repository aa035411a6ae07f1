//! Tars of images, in WebDataset convention or of class folders.

mod member;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use self::member::{Member, Members, Type};
use super::Source;
use super::format::{Format, files};
use super::sidecar::Sidecar;
use crate::error::{Error, Kind, Result};
use crate::sample::{Annotations, Codec, Fingerprint, FingerprintBuilder, Payload, Sample, Target};
use crate::storage::{names, positioned};

/// The largest `cls` or `json` member that is read, in bytes.
const LABEL: u64 = 1 << 20;

/// How many tars are held open; those after are opened for each read.
const HELD_OPEN: usize = 128;

/// Images in one tar or several, read in place: an index is built from the headers, nothing is ever
/// extracted.
///
/// Members whose paths are equal up to the first dot of the file name belong to one sample, be they
/// neighbors or not: `a/7.jpg`, `a/7.cls` and `a/7.txt`. The image is the member with the extension
/// `jpg`, `jpeg`, `png` or `webp`. The class is, in this order,
///
/// 1. the number in the member `cls`;
/// 2. the number `label` of the object in the member `json`;
/// 3. if no sample has either: the first folder of the path, the classes sorted by bytes, as in a
///    [`Folder`](super::Folder).
///
/// A member `json` with `boxes` or `keypoints` ([`Annotations::from_json`]) and members
/// `NAME.KIND.png` annotate the image; a kind is `mask`, `instances`, `depth`, `image` or `color`.
///
/// A sample without a class among samples with one fails when it is read. Samples come in the order
/// of their images in the tar, tars in the order of the bytes of their file names. Names that begin
/// with a dot are skipped; what else was left out is told by [`Tar::skipped`].
///
/// The fingerprint covers names, sizes and classes of the images, and sizes of what annotates them.
#[derive(Debug)]
pub struct Tar {
    files: Vec<positioned::PositionedFile>,
    samples: Vec<Entry>,
    /// What annotates the samples, in their order.
    sides: Vec<Side>,
    /// Member names, end to end.
    names: Vec<u8>,
    /// Classes that could not be read, by sample.
    bad: BTreeMap<u64, String>,
    /// Whether any sample has a class, or should have.
    labeled: bool,
    classes: Vec<String>,
    skipped: SkippedMembers,
    fingerprint: Fingerprint,
}

/// Members of tars that became no sample.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SkippedMembers {
    /// Hard and symbolic links.
    pub links: u64,
    /// Devices and pipes.
    pub devices: u64,
    /// Sparse files and members of unknown type.
    pub others: u64,
    /// Samples that have a class and no image.
    pub without_image: u64,
    /// Images of a sample that had one already; the first counts.
    pub duplicates: u64,
}

#[derive(Debug)]
struct Entry {
    at: u64,
    size: u64,
    name_end: u64,
    file: u32,
    class: Option<u32>,
}

/// A member that annotates a sample.
#[derive(Debug)]
struct Side {
    sample: usize,
    /// What follows the key and a dot.
    suffix: Box<[u8]>,
    at: u64,
    size: u64,
}

/// A class as a member says it, and which member said it: `cls` goes before `json`.
struct Label {
    class: Result<u32, String>,
    by_cls: bool,
}

/// A sample whose members are being gathered.
#[derive(Default)]
struct Gathered {
    sample: Option<usize>,
    label: Option<Label>,
    /// The sample is not known yet.
    sides: Vec<Side>,
}

impl Tar {
    /// Indexes a tar, or the `.tar` files of a folder.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] if a file cannot be read, [`Kind::Truncated`] if a tar ends inside a member or
    /// without its end mark, [`Kind::Corrupt`] for a bad header, [`Kind::Limit`] for an
    /// extended header above 1 MiB, [`Kind::Unsupported`] for a compressed tar or a pipe,
    /// [`Kind::Config`] if there is no image.
    pub fn open(path: impl AsRef<Path>) -> Result<Tar> {
        let path = path.as_ref();
        let mut tar = Tar {
            files: Vec::new(),
            samples: Vec::new(),
            sides: Vec::new(),
            names: Vec::new(),
            bad: BTreeMap::new(),
            labeled: false,
            classes: Vec::new(),
            skipped: SkippedMembers::default(),
            fingerprint: Fingerprint(0),
        };
        for file in files(path, Format::Tar)? {
            let mut file = positioned::PositionedFile::open(&file)?;
            tar.index(&file)?;
            if tar.files.len() >= HELD_OPEN {
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
            !tar.bad.is_empty() || tar.samples.iter().any(|sample| sample.class.is_some());
        if !tar.labeled {
            tar.classes_from_folders()
                .map_err(|error| error.in_file(path))?;
        }
        if tar.skipped != SkippedMembers::default() {
            tracing::warn!(tar = %path.display(), "skipped {}", tar.skipped);
        }
        tar.sides
            .sort_by(|a, b| (a.sample, &a.suffix).cmp(&(b.sample, &b.suffix)));
        tar.fingerprint = tar.sum();
        Ok(tar)
    }

    /// What became no sample.
    pub fn skipped(&self) -> SkippedMembers {
        self.skipped
    }

    fn index(&mut self, file: &positioned::PositionedFile) -> Result<()> {
        let place = || file.path().display();
        if file.len() == 0 {
            return Err(Error::new(
                Kind::Truncated,
                format!("{}: the file is empty", place()),
            ));
        }
        let mut members = Members::of(file);
        if let Some(tool) = compression(members.bytes(0, 6)?) {
            return Err(Error::new(
                Kind::Unsupported,
                format!(
                    "{}: compressed with {tool}, so samples cannot be read in any order; unpack it ({tool} -d) or \
                     convert the images to shards",
                    place()
                ),
            ));
        }
        let number = u32::try_from(self.files.len())
            .map_err(|_| Error::new(Kind::Limit, format!("{}: more than 2^32 tars", place())))?;
        // By hash of the key: 128 bits do not collide, and a key is long.
        let mut gathered: BTreeMap<u128, Gathered> = BTreeMap::new();
        while let Some(member) = members.next()? {
            match member.kind {
                Type::File => self.gather(&mut gathered, &mut members, member, number)?,
                Type::Link => self.skipped.links += 1,
                Type::Device => self.skipped.devices += 1,
                Type::Folder => {}
                _ => self.skipped.others += 1,
            }
        }
        for Gathered {
            sample,
            label,
            sides,
        } in gathered.into_values()
        {
            if let Some(sample) = sample {
                self.sides
                    .extend(sides.into_iter().map(|side| Side { sample, ..side }));
            }
            match (sample, label) {
                (None, _) => self.skipped.without_image += 1,
                (Some(_), None) => {}
                (Some(sample), Some(label)) => match label.class {
                    Ok(class) => self.samples[sample].class = Some(class),
                    Err(why) => drop(self.bad.insert(sample as u64, why)),
                },
            }
        }
        Ok(())
    }

    fn gather(
        &mut self,
        gathered: &mut BTreeMap<u128, Gathered>,
        members: &mut Members<'_>,
        member: Member,
        file: u32,
    ) -> Result<()> {
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
            let entry = gathered.entry(key).or_default();
            if entry.sample.is_some() {
                self.skipped.duplicates += 1;
                return Ok(());
            }
            entry.sample = Some(self.samples.len());
            self.names.extend_from_slice(&member.name);
            let name_end = self.names.len() as u64;
            self.samples.push(Entry {
                at: member.at,
                size: member.size,
                name_end,
                file,
                class: None,
            });
        } else if is("cls") || is("json") {
            let by_cls = is("cls");
            let class = if member.size > LABEL {
                Some(Err(format!(
                    "it has {} bytes; the limit is {LABEL}",
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
            if !by_cls && member.size <= LABEL && annotates(members.bytes(member.at, member.size)?)
            {
                gathered
                    .entry(key)
                    .or_default()
                    .sides
                    .push(Side::of(&member, extension));
            }
            if let Some(class) = class {
                let class = class
                    .map_err(|why| format!("the member {}: {why}", names::short(&member.name)));
                let entry = gathered.entry(key).or_default();
                if entry
                    .label
                    .as_ref()
                    .is_none_or(|label| by_cls && !label.by_cls)
                {
                    entry.label = Some(Label { class, by_cls });
                }
            }
        } else if Sidecar::of(extension).is_some() {
            gathered
                .entry(key)
                .or_default()
                .sides
                .push(Side::of(&member, extension));
        }
        Ok(())
    }

    fn classes_from_folders(&mut self) -> Result<()> {
        let ids = 0..self.samples.len() as u64;
        let folders: BTreeSet<&[u8]> = ids
            .clone()
            .filter_map(|id| first_folder(self.member(id)))
            .collect();
        if folders.is_empty() {
            return Ok(());
        }
        let folders: Vec<&[u8]> = folders.into_iter().collect();
        let mut classes = Vec::with_capacity(self.samples.len());
        for id in ids {
            let class = first_folder(self.member(id))
                .and_then(|folder| folders.binary_search(&folder).ok());
            classes.push(class.map(|class| class as u32).ok_or_else(|| {
                Error::config(format!(
                    "no member gives a class, and the image {} lies beside class folders; move it into one, or add \
                     cls members",
                    names::short(self.member(id))
                ))
            })?);
        }
        self.classes = folders.into_iter().map(names::readable).collect();
        for (sample, class) in self.samples.iter_mut().zip(classes) {
            sample.class = Some(class);
        }
        Ok(())
    }

    fn sum(&self) -> Fingerprint {
        let mut sum = FingerprintBuilder::default();
        sum.push(b"tar");
        for class in &self.classes {
            sum.push(class.as_bytes());
        }
        for (id, sample) in self.samples.iter().enumerate() {
            sum.push(self.member(id as u64));
            sum.push(&sample.size.to_le_bytes());
            match sample.class {
                Some(class) => sum.push(&class.to_le_bytes()),
                None => sum.push(b""),
            }
        }
        for Side {
            sample,
            suffix,
            size,
            ..
        } in &self.sides
        {
            sum.push(&(*sample as u64).to_le_bytes());
            sum.push(suffix);
            sum.push(&size.to_le_bytes());
        }
        sum.finish()
    }

    /// The stored name of a sample's image.
    fn member(&self, id: u64) -> &[u8] {
        let id = id as usize;
        let start = id
            .checked_sub(1)
            .map_or(0, |before| self.samples[before].name_end);
        &self.names[start as usize..self.samples[id].name_end as usize]
    }

    fn target(&self, id: u64) -> Result<Target> {
        if let Some(why) = self.bad.get(&id) {
            return Err(Error::corrupt(why.clone()));
        }
        match self.samples[id as usize].class {
            Some(class) => Ok(Target::Class(class)),
            None if !self.labeled => Ok(Target::None),
            None => Err(Error::corrupt(
                "no class: expected a cls member, or a json member with \"label\", as other samples have",
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
        let member = names::readable(self.member(id));
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

    fn read(&self, id: u64, spare: Vec<u8>) -> Result<Sample> {
        let sample = self
            .samples
            .get(id as usize)
            .ok_or_else(|| super::no_such_sample(id, self.len()))?;
        let file = &self.files[sample.file as usize];
        let read = || {
            let mut bytes = positioned::sized(spare, sample.size)?;
            let found = file.read(sample.at, &mut bytes)?;
            if found < bytes.len() {
                return Err(Error::new(
                    Kind::Truncated,
                    format!(
                        "the tar ends after {found} of the image's {} bytes; it was longer when it was opened",
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
            let member = names::short(self.member(id));
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
        let sides = &self.sides[self.sides.partition_point(|side| (side.sample as u64) < id)..];
        let mut annotations = None;
        for side in sides.iter().take_while(|side| side.sample as u64 == id) {
            let file = &self.files[self.samples[side.sample].file as usize];
            let read = |into: &mut Annotations| {
                let mut bytes = positioned::sized(Vec::new(), side.size)?;
                if file.read(side.at, &mut bytes)? < bytes.len() {
                    return Err(Error::new(
                        Kind::Truncated,
                        "the tar ends inside of the member",
                    ));
                }
                Sidecar::of(&side.suffix).map_or(Ok(()), |kind| kind.read(bytes, into))
            };
            read(annotations.get_or_insert_default()).map_err(|error: Error| {
                let (member, suffix) =
                    (names::short(self.member(id)), names::readable(&side.suffix));
                let place = format!(
                    "{}: {suffix} of {member}, byte {}",
                    file.path().display(),
                    side.at
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
            "{links} links, {devices} devices, {others} members of other types, {without_image} samples without a \
             image, {duplicates} second images of a sample"
        )
    }
}

impl Side {
    fn of(member: &Member, suffix: &[u8]) -> Side {
        Side {
            sample: 0,
            suffix: suffix.into(),
            at: member.at,
            size: member.size,
        }
    }
}

/// Whether a JSON text may have boxes or keypoints.
fn annotates(text: &[u8]) -> bool {
    [&b"\"boxes\""[..], b"\"keypoints\""]
        .iter()
        .any(|key| text.windows(key.len()).any(|part| part == *key))
}

/// The program that undoes a compression that the first bytes announce.
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

/// The first folder of a path, if the path has a folder.
fn first_folder(path: &[u8]) -> Option<&[u8]> {
    let mut parts = path
        .split(|&byte| byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".");
    let first = parts.next()?;
    parts.next().map(|_| first)
}

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

/// The class in `{"label": n}`; `None` if the object has no label that could be a class.
fn class_of_json(text: &[u8]) -> Option<Result<u32, String>> {
    use serde_json::Value;
    match serde_json::from_slice::<Value>(text) {
        // Captions, lists and the like are no classes: what json members hold is the user's own
        // affair.
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
