//! Samples held in memory: raw pixels in one array, or encoded images one by one.

use bytes::Bytes;

use super::{Access, Source, no_such_sample};
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::sample::{Annotations, Codec, Fingerprint, FingerprintBuilder, Sample, Target};

/// Samples in memory.
///
/// # Example: train on arrays
///
/// ```
/// use feedmill::geometry::Size;
/// use feedmill::source::{Memory, Source};
///
/// let digits = vec![0u8; 3 * 8 * 8]; // 3 images of 8 x 8 gray pixels
/// let source = Memory::pixels(digits, Size::square(8), 1, vec![0, 1, 0])?
///     .with_classes(["zero", "one"])?;
/// assert_eq!(source.len(), 3);
/// assert_eq!(source.classes().expect("names"), ["zero", "one"]);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Memory {
    records: Records,
    targets: Vec<Target>,
    /// One for each sample, or none at all.
    annotations: Vec<Annotations>,
    classes: Option<Vec<String>>,
    fingerprint: Fingerprint,
}

/// The stored images.
#[derive(Clone, Debug)]
enum Records {
    /// One array, N x H x W x C.
    Pixels {
        data: Bytes,
        size: Size,
        channels: u8,
    },
    /// Encoded images, each with its codec.
    Encoded(Vec<(Bytes, Codec)>),
}

impl Memory {
    /// Returns a source of pixels of equal size in one array, with a class for each image.
    ///
    /// `data` holds u8 levels, N x height x width x `channels` in row-major order, where `channels`
    /// is 1 (gray) or 3 (RGB). Gray images are kept as they are and become RGB when they are
    /// decoded.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the length of the array is not that of N images for the N
    /// classes, if a side is 0, or if `channels` is neither 1 nor 3.
    ///
    /// # Example: images that are in memory
    ///
    /// ```
    /// use feedmill::geometry::Size;
    /// use feedmill::source::{Memory, Source};
    ///
    /// let data = vec![0u8; 2 * 32 * 32 * 3];
    /// let two_images = Memory::pixels(data, Size::square(32), 3, vec![0, 1])?;
    /// assert_eq!(two_images.len(), 2);
    /// assert_eq!(two_images.uniform_size(), Some(Size::square(32)));
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn pixels(
        data: impl Into<Bytes>,
        size: Size,
        channels: u8,
        classes: Vec<u32>,
    ) -> Result<Memory> {
        let data = data.into();
        if size.width == 0 || size.height == 0 {
            return Err(Error::config(format!(
                "images of {size} pixels: both sides must be positive"
            )));
        }
        if channels != 1 && channels != 3 {
            return Err(Error::config(format!(
                "{channels} channels: expected 1 (gray) or 3 (RGB)"
            )));
        }
        let total = u128::from(size.area()) * u128::from(channels) * classes.len() as u128;
        if data.len() as u128 != total {
            return Err(Error::config(format!(
                "{} images of {size} x {channels} bytes are {total} bytes; the array has {}",
                classes.len(),
                data.len()
            )));
        }
        let shape = [
            u64::from(size.height),
            u64::from(size.width),
            u64::from(channels),
        ]
        .map(u64::to_le_bytes)
        .concat();
        let labels: Vec<u8> = classes
            .iter()
            .flat_map(|class| class.to_le_bytes())
            .collect();
        let fingerprint = Fingerprint::of([&b"pixels"[..], &shape, &labels, &data]);
        let targets = classes.into_iter().map(Target::Class).collect();
        let records = Records::Pixels {
            data,
            size,
            channels,
        };
        Ok(Memory::new(records, targets, fingerprint))
    }

    fn new(records: Records, targets: Vec<Target>, fingerprint: Fingerprint) -> Memory {
        Memory {
            records,
            targets,
            annotations: Vec::new(),
            classes: None,
            fingerprint,
        }
    }

