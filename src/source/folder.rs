//! A folder of class folders of images.
//!
//! The listing is frozen when the folder is opened, because the number of a sample has to mean the
//! same file for as long as the fingerprint is the same. It depends only on names and sizes: names
//! are compared as bytes, never by locale, and the order in which the file system lists them and
//! its time stamps do not matter. So the same data have the same numbers on every machine.
//!
//! Two choices keep millions of files cheap. The walk visits folders in the order of whole paths,
//! so nothing is sorted as a whole ([`Walk::run`]); and the [`Listing`] keeps names end to end in
//! one buffer, without the class folder, which would be repeated for each image. One `PathBuf` for
//! each image would take several times that memory.

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
/// * An image is a file named `*.jpg`, `*.jpeg`, `*.png` or `*.webp`, in upper or lower case. Its
///   codec is recognized by its first bytes when it is read, not by its name.
/// * The classes are the folders of the first level, sorted by the bytes of their names. A class
///   folder without an image is a class too, so that a split in which a class is empty numbers the
///   others alike.
/// * The samples are sorted by the bytes of their relative paths.
/// * A file that annotates the image `x.jpg` has the same name without the extension: `x.json`
///   holds boxes and keypoints ([`Annotations::from_json`]), and `x.NAME.KIND.png` holds a plane of
///   a kind: `mask`, `instances`, `depth`, `image` or `color`. A PNG of such a name without an
///   image `x` beside it is an image like any other.
/// * Names that begin with a dot are skipped.
/// * A symbolic link to a file is read as that file. A link to a folder is not followed, and a
///   warning counts such links. A link that leads nowhere is a sample whose read fails.
/// * The fingerprint covers relative paths, sizes and classes, also those of annotations, and no
///   time stamps.
///
/// The listing is frozen when the folder is opened. It takes about 16 bytes and a file name for
/// each image.
///
/// # Example: a folder of class folders
///
/// ```
/// use feedmill::source::{Folder, Source};
///
/// let folder = Folder::open("fixtures/photos")?;
/// assert_eq!(folder.classes().expect("names"), ["nature", "places", "still"]);
/// assert_eq!(folder.name(9), "still/umang_by_Abhishek_Mudgal.jpg");
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    listing: Listing,
    classes: Vec<String>,
    fingerprint: Fingerprint,
}

impl Folder {
    /// Lists a folder.
    ///
    /// # Errors
    ///
    /// [`Kind::Io`] naming the folder or file that cannot be read, [`Kind::Config`] if there are no
    /// images, or if images lie beside class folders with images, so that they have no class.
    pub fn open(path: impl AsRef<Path>) -> Result<Folder> {
        Folder::open_with(path.as_ref(), &list)
    }

    /// [`Folder::open`] with a function that lists a folder, which tests replace.
    fn open_with(root: &Path, list: &dyn Fn(&Path) -> io::Result<Vec<Entry>>) -> Result<Folder> {
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
            listing: Listing::default(),
            linked_folders: 0,
            others: 0,
        };
        walk.run()?;
        let Walk {
            listing,
            linked_folders,
            others,
            ..
        } = walk;
        if listing.sizes.is_empty() {
            let hint = match linked_folders {
                0 => String::new(),
                n => format!("; {n} symbolic links to folders were not followed"),
            };
            return Err(Error::config(format!(
                "{}: no image found; \
                 expected class folders of .jpg, .jpeg, .png or .webp files{hint}",
                root.display()
            )));
        }
        if linked_folders + others > 0 {
            tracing::warn!(
                folder = %root.display(), linked_folders, others,
                "symbolic links to folders are not followed, \
                 and pipes, sockets and devices are not read"
            );
        }
        let classes: Vec<String> = listing
            .classes
            .iter()
            .map(|name| names::readable(name))
            .collect();
        let fingerprint = listing.fingerprint();
        Ok(Folder {
            root: root.to_path_buf(),
            listing,
            classes,
            fingerprint,
        })
    }

    /// Returns the path of a sample.
    fn path(&self, id: u64) -> PathBuf {
        self.root.join(os_string(self.listing.relative(id)))
    }
}

