//! A bank of cut-outs: RGBA images in a folder for each class, decoded when they are first pasted.
//!
//! Opening a bank lists the files and reads no pixels. The listing is frozen then and has a digest,
//! because a draw names a cut-out by its number: with another listing the same seed would paste
//! other objects. A recipe that is written down carries the digest and refuses a changed bank.
//!
//! Decoded cut-outs are kept up to 64 MiB, first in, first out. A cut-out is a function of its
//! file, so what the cache holds never shows in the result.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::decode;
use crate::error::{Error, Kind, Result};
use crate::sample::Fingerprint;

/// The most bytes of decoded cut-outs that a bank keeps.
const CACHE_BYTES: usize = 64 << 20;

/// A folder of class folders of PNGs with alpha, with a listing that is frozen when it is opened.
pub(in crate::augment) struct Bank {
    root: PathBuf,
    /// The cut-outs, class folder by class folder, each sorted by name.
    files: Vec<CutoutFile>,
    /// The classes that have a cut-out: the class and its range of `files`.
    classes: Vec<(u32, std::ops::Range<usize>)>,
    /// For each class the mean and the standard deviation of the square root of an object's share
    /// of its image, from `statistics.json`.
    statistics: BTreeMap<u32, [f64; 2]>,
    /// Whether only the largest connected part of a cut-out is used.
    largest: bool,
    /// The hash of the listing.
    digest: Fingerprint,
    cache: Mutex<CutoutCache>,
}

struct CutoutFile {
    path: PathBuf,
    class: u32,
}

/// Decoded cut-outs by number.
#[derive(Default)]
struct CutoutCache {
    /// `None` is a cut-out that is passed over, see [`Bank::cutout`].
    cutouts: BTreeMap<usize, Option<Arc<Cutout>>>,
    /// The numbers in the order of decoding, oldest first.
    order: VecDeque<usize>,
    /// The pixels of all of them, at four bytes each.
    bytes: usize,
}

/// A decoded cut-out, cropped to the bounding box of its object.
#[derive(Debug, PartialEq)]
pub(in crate::augment) struct Cutout {
    pub(in crate::augment) width: u32,
    pub(in crate::augment) height: u32,
    /// Rows of RGB.
    pub(in crate::augment) rgb: Vec<u8>,
    /// Rows of alpha; 0 outside of the object.
    pub(in crate::augment) alpha: Vec<u8>,
}

impl std::fmt::Debug for Bank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Bank({}, {} cut-outs)",
            self.root.display(),
            self.files.len()
        )
    }
}

