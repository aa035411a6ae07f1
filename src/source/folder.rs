//! A folder of class folders of images.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::Source;
use super::sidecar::Sidecar;
use crate::error::{Error, Kind, Result};
use crate::sample::{Annotations, Codec, Fingerprint, FingerprintBuilder, Payload, Sample, Target};
use crate::storage::{names, positioned};

/// Images in folders: `root/class/any/depth/name.jpg`, or a flat `root/name.jpg` without classes.
///
/// * An image is a file named `*.jpg`, `*.jpeg`, `*.png` or `*.webp`, in any case. Its codec is
///   told by its first bytes when it is read, not by its name.
/// * The classes are the folders of the first level, sorted by the bytes of their names; a class
///   folder without a image is a class too, so that a split which lacks a class numbers the others
///   alike.
/// * The samples are sorted by the bytes of their relative paths, whatever order the file system
///   lists them in.
/// * Files that annotate an image `x.jpg` have its name without the extension: `x.json` has boxes
///   and keypoints ([`Annotations::from_json`]), `x.NAME.KIND.png` is a plane of a kind: `mask`,
///   `instances`, `depth`, `image` or `color`. Beside no such image, a PNG is an image like any
///   other.
/// * Names that begin with a dot are skipped.
/// * A symbolic link to a file is that file; one to a folder is not followed, and a warning counts
///   them. A link that leads nowhere is a sample whose read fails.
/// * The fingerprint covers relative paths, sizes and classes, those of annotations included, and
///   no time stamp.
///
/// The listing is frozen when the folder is opened and takes about 16 bytes and a file name for
/// each image.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    manifest: Manifest,
    classes: Vec<String>,
    fingerprint: Fingerprint,
}

impl Folder {
    /// Lists a folder.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] naming the folder or file that cannot be read, [`Kind::Config`] if there is no
    /// image, or if images lie beside class folders with images, so that they have no class.
    pub fn open(path: impl AsRef<Path>) -> Result<Folder> {
        Folder::open_through(path.as_ref(), &list)
    }

    fn open_through(root: &Path, list: &dyn Fn(&Path) -> io::Result<Vec<Entry>>) -> Result<Folder> {
        let found = fs::metadata(root).map_err(|error| Error::io("open", root, error))?;
        if !found.is_dir() {
            return Err(Error::config(format!(
                "{}: a file; expected a folder of class folders of images",
                root.display()
            )));
        }
        let mut walk = Walk {
            root,
            list,
            manifest: Manifest::default(),
            linked_folders: 0,
            others: 0,
        };
        walk.run()?;
        let Walk {
            manifest,
            linked_folders,
            others,
            ..
        } = walk;
        if manifest.sizes.is_empty() {
            let hint = match linked_folders {
                0 => String::new(),
                n => format!("; {n} symbolic links to folders were not followed"),
            };
            return Err(Error::config(format!(
                "{}: no image found; expected class folders of .jpg, .jpeg, .png or .webp files{hint}",
                root.display()
            )));
        }
        if linked_folders + others > 0 {
            tracing::warn!(
                folder = %root.display(), linked_folders, others,
                "symbolic links to folders are not followed, and pipes, sockets and devices are not read"
            );
        }
        let classes: Vec<String> = manifest
            .classes
            .iter()
            .map(|name| names::readable(name))
            .collect();
        let fingerprint = manifest.fingerprint();
        Ok(Folder {
            root: root.to_path_buf(),
            manifest,
            classes,
            fingerprint,
        })
    }

    /// The path of a sample.
    fn path(&self, id: u64) -> PathBuf {
        self.root.join(os_string(self.manifest.relative(id)))
    }
}

impl Source for Folder {
    fn len(&self) -> u64 {
        self.manifest.sizes.len() as u64
    }

    fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    fn name(&self, id: u64) -> String {
        if id < self.len() {
            names::readable(&self.manifest.relative(id))
        } else {
            format!("sample {id}")
        }
    }

    fn size(&self, id: u64) -> u64 {
        self.manifest.sizes.get(id as usize).copied().unwrap_or(0)
    }