    /// Returns a source of encoded images (JPEG, PNG, WebP) with their targets. A record that is
    /// not an image is an error when it is decoded, like a bad file.
    ///
    /// # Example: images from a database
    ///
    /// ```
    /// use feedmill::sample::Target;
    /// use feedmill::source::{Memory, Source};
    ///
    /// let rows = [std::fs::read("fixtures/photos/still/Wine_by_Jakkub_Mede.jpg").unwrap()];
    /// let source = Memory::encoded(rows.into_iter().map(|bytes| (bytes, Target::Class(0))));
    /// assert_eq!(source.len(), 1);
    /// ```
    pub fn encoded(samples: impl IntoIterator<Item = (Vec<u8>, Target)>) -> Memory {
        let mut records = Vec::new();
        let mut targets = Vec::new();
        for (bytes, target) in samples {
            // A record of unknown format counts as JPEG, so that the decoder reports it with its
            // number.
            let codec = Codec::detect(&bytes).unwrap_or(Codec::Jpeg);
            records.push((Bytes::from(bytes), codec));
            targets.push(target);
        }
        let labels = format!("{targets:?}");
        let parts = records
            .iter()
            .map(|(bytes, _)| &bytes[..])
            .chain([labels.as_bytes()]);
        let fingerprint = Fingerprint::of(parts);
        Memory::new(Records::Encoded(records), targets, fingerprint)
    }

    /// Returns the same samples with the names of their classes, in the order of the class numbers.
    /// The names become part of the fingerprint.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if a sample has a class, or a weight for a class, without a name.
    ///
    /// # Example: a class without a name
    ///
    /// ```
    /// use feedmill::geometry::Size;
    /// use feedmill::source::Memory;
    ///
    /// let source = Memory::pixels(vec![0u8; 2 * 3], Size::square(1), 3, vec![0, 2])?;
    /// let error = source.with_classes(["cat", "dog"]).unwrap_err();
    /// assert!(error.to_string().contains("sample 1 has class 2"));
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn with_classes<T: Into<String>>(
        self,
        classes: impl IntoIterator<Item = T>,
    ) -> Result<Memory> {
        let classes: Vec<String> = classes.into_iter().map(Into::into).collect();
        for (sample, target) in self.targets.iter().enumerate() {
            if let Some(class) = greatest_class(target).filter(|class| *class >= classes.len()) {
                return Err(Error::config(format!(
                    "sample {sample} has class {class}, but there are {} class names",
                    classes.len()
                )));
            }
        }
        let mut sum = FingerprintBuilder::default();
        sum.push(&self.fingerprint.0.to_le_bytes());
        classes.iter().for_each(|name| sum.push(name.as_bytes()));
        Ok(Memory {
            classes: Some(classes),
            fingerprint: sum.finish(),
            ..self
        })
    }

    /// Returns the same samples with boxes, keypoints and planes, one [`Annotations`] for each
    /// sample.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the numbers of annotations and samples differ. Faults inside of
    /// an annotation are found when the sample is read, like a bad file.
    pub fn with_annotations(self, annotations: Vec<Annotations>) -> Result<Memory> {
        if annotations.len() != self.targets.len() {
            let (given, samples) = (annotations.len(), self.targets.len());
            return Err(Error::config(format!(
                "annotations of {given} images for {samples} samples"
            )));
        }
        let mut sum = FingerprintBuilder::default();
        sum.push(&self.fingerprint.0.to_le_bytes());
        annotations
            .iter()
            .for_each(|each| each.pieces(|piece| sum.push(piece)));
        Ok(Memory {
            annotations,
            fingerprint: sum.finish(),
            ..self
        })
    }
}

impl Source for Memory {
    fn len(&self) -> u64 {
        self.targets.len() as u64
    }

    fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    fn name(&self, id: u64) -> String {
        format!("memory record {id}")
    }

    fn size(&self, id: u64) -> u64 {
        match &self.records {
            Records::Pixels { size, channels, .. } => size.area() * u64::from(*channels),
            Records::Encoded(records) => records
                .get(id as usize)
                .map_or(0, |(bytes, _)| bytes.len() as u64),
        }
    }