impl Bank {
    /// Lists a bank. With `largest`, only the largest connected part of each cut-out is used.
    ///
    /// A class is the number that is its folder's name; if any name is not a number, classes are
    /// numbered from 0 in the order of the names.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the folder cannot be listed, has no class folder with a PNG, or has bad
    /// `statistics.json`.
    pub(in crate::augment) fn open(root: &Path, largest: bool) -> Result<Bank> {
        let list = |folder: &Path| -> Result<Vec<(String, PathBuf)>> {
            let failed = |error: std::io::Error| {
                let text = format!(
                    "{}: cannot list the bank's folder: {error}",
                    folder.display()
                );
                Error::config(text).with_source(error)
            };
            let mut found = Vec::new();
            for entry in fs::read_dir(folder).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                let name = entry.file_name().to_string_lossy().into_owned();
                if !name.starts_with('.') {
                    found.push((name, entry.path()));
                }
            }
            found.sort();
            Ok(found)
        };
        let mut folders = list(root)?;
        folders.retain(|(_, path)| path.is_dir());
        // All names or none: a mixture of names and positions could give two folders one class.
        let numbers: Option<Vec<u32>> = folders.iter().map(|(name, _)| name.parse().ok()).collect();
        let numbers = numbers.unwrap_or_else(|| (0..folders.len() as u32).collect());
        let (mut files, mut classes) = (Vec::new(), Vec::new());
        // What the digest is taken of: everything that decides which object a draw stands for.
        // Sizes of files are in it, contents are not, as reading all of them would take too long.
        let mut sum = vec![digest_header(largest)];
        for ((folder, path), class) in folders.iter().zip(&numbers) {
            let start = files.len();
            for (name, path) in list(path)? {
                if !name.to_ascii_lowercase().ends_with(".png") {
                    continue;
                }
                let size = fs::metadata(&path).map_err(|error| {
                    Error::config(format!(
                        "{}: cannot read the cut-out: {error}",
                        path.display()
                    ))
                })?;
                sum.push(format!("{class} {folder}/{name} {}", size.len()).into_bytes());
                files.push(CutoutFile {
                    path,
                    class: *class,
                });
            }
            if files.len() > start {
                classes.push((*class, start..files.len()));
            }
        }
        if files.is_empty() {
            let text = format!(
                "{}: no cut-out found; expected class folders of PNGs with alpha",
                root.display()
            );
            return Err(Error::config(text));
        }
        let text = fs::read(root.join("statistics.json")).ok();
        sum.extend(text.clone());
        let statistics = text.map_or(Ok(BTreeMap::new()), |text| {
            statistics(
                &text,
                folders
                    .iter()
                    .map(|(name, _)| &name[..])
                    .zip(numbers.iter().copied()),
            )
            .map_err(|error| error.at(root.join("statistics.json").display()))
        })?;
        let digest = Fingerprint::of(sum.iter().map(|part| &part[..]));
        let cache = Mutex::default();
        Ok(Bank {
            root: root.to_path_buf(),
            files,
            classes,
            statistics,
            largest,
            digest,
            cache,
        })
    }

    /// A hash of the listing: names, file sizes, classes, `largest` and `statistics.json`.
    pub(in crate::augment) fn digest(&self) -> Fingerprint {
        self.digest
    }

    /// The number of cut-outs.
    pub(in crate::augment) fn len(&self) -> usize {
        self.files.len()
    }

    /// The classes that have cut-outs, each with the range of its cut-outs' numbers.
    pub(in crate::augment) fn classes(&self) -> &[(u32, std::ops::Range<usize>)] {
        &self.classes
    }

    /// The class of a cut-out.
    pub(in crate::augment) fn class(&self, number: usize) -> u32 {
        self.files[number].class
    }

    /// The mean and the deviation of sizes for the class of a cut-out, if the bank has them.
    pub(in crate::augment) fn statistics(&self, number: usize) -> Option<[f64; 2]> {
        self.statistics.get(&self.class(number)).copied()
    }

    /// Returns a cut-out, from the cache or from its file; `None` if its object fills at most a
    /// hundredth of its image, or all of it, which means that nothing was cut out.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`] if the file cannot be read or decoded.
    pub(in crate::augment) fn cutout(&self, number: usize) -> Result<Option<Arc<Cutout>>> {
        let lock = || self.cache.lock().expect("no panic inside");
        if let Some(known) = lock().cutouts.get(&number) {
            return Ok(known.clone());
        }
        let path = &self.files[number].path;
        // A bank is part of the recipe, so a broken cut-out must not count as a bad sample, which
        // `on_bad` would replace.
        let failed = |error: Error| {
            Error::config(format!("cut-out {}: {}", path.display(), error.message()))
        };
        // The lock is not held while a file is decoded. Two workers may decode the same one; the
        // first to insert it counts its bytes.
        let bytes = fs::read(path).map_err(|error| failed(Error::io("read", path, error)))?;
        let (width, height, rgba) = decode::plane::rgba(&bytes).map_err(failed)?;
        let cutout = Cutout::of(width, height, &rgba, self.largest).map(Arc::new);
        let mut cache = lock();
        if cache.cutouts.insert(number, cutout.clone()).is_none() {
            cache.order.push_back(number);
            cache.bytes += cutout.as_ref().map_or(0, |cutout| cutout.alpha.len() * 4);
            while cache.bytes > CACHE_BYTES
                && let Some(oldest) = cache.order.pop_front()
            {
                let gone = cache.cutouts.remove(&oldest).flatten();
                cache.bytes -= gone.map_or(0, |cutout| cutout.alpha.len() * 4);
            }
        }
        Ok(cutout)
    }
}

/// The first line of what the digest is taken of.
fn digest_header(largest: bool) -> Vec<u8> {
    format!("bank largest={largest}").into_bytes()
}

/// Parses `statistics.json`, which is `{"class folder": [mean, std], …}`, by class.
fn statistics<'a>(
    text: &[u8],
    classes: impl Iterator<Item = (&'a str, u32)>,
) -> Result<BTreeMap<u32, [f64; 2]>> {
    let table: BTreeMap<String, [f64; 2]> = serde_json::from_slice(text).map_err(|error| {
        Error::config(format!(
            "expected {{\"class folder\": [mean, std], …}}: {error}"
        ))
    })?;
    let classes: BTreeMap<&str, u32> = classes.collect();
    let mut found = BTreeMap::new();
    for (name, pair) in table {
        let Some(class) = classes.get(&name[..]) else {
            return Err(Error::config(format!(
                "there is no class folder \"{name}\""
            )));
        };
        if !pair.iter().all(|value| value.is_finite() && *value >= 0.0) {
            return Err(Error::config(format!(
                "\"{name}\": {pair:?}: expected numbers of at least 0"
            )));
        }
        found.insert(*class, pair);
    }
    Ok(found)
}