impl Source for Folder {
    fn len(&self) -> u64 {
        self.listing.sizes.len() as u64
    }

    fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    fn name(&self, id: u64) -> String {
        if id < self.len() {
            names::readable(&self.listing.relative(id))
        } else {
            format!("sample {id}")
        }
    }

    fn size(&self, id: u64) -> u64 {
        self.listing.sizes.get(id as usize).copied().unwrap_or(0)
    }

    fn read(&self, id: u64, buf: Vec<u8>) -> Result<Sample> {
        if id >= self.len() {
            return Err(super::no_such_sample(id, self.len()));
        }
        let path = self.path(id);
        let place = || names::readable(path.as_os_str().as_encoded_bytes());
        let read = || {
            let mut file = File::open(&path).map_err(|error| {
                Error::new(Kind::Io, format!("cannot open: {error}")).with_source(error)
            })?;
            let bytes = positioned::read_whole(&mut file, self.size(id), buf)?;
            let codec = Codec::sniff(&bytes)?;
            let target = self.listing.class(id).map_or(Target::None, Target::Class);
            Ok(Sample {
                bytes: Payload::Owned(bytes),
                codec,
                target,
            })
        };
        read().map_err(|error: Error| error.at(place()).with_sample(id))
    }

    fn read_ahead(&self, id: u64) {
        // Opening the file has the kernel read its directory entry and its inode as well. A file
        // that cannot be opened is reported when it is read.
        if id < self.len()
            && let Ok(file) = File::open(self.path(id))
        {
            positioned::will_read(&file, 0, self.size(id));
        }
    }

    fn labels(&self, each: &mut dyn FnMut(u64, Target) -> Result<()>) -> Result<()> {
        (0..self.len()).try_for_each(|id| {
            each(
                id,
                self.listing.class(id).map_or(Target::None, Target::Class),
            )
        })
    }