    fn read(&self, id: u64, _buf: Vec<u8>) -> Result<Sample> {
        let target = usize::try_from(id).ok().and_then(|id| self.targets.get(id));
        let target = target
            .cloned()
            .ok_or_else(|| no_such_sample(id, self.len()))?;
        let (bytes, codec) = match &self.records {
            Records::Pixels {
                data,
                size,
                channels,
            } => {
                let each = self.size(id) as usize;
                let start = id as usize * each;
                (
                    data.slice(start..start + each),
                    Codec::raw(*size, *channels),
                )
            }
            Records::Encoded(records) => records[id as usize].clone(),
        };
        Ok(Sample::new(bytes, codec, target))
    }

    fn annotations(&self, id: u64) -> Result<Option<Annotations>> {
        Ok(self.annotations.get(id as usize).cloned())
    }

    fn class_count(&self) -> Option<u32> {
        let largest = |target: &Target| match target {
            Target::Class(class) => Some(*class),
            Target::Multi(classes) => classes.iter().max().copied(),
            Target::None | Target::Soft(_) => None,
        };
        let most = self.targets.iter().filter_map(largest).max()?;
        most.checked_add(1)
    }

    fn access(&self) -> Access {
        Access::Immediate
    }

    fn classes(&self) -> Option<&[String]> {
        self.classes.as_deref()
    }

    fn image_size(&self, id: u64) -> Option<Size> {
        self.uniform_size().filter(|_| id < self.len())
    }

    fn labels(&self, each: &mut dyn FnMut(u64, Target) -> Result<()>) -> Result<()> {
        (0..)
            .zip(&self.targets)
            .try_for_each(|(id, target)| each(id, target.clone()))
    }

    fn uniform_size(&self) -> Option<Size> {
        match &self.records {
            Records::Pixels { size, .. } => Some(*size),
            Records::Encoded(_) => None,
        }
    }
}

/// The greatest class that a target names; `None` if it names none.
fn greatest_class(target: &Target) -> Option<usize> {
    match target {
        Target::None => None,
        Target::Class(class) => Some(*class as usize),
        Target::Multi(classes) => classes.iter().max().map(|class| *class as usize),
        Target::Soft(weights) => weights.len().checked_sub(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_of_another_length_is_refused_with_both_totals() {
        let pixels = |bytes, size, channels| {
            Memory::pixels(vec![0u8; bytes], size, channels, vec![0; 3])
                .map(|source| source.len())
                .map_err(|error| error.message().to_owned())
        };
        assert_eq!(pixels(192, Size::square(8), 1), Ok(3));
        assert_eq!(
            pixels(192, Size::square(8), 3).unwrap_err(),
            "3 images of 8 x 8 x 3 bytes are 576 bytes; the array has 192"
        );
        let error = pixels(0, Size::square(u32::MAX), 3).unwrap_err();
        assert!(error.contains("are 166020696586076553225 bytes"), "{error}");
        let error = pixels(0, Size::new(0, 8), 3).unwrap_err();
        assert_eq!(error, "images of 0 x 8 pixels: both sides must be positive");
        assert!(
            pixels(64, Size::square(4), 4)
                .unwrap_err()
                .contains("4 channels")
        );
    }

    #[test]
    fn class_names_are_part_of_the_fingerprint_and_name_every_class() {
        let plain = Memory::encoded([
            (vec![1], Target::Multi(vec![0, 2])),
            (vec![2], Target::None),
        ]);
        let fingerprint = plain.fingerprint();
        assert_eq!(plain.classes(), None);
        let error = plain.clone().with_classes(["a", "b"]).unwrap_err();
        assert!(error.message().contains("sample 0 has class 2"), "{error}");
        let named = plain.with_classes(["a", "b", "c"]).unwrap();
        assert_eq!(named.classes().unwrap(), ["a", "b", "c"]);
        assert_ne!(named.fingerprint(), fingerprint);
    }
}