impl Cutout {
    /// Crops the object out of an RGBA image: the pixels with an alpha above 128, or the largest
    /// connected part of them. `None` if the object fills at most a hundredth of the image, or all
    /// of it.
    fn of(width: u32, height: u32, rgba: &[[u8; 4]], largest: bool) -> Option<Cutout> {
        let (w, h) = (width as usize, height as usize);
        let mut mask: Vec<bool> = rgba.iter().map(|pixel| pixel[3] > 128).collect();
        if largest {
            keep_largest(&mut mask, w);
        }
        let area = mask.iter().filter(|inside| **inside).count();
        let share = area as f64 / mask.len() as f64;
        if share <= 0.01 || share >= 1.0 {
            return None;
        }
        let columns = |x: &usize| (0..h).any(|y| mask[y * w + x]);
        let rows = |y: &usize| mask[y * w..][..w].contains(&true);
        let (left, right) = ((0..w).find(columns)?, (0..w).rev().find(columns)? + 1);
        let (top, bottom) = ((0..h).find(rows)?, (0..h).rev().find(rows)? + 1);
        let inside = (top..bottom).flat_map(|y| (left..right).map(move |x| y * w + x));
        let rgb = inside
            .clone()
            .flat_map(|at| [rgba[at][0], rgba[at][1], rgba[at][2]])
            .collect();
        let alpha = inside
            .map(|at| if mask[at] { rgba[at][3] } else { 0 })
            .collect();
        Some(Cutout {
            width: (right - left) as u32,
            height: (bottom - top) as u32,
            rgb,
            alpha,
        })
    }
}

/// Clears all of a mask except for its largest connected part, the first one in reading order if
/// several are equal. Pixels are connected by a side or a corner.
///
/// Each part is found by a flood fill with a stack, so a large part cannot overflow the call stack.
fn keep_largest(mask: &mut [bool], width: usize) {
    // The number of each pixel's part, from 1; 0 is not visited yet.
    let mut part = vec![0u32; mask.len()];
    let (mut count, mut best) = (0, (0, 0));
    let mut open = Vec::new();
    for start in 0..mask.len() {
        if !mask[start] || part[start] != 0 {
            continue;
        }
        count += 1;
        part[start] = count;
        open.push(start);
        let mut area = 0;
        while let Some(at) = open.pop() {
            area += 1;
            let (x, y) = (at % width, at / width);
            for y in y.saturating_sub(1)..(y + 2).min(mask.len() / width) {
                for x in x.saturating_sub(1)..(x + 2).min(width) {
                    let next = y * width + x;
                    if mask[next] && part[next] == 0 {
                        part[next] = count;
                        open.push(next);
                    }
                }
            }
        }
        if area > best.0 {
            best = (area, count);
        }
    }
    mask.iter_mut()
        .zip(&part)
        .for_each(|(inside, part)| *inside = *part == best.1 && best.1 != 0);
}

/// The error for a bank whose files have changed since the recipe was written.
pub(in crate::augment) fn changed(path: &Path, digest: Fingerprint) -> Error {
    Error::new(
        Kind::Mismatch,
        format!(
            "bank {}: its files are others than when the recipe was written (digest {digest}); \
             leave `digest` out to take it as it is",
            path.display()
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(rows: &[&str]) -> (u32, u32, Vec<[u8; 4]>) {
        let alpha = |byte: u8| if byte == b'.' { 0 } else { 200 };
        let pixels = rows
            .iter()
            .flat_map(|row| row.bytes().map(|byte| [byte, 1, 2, alpha(byte)]))
            .collect();
        (rows[0].len() as u32, rows.len() as u32, pixels)
    }

    #[test]
    fn the_largest_connected_part_is_cut_out() {
        let (w, h, pixels) = image(&["a....", "..bb.", ".b...", ".bb.."]);
        let cutout = Cutout::of(w, h, &pixels, true).unwrap();
        assert_eq!((cutout.width, cutout.height), (3, 3));
        assert_eq!(cutout.alpha, [0, 200, 200, 200, 0, 0, 200, 200, 0]);
        assert_eq!(cutout.rgb[3], b'b');
        let all = Cutout::of(w, h, &pixels, false).unwrap();
        assert_eq!((all.width, all.height), (4, 4));
    }

    #[test]
    fn specks_and_whole_images_are_not_objects() {
        let (w, h, pixels) = image(&["aa", "aa"]);
        assert_eq!(Cutout::of(w, h, &pixels, true), None);
        let mut speck = vec![[0; 4]; 100];
        speck[5][3] = 129;
        assert_eq!(Cutout::of(10, 10, &speck, true), None);
        speck[6][3] = 129;
        assert!(Cutout::of(10, 10, &speck, true).is_some());
    }
}