    fn read(&self, id: u64, spare: Vec<u8>) -> Result<Sample> {
        if id >= self.len() {
            return Err(super::no_such_sample(id, self.len()));
        }
        let path = self.path(id);
        let place = || names::readable(path.as_os_str().as_encoded_bytes());
        let read = || {
            let mut file = File::open(&path).map_err(|error| {
                Error::new(Kind::Io, format!("cannot open: {error}")).with_source(error)
            })?;
            let bytes = positioned::read_whole(&mut file, self.size(id), spare)?;
            let codec = Codec::sniff(&bytes)?;
            let target = self.manifest.class(id).map_or(Target::None, Target::Class);
            Ok(Sample {
                bytes: Payload::Owned(bytes),
                codec,
                target,
            })
        };
        read().map_err(|error: Error| error.at(place()).with_sample(id))
    }

    fn labels(&self, each: &mut dyn FnMut(u64, Target) -> Result<()>) -> Result<()> {
        (0..self.len()).try_for_each(|id| {
            each(
                id,
                self.manifest.class(id).map_or(Target::None, Target::Class),
            )
        })
    }

    fn annotations(&self, id: u64) -> Result<Option<Annotations>> {
        let sides = &self.manifest.sides;
        let sides = &sides[sides.partition_point(|side| side.sample < id)..];
        let mut annotations = None;
        for Side { suffix, size, .. } in sides.iter().take_while(|side| side.sample == id) {
            let Some(kind) = Sidecar::of(suffix) else {
                continue;
            };
            let path = self
                .root
                .join(os_string(side_path(&self.manifest.relative(id), suffix)));
            let read = |into: &mut Annotations| {
                let mut file = File::open(&path).map_err(|error| {
                    Error::new(Kind::Io, format!("cannot open: {error}")).with_source(error)
                })?;
                kind.read(positioned::read_whole(&mut file, *size, Vec::new())?, into)
            };
            read(annotations.get_or_insert_default()).map_err(|error: Error| {
                error
                    .at(names::readable(path.as_os_str().as_encoded_bytes()))
                    .with_sample(id)
            })?;
        }
        Ok(annotations)
    }

    fn classes(&self) -> Option<&[String]> {
        (!self.classes.is_empty()).then_some(&self.classes)
    }
}

/// The samples, packed: a class is a run of samples, a name is a slice of one arena.
#[derive(Debug, Default)]
struct Manifest {
    /// Names of the class folders, sorted; empty for a flat folder.
    classes: Vec<Vec<u8>>,
    /// The first sample and the class of each run, in the order of samples. That order is not the
    /// order of classes: `a-b/1.jpg` comes before `a/1.jpg`, although the class `a` comes
    /// before `a-b`.
    runs: Vec<(u64, u32)>,
    /// Paths below the class folder, end to end.
    names: Vec<u8>,
    /// Where each name ends in `names`.
    ends: Vec<u64>,
    /// Sizes in bytes.
    sizes: Vec<u64>,
    /// What annotates the samples, in their order.
    sides: Vec<Side>,
}

/// A file that annotates a sample.
#[derive(Debug)]
struct Side {
    sample: u64,
    /// What follows the sample's stem and a dot.
    suffix: Box<[u8]>,
    size: u64,
}

/// The path of a file beside an image.
fn side_path(image: &[u8], suffix: &[u8]) -> Vec<u8> {
    [stem(image), &b"."[..], suffix].concat()
}

/// A name without its extension.
fn stem(name: &[u8]) -> &[u8] {
    &name[..name
        .iter()
        .rposition(|&byte| byte == b'.')
        .unwrap_or(name.len())]
}

impl Manifest {
    fn push(&mut self, name: &[u8], size: u64) {
        self.names.extend_from_slice(name);
        self.ends.push(self.names.len() as u64);
        self.sizes.push(size);
    }

    fn class(&self, id: u64) -> Option<u32> {
        let run = self.runs.partition_point(|&(first, _)| first <= id);
        run.checked_sub(1).map(|run| self.runs[run].1)
    }

    fn name(&self, id: u64) -> &[u8] {
        let id = id as usize;
        let start = id.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.names[start as usize..self.ends[id] as usize]
    }

    /// The path below the root.
    fn relative(&self, id: u64) -> Vec<u8> {
        match self.class(id) {
            Some(class) => [&self.classes[class as usize], &b"/"[..], self.name(id)].concat(),
            None => self.name(id).to_vec(),
        }
    }

