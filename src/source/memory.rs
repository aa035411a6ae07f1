//! Samples held in memory: raw pixels in one array, or encoded images one by one.

use bytes::Bytes;

use super::{Access, Source};
use crate::error::{Error, Result};
use crate::sample::{Annotations, Codec, Fingerprint, FingerprintBuilder, Payload, Sample, Target};

/// Samples in memory.
#[derive(Clone, Debug)]
pub struct Memory {
    records: Records,
    targets: Vec<Target>,
    /// One for each sample, or none at all.
    annotations: Vec<Annotations>,
    fingerprint: Fingerprint,
}

/// The stored images.
#[derive(Clone, Debug)]
enum Records {
    /// One array, N x H x W x C.
    Pixels {
        data: Bytes,
        height: u32,
        width: u32,
        channels: u8,
    },
    /// Encoded images, each with its codec.
    Encoded(Vec<(Bytes, Codec)>),
}

impl Memory {
    /// Returns a source of pixels of equal size in one array: u8, N x H x W x C with C = 1 (gray)
    /// or 3 (RGB), and a class for each image.
    ///
    /// # Errors
    ///
    /// A `Config` error if the length of the array is not N x H x W x C for the N classes, if a
    /// side is 0, or if C is neither 1 nor 3.
    ///
    /// # Example
    ///
    /// ```
    /// use feedmill::source::{Memory, Source};
    ///
    /// let two_images = Memory::pixels(vec![0u8; 2 * 32 * 32 * 3], 32, 32, 3, vec![0, 1])?;
    /// assert_eq!(two_images.len(), 2);
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn pixels(
        data: impl Into<Bytes>,
        height: u32,
        width: u32,
        channels: u8,
        classes: Vec<u32>,
    ) -> Result<Memory> {
        let data = data.into();
        if height == 0 || width == 0 {
            return Err(Error::config(format!(
                "images of {height} x {width} pixels: both sides must be positive"
            )));
        }
        if channels != 1 && channels != 3 {
            return Err(Error::config(format!(
                "{channels} channels: expected 1 (gray) or 3 (RGB)"
            )));
        }
        let each = u64::from(height) * u64::from(width) * u64::from(channels);
        if Some(data.len() as u64) != each.checked_mul(classes.len() as u64) {
            return Err(Error::config(format!(
                "{} images of {height} x {width} x {channels} bytes need {each} bytes each; \
                 the array has {} bytes",
                classes.len(),
                data.len()
            )));
        }
        let shape = [u64::from(height), u64::from(width), u64::from(channels)]
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
            height,
            width,
            channels,
        };
        Ok(Memory {
            records,
            targets,
            annotations: Vec::new(),
            fingerprint,
        })
    }

    /// Returns a source of encoded images (JPEG, PNG, WebP) with their targets. A record that is
    /// not an image is an error when it is decoded, like a bad file.
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
        Memory {
            records: Records::Encoded(records),
            targets,
            annotations: Vec::new(),
            fingerprint,
        }
    }

    /// Returns the same samples with boxes, keypoints and planes, one [`Annotations`] for each
    /// sample.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the numbers of annotations and samples differ. Faults inside of
    /// an annotation are found when the sample is read, like a bad file.
    pub fn annotated(self, annotations: Vec<Annotations>) -> Result<Memory> {
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
            Records::Pixels {
                height,
                width,
                channels,
                ..
            } => u64::from(*height) * u64::from(*width) * u64::from(*channels),
            Records::Encoded(records) => records
                .get(id as usize)
                .map_or(0, |(bytes, _)| bytes.len() as u64),
        }
    }

    fn read(&self, id: u64, _buf: Vec<u8>) -> Result<Sample> {
        let target = self.targets.get(id as usize).cloned().ok_or_else(|| {
            Error::config(format!("sample {id} of {}", self.targets.len())).with_sample(id)
        })?;
        let (bytes, codec) = match &self.records {
            Records::Pixels {
                data,
                height,
                width,
                channels,
            } => {
                let each = self.size(id) as usize;
                let start = id as usize * each;
                let codec = Codec::Raw {
                    width: *width,
                    height: *height,
                    channels: *channels,
                };
                (data.slice(start..start + each), codec)
            }
            Records::Encoded(records) => records[id as usize].clone(),
        };
        Ok(Sample {
            bytes: Payload::Shared(bytes),
            codec,
            target,
        })
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

    fn frame(&self, _id: u64) -> Option<(u32, u32)> {
        self.uniform_frame()
    }

    fn labels(&self, each: &mut dyn FnMut(u64, Target) -> Result<()>) -> Result<()> {
        (0..)
            .zip(&self.targets)
            .try_for_each(|(id, target)| each(id, target.clone()))
    }

    fn uniform_frame(&self) -> Option<(u32, u32)> {
        match &self.records {
            Records::Pixels { height, width, .. } => Some((*height, *width)),
            Records::Encoded(_) => None,
        }
    }
}