    fn annotations(&self, id: u64) -> Result<Option<Annotations>> {
        let sidecars = &self.listing.sidecars;
        let sidecars = &sidecars[sidecars.partition_point(|sidecar| sidecar.sample < id)..];
        let mut annotations = None;
        for SidecarFile { suffix, size, .. } in
            sidecars.iter().take_while(|sidecar| sidecar.sample == id)
        {
            let Some(kind) = Sidecar::of(suffix) else {
                continue;
            };
            let path = self
                .root
                .join(os_string(sidecar_path(&self.listing.relative(id), suffix)));
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

/// The samples, packed: a class is a run of samples, a name is a slice of one buffer.
#[derive(Debug, Default)]
struct Listing {
    /// Names of the class folders, sorted; empty for a flat folder.
    classes: Vec<Vec<u8>>,
    /// The first sample and the class of each run of samples of one class, in the order of
    /// samples. That is not the order of classes: `a-b/1.jpg` comes before `a/1.jpg`, because
    /// `-` is less than `/`, although the class `a` comes before `a-b`.
    runs: Vec<(u64, u32)>,
    /// Paths below the class folder, end to end.
    names: Vec<u8>,
    /// Where each name ends in `names`.
    ends: Vec<u64>,
    /// Sizes in bytes.
    sizes: Vec<u64>,
    /// The files that annotate samples, in the order of samples.
    sidecars: Vec<SidecarFile>,
}

/// A file that annotates a sample.
#[derive(Debug)]
struct SidecarFile {
    sample: u64,
    /// What follows the stem of the sample and a dot.
    suffix: Box<[u8]>,
    size: u64,
}

/// Returns the path of a file that annotates an image.
fn sidecar_path(image: &[u8], suffix: &[u8]) -> Vec<u8> {
    [stem(image), &b"."[..], suffix].concat()
}

/// Returns a name without its extension.
fn stem(name: &[u8]) -> &[u8] {
    &name[..name
        .iter()
        .rposition(|&byte| byte == b'.')
        .unwrap_or(name.len())]
}

impl Listing {
    /// Adds a sample: its path below the class folder, and its size.
    fn push(&mut self, name: &[u8], size: u64) {
        self.names.extend_from_slice(name);
        self.ends.push(self.names.len() as u64);
        self.sizes.push(size);
    }

    /// Returns the class of a sample; `None` in a flat folder.
    fn class(&self, id: u64) -> Option<u32> {
        let run = self.runs.partition_point(|&(first, _)| first <= id);
        run.checked_sub(1).map(|run| self.runs[run].1)
    }

    /// Returns the path of a sample below its class folder.
    fn name(&self, id: u64) -> &[u8] {
        let id = id as usize;
        let start = id.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.names[start as usize..self.ends[id] as usize]
    }

    /// Returns the path of a sample below the root.
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
        for SidecarFile {
            sample,
            suffix,
            size,
        } in &self.sidecars
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

/// Lists a folder in the order of the file system.
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

/// A folder that is being walked: what is left of it, in order. Names of folders end with `/`.
struct Level {
    remaining: VecDeque<(Vec<u8>, fs::FileType)>,
    /// The suffixes of the files that annotate its images, by the stem of the image.
    sidecars: BTreeMap<Vec<u8>, Vec<Box<[u8]>>>,
    /// The length of the path of the folder above it.
    parent_len: usize,
    identity: Identity,
}

/// One walk over the tree.
struct Walk<'a> {
    root: &'a Path,
    list: &'a dyn Fn(&Path) -> io::Result<Vec<Entry>>,
    listing: Listing,
    /// Symbolic links to folders, which are not followed.
    linked_folders: u64,
    /// Pipes, sockets and devices with the name of an image.
    others: u64,
}

impl Walk<'_> {
    /// Walks the tree in the order of whole paths.
    ///
    /// The walk goes depth first, and sorts each folder as if the names of its folders ended in
    /// `/`. This is the order of a sort over all relative paths, because in a path every folder
    /// name is followed by `/`. So no sort over all paths is needed. The stack is a vector, because
    /// a deep tree could overflow the call stack.
    fn run(&mut self) -> Result<()> {
        let top = self.enter(PathBuf::new().as_path(), 0, &[])?;
        // The first image in the root itself.
        let mut root_image = None;
        let mut any_in_class = false;
        let folders = top.remaining.iter().filter(|(_, kind)| kind.is_dir());
        let mut classes: Vec<Vec<u8>> = folders
            .map(|(key, _)| key[..key.len() - 1].to_vec())
            .collect();
        classes.sort_unstable();
        let mut stack = vec![top];
        let mut path: Vec<u8> = Vec::new();
        let mut class_start = 0;
        while let Some(level) = stack.last_mut() {
            let Some((key, kind)) = level.remaining.pop_front() else {
                let level = stack.pop().expect("the loop saw a level");
                path.truncate(level.parent_len);
                continue;
            };
            if kind.is_dir() {
                let parent_len = path.len();
                if stack.len() == 1 {
                    let class =
                        classes.binary_search_by(|class| class[..].cmp(&key[..key.len() - 1]));
                    let class = class.expect("every folder of the first level is a class") as u32;
                    self.listing
                        .runs
                        .push((self.listing.sizes.len() as u64, class));
                    class_start = key.len();
                }
                path.extend_from_slice(&key);
                let relative = os_string(path[..path.len() - 1].to_vec());
                let level = self.enter(Path::new(&relative), parent_len, &stack)?;
                stack.push(level);
            } else if let Some(size) = self.image_size(&path, &key, kind)? {
                for suffix in level.sidecars.get(stem(&key)).into_iter().flatten() {
                    let sidecar = self
                        .root
                        .join(os_string([&path, &sidecar_path(&key, suffix)[..]].concat()));
                    // A file that cannot be read does not keep the folder from opening: reading its
                    // sample reports it.
                    let size = fs::metadata(&sidecar).map_or(0, |found| found.len());
                    let (sample, suffix) = (self.listing.sizes.len() as u64, suffix.clone());
                    self.listing.sidecars.push(SidecarFile {
                        sample,
                        suffix,
                        size,
                    });
                }
                if stack.len() == 1 {
                    root_image.get_or_insert_with(|| key.clone());
                    self.listing.push(&key, size);
                } else {
                    any_in_class = true;
                    self.listing
                        .push(&[&path[class_start..], &key].concat(), size);
                }
            }
        }
        match root_image {
            // A run has a first sample but no end, so an image outside of class folders would get
            // the class of the run before it.
            Some(stray) if any_in_class => Err(Error::config(format!(
                "{}: the image {} lies beside class folders and so has no class; \
                 move it into one of them, or away",
                self.root.display(),
                names::short(&stray)
            ))),
            Some(_) => {
                self.listing.runs.clear();
                Ok(())
            }
            None => {
                self.listing.classes = classes;
                Ok(())
            }
        }
    }

    /// Lists a folder for the walk; `parent_len` is the length of the path of the folder above it.
    fn enter(&self, relative: &Path, parent_len: usize, stack: &[Level]) -> Result<Level> {
        let folder = self.root.join(relative);
        let failed = |error| Error::io("list the folder", &folder, error);
        let identity = identity(&fs::metadata(&folder).map_err(failed)?);
        // Symbolic links are not followed, so only a mount can make a folder contain itself.
        if identity.is_some() && stack.iter().any(|level| level.identity == identity) {
            return Err(Error::new(
                Kind::Io,
                format!(
                    "{}: the folder contains itself (a mount that leads back)",
                    folder.display()
                ),
            ));
        }
        let mut remaining = Vec::new();
        for entry in (self.list)(&folder).map_err(failed)? {
            let mut key = into_bytes(entry.name, &folder)?;
            if key.starts_with(b".") {
                continue;
            }
            if entry.kind.is_dir() {
                key.push(b'/');
            }
            remaining.push((key, entry.kind));
        }
        remaining.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let sidecars = take_sidecars(&mut remaining);
        Ok(Level {
            remaining: remaining.into(),
            sidecars,
            parent_len,
            identity,
        })
    }

    /// Returns the size of an entry if it is an image; `None` for everything else.
    fn image_size(
        &mut self,
        parent: &[u8],
        name: &[u8],
        kind: fs::FileType,
    ) -> Result<Option<u64>> {
        let named = is_image(name);
        if !named && !kind.is_symlink() {
            return Ok(None);
        }
        let path = self.root.join(os_string([parent, name].concat()));
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
            // A broken link is one bad sample, and the policy for bad samples decides about it.
            Err(_) if kind.is_symlink() => Ok(named.then_some(0)),
            Err(error) => Err(Error::io("read the size", &path, error)),
        }
    }
}

/// Removes the files that annotate an image from the sorted names of a folder, and returns their
/// suffixes by the stem of the image.
fn take_sidecars(names: &mut Vec<(Vec<u8>, fs::FileType)>) -> BTreeMap<Vec<u8>, Vec<Box<[u8]>>> {
    let mut sidecars = BTreeMap::<Vec<u8>, Vec<Box<[u8]>>>::new();
    if !names
        .iter()
        .any(|(name, kind)| !kind.is_dir() && Sidecar::split(name).is_some())
    {
        return sidecars;
    }
    let images = names
        .iter()
        .filter(|(name, kind)| !kind.is_dir() && is_image(name));
    let stems: BTreeSet<Vec<u8>> = images.map(|(name, _)| stem(name).to_vec()).collect();
    names.retain(|(name, kind)| match Sidecar::split(name) {
        Some((stem, suffix)) if !kind.is_dir() && stems.contains(stem) => {
            sidecars
                .entry(stem.to_vec())
                .or_default()
                .push(suffix.into());
            false
        }
        _ => true,
    });
    sidecars
}

/// Returns whether a file of this name is taken for an image.
fn is_image(name: &[u8]) -> bool {
    let extension = name.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    extension.len() < name.len()
        && ["jpg", "jpeg", "png", "webp"]
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known.as_bytes()))
}

/// Device and inode of a folder, where the system has them.
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
    reason = "on other systems a name may not be Unicode, and the function fails"
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