    fn fingerprint(&self) -> Fingerprint {
        let mut sum = FingerprintBuilder::default();
        sum.push(b"folder");
        for class in &self.classes {
            sum.push(class);
        }
        for (id, size) in self.sizes.iter().enumerate() {
            sum.push(&self.relative(id as u64));
            sum.push(&size.to_le_bytes());
        }
        for Side {
            sample,
            suffix,
            size,
        } in &self.sides
        {
            sum.push(&sample.to_le_bytes());
            sum.push(suffix);
            sum.push(&size.to_le_bytes());
        }
        sum.finish()
    }
}

/// One name in a folder.
#[derive(Clone, Debug)]
struct Entry {
    name: OsString,
    kind: fs::FileType,
}

fn list(folder: &Path) -> io::Result<Vec<Entry>> {
    fs::read_dir(folder)?
        .map(|entry| {
            entry.and_then(|entry| {
                Ok(Entry {
                    kind: entry.file_type()?,
                    name: entry.file_name(),
                })
            })
        })
        .collect()
}

/// A folder that is being walked: what is left of it, in order.
struct Level {
    left: VecDeque<(Vec<u8>, fs::FileType)>,
    /// What follows the stems of its annotated images.
    sides: BTreeMap<Vec<u8>, Vec<Box<[u8]>>>,
    /// The length of the path above it.
    above: usize,
    identity: Identity,
}

struct Walk<'a> {
    root: &'a Path,
    list: &'a dyn Fn(&Path) -> io::Result<Vec<Entry>>,
    manifest: Manifest,
    linked_folders: u64,
    others: u64,
}

impl Walk<'_> {
    /// Depth first, each folder sorted as if the names of its folders ended in `/`: the order of
    /// whole paths, without a sort over all of them. The stack is a vector, so depth costs no
    /// call stack.
    fn run(&mut self) -> Result<()> {
        let top = self.enter(PathBuf::new().as_path(), 0, &[])?;
        let mut flat = None;
        let mut any_in_class = false;
        let folders = top.left.iter().filter(|(_, kind)| kind.is_dir());
        let mut classes: Vec<Vec<u8>> = folders
            .map(|(key, _)| key[..key.len() - 1].to_vec())
            .collect();
        classes.sort_unstable();
        let mut stack = vec![top];
        let mut path: Vec<u8> = Vec::new();
        let mut class_start = 0;
        while let Some(level) = stack.last_mut() {
            let Some((key, kind)) = level.left.pop_front() else {
                let level = stack.pop().expect("the loop saw a level");
                path.truncate(level.above);
                continue;
            };
            if kind.is_dir() {
                let above = path.len();
                if stack.len() == 1 {
                    let class =
                        classes.binary_search_by(|class| class[..].cmp(&key[..key.len() - 1]));
                    let class = class.expect("every folder of the first level is a class") as u32;
                    self.manifest
                        .runs
                        .push((self.manifest.sizes.len() as u64, class));
                    class_start = key.len();
                }
                path.extend_from_slice(&key);
                let relative = os_string(path[..path.len() - 1].to_vec());
                let level = self.enter(Path::new(&relative), above, &stack)?;
                stack.push(level);
            } else if let Some(size) = self.image(&path, &key, kind)? {
                for suffix in level.sides.get(stem(&key)).into_iter().flatten() {
                    let side = self
                        .root
                        .join(os_string([&path, &side_path(&key, suffix)[..]].concat()));
                    // One that cannot be read is a fault of its sample.
                    let size = fs::metadata(&side).map_or(0, |found| found.len());
                    let (sample, suffix) = (self.manifest.sizes.len() as u64, suffix.clone());
                    self.manifest.sides.push(Side {
                        sample,
                        suffix,
                        size,
                    });
                }
                if stack.len() == 1 {
                    flat.get_or_insert_with(|| key.clone());
                    self.manifest.push(&key, size);
                } else {
                    any_in_class = true;
                    self.manifest
                        .push(&[&path[class_start..], &key].concat(), size);
                }
            }
        }
        match flat {
            // Runs tell classes by the first sample only, so a stray image would take the class
            // before it.
            Some(stray) if any_in_class => Err(Error::config(format!(
                "{}: the image {} lies beside class folders and so has no class; move it into one of them, or away",
                self.root.display(),
                names::short(&stray)
            ))),
            Some(_) => {
                self.manifest.runs.clear();
                Ok(())
            }
            None => {
                self.manifest.classes = classes;
                Ok(())
            }
        }
    }

    /// Lists a folder.
    fn enter(&self, relative: &Path, above: usize, stack: &[Level]) -> Result<Level> {
        let folder = self.root.join(relative);
        let failed = |error| Error::io("list the folder", &folder, error);
        let identity = identity(&fs::metadata(&folder).map_err(failed)?);
        // Links are not followed, so only a mount can lead back.
        if identity.is_some() && stack.iter().any(|level| level.identity == identity) {
            return Err(Error::new(
                Kind::Io,
                format!(
                    "{}: the folder contains itself (a mount that leads back)",
                    folder.display()
                ),
            ));
        }
        let mut left = Vec::new();
        for entry in (self.list)(&folder).map_err(failed)? {
            let mut key = into_bytes(entry.name, &folder)?;
            if key.starts_with(b".") {
                continue;
            }
            if entry.kind.is_dir() {
                key.push(b'/');
            }
            left.push((key, entry.kind));
        }
        left.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let sides = take_sides(&mut left);
        Ok(Level {
            left: left.into(),
            sides,
            above,
            identity,
        })
    }

    /// The size of an entry that is an image.
    fn image(&mut self, above: &[u8], name: &[u8], kind: fs::FileType) -> Result<Option<u64>> {
        let named = is_image(name);
        if !named && !kind.is_symlink() {
            return Ok(None);
        }
        let path = self.root.join(os_string([above, name].concat()));
        match fs::metadata(&path) {
            Ok(found) if found.is_file() => Ok(named.then_some(found.len())),
            Ok(found) if found.is_dir() => {
                self.linked_folders += 1;
                Ok(None)
            }
            Ok(_) => {
                self.others += 1;
                Ok(None)
            }
            // A broken link is one bad sample, for the policy about bad samples to judge.
            Err(_) if kind.is_symlink() => Ok(named.then_some(0)),
            Err(error) => Err(Error::io("read the size", &path, error)),
        }
    }
}

/// Takes the files that annotate an image out of a folder's sorted names.
fn take_sides(names: &mut Vec<(Vec<u8>, fs::FileType)>) -> BTreeMap<Vec<u8>, Vec<Box<[u8]>>> {
    let mut sides = BTreeMap::<Vec<u8>, Vec<Box<[u8]>>>::new();
    if !names
        .iter()
        .any(|(name, kind)| !kind.is_dir() && Sidecar::split(name).is_some())
    {
        return sides;
    }
    let images = names
        .iter()
        .filter(|(name, kind)| !kind.is_dir() && is_image(name));
    let stems: BTreeSet<Vec<u8>> = images.map(|(name, _)| stem(name).to_vec()).collect();
    names.retain(|(name, kind)| match Sidecar::split(name) {
        Some((stem, suffix)) if !kind.is_dir() && stems.contains(stem) => {
            sides.entry(stem.to_vec()).or_default().push(suffix.into());
            false
        }
        _ => true,
    });
    sides
}

fn is_image(name: &[u8]) -> bool {
    let extension = name.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    extension.len() < name.len()
        && ["jpg", "jpeg", "png", "webp"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known.as_bytes()))
}

/// Device and inode, where there are such.
type Identity = Option<(u64, u64)>;

#[cfg(unix)]
fn identity(found: &fs::Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    Some((found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn identity(_: &fs::Metadata) -> Identity {
    None
}

#[cfg(unix)]
#[allow(
    clippy::unnecessary_wraps,
    reason = "names are not always bytes elsewhere"
)]
fn into_bytes(name: OsString, _folder: &Path) -> Result<Vec<u8>> {
    Ok(std::os::unix::ffi::OsStringExt::into_vec(name))
}

#[cfg(not(unix))]
fn into_bytes(name: OsString, folder: &Path) -> Result<Vec<u8>> {
    name.into_string().map(String::into_bytes).map_err(|name| {
        Error::new(
            Kind::Unsupported,
            format!(
                "{}: the name {name:?} is not Unicode; rename it",
                folder.display()
            ),
        )
    })
}

#[cfg(unix)]
fn os_string(path: Vec<u8>) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(path)
}

#[cfg(not(unix))]
fn os_string(path: Vec<u8>) -> OsString {
    String::from_utf8_lossy(&path).into_owned().into()
}

#[cfg(all(test, unix))]
#[path = "folder_tests.rs"]
mod tests;
