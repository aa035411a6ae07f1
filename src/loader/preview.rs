//! A batch turned back into images and words, to look at what a model will see.

use super::Loader;
use crate::batch::{Batch, Pixels, Targets, Tensor};
use crate::recipe::Layout;

/// One view of a slot as 8-bit RGB, from [`Loader::images`] and [`Loader::mask`].
///
/// # Example: an image to look at
///
/// ```
/// use feedmill::{Loader, Recipe};
///
/// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet-eval")?.with_batch(2))?;
/// let batch = loader.epoch(0)?.next().expect("a batch")?;
/// let image = &loader.images(&batch, 0)[0];
/// assert_eq!(image.rgb.len() as u32, image.width * image.height * 3);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Image {
    /// The name of the view, with its number if the view group has several.
    pub view: String,
    /// The view group and the number of the view in it, as [`Slot::view`](crate::Slot::view) takes
    /// them.
    pub place: (usize, usize),
    /// The number of columns.
    pub width: u32,
    /// The number of rows.
    pub height: u32,
    /// The pixels, row by row: height x width x 3 bytes.
    pub rgb: Vec<u8>,
}

impl Loader {
    /// All views of a slot as the model sees them, mixed and augmented, with normalization undone:
    /// levels from 0 to 255.
    ///
    /// # Panics
    ///
    /// If the batch has no such slot.
    ///
    /// # Example: look at a slot
    ///
    /// ```
    /// use feedmill::{Loader, Recipe};
    ///
    /// let loader = Loader::open("fixtures/photos", Recipe::preset("imagenet")?.with_batch(2))?;
    /// let batch = loader.epoch(0)?.next().expect("a batch")?;
    /// let image = loader.images(&batch, 0).remove(0);
    /// assert_eq!((image.width, image.height, image.rgb.len()), (224, 224, 224 * 224 * 3));
    /// println!("{}", loader.label(&batch, 0)); // such as "nature"
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn images(&self, batch: &Batch, slot: usize) -> Vec<Image> {
        assert!(slot < batch.len(), "slot {slot} of {}", batch.len());
        let views = self.recipe().views().iter().enumerate();
        let each =
            views.flat_map(|(g, view)| (0..view.count()).map(move |k| (g, k, view.title(g, k))));
        let image = |(g, k, view)| {
            let (width, height, rgb) = self.rgb(&batch.tensors[g], k * batch.len() + slot);
            Image {
                view,
                place: (g, k),
                width,
                height,
                rgb,
            }
        };
        each.map(image).collect()
    }

    /// The mix mask of a slot as an image: black where every pixel is the slot's own, white where
    /// none is. `None` if the batch has no masks ([`Batch::masks`]).
    ///
    /// # Panics
    ///
    /// If the batch has no such slot.
    pub fn mask(&self, batch: &Batch, slot: usize) -> Option<Image> {
        assert!(slot < batch.len(), "slot {slot} of {}", batch.len());
        let all = batch.masks()?;
        let each = all.len() / batch.len();
        let shape = batch.images().shape();
        let width = if self.recipe().output.layout == Layout::Nchw {
            shape[3]
        } else {
            shape[2]
        };
        let levels = all[slot * each..][..each]
            .iter()
            .map(|weight| (weight * 255.0).round() as u8);
        let rgb = levels.flat_map(|level| [level; 3]).collect();
        Some(Image {
            view: "mask".into(),
            place: (0, 0),
            width: width as u32,
            height: (each / width) as u32,
            rgb,
        })
    }

    /// The width, the height and the RGB levels of one image of a tensor.
    fn rgb(&self, tensor: &Tensor, image: usize) -> (u32, u32, Vec<u8>) {
        let output = &self.context.recipe.output;
        let (h, w) = match output.layout {
            Layout::Nchw => (tensor.shape[2], tensor.shape[3]),
            Layout::Nhwc => (tensor.shape[1], tensor.shape[2]),
        };
        let channels = usize::from(output.channels());
        let [mean, std] =
            [output.means(), output.stds()].map(|each| each.map(|value| value as f32));
        let level = |at: usize, c: usize| {
            let normalized = match &tensor.pixels {
                Pixels::U8(values) => return f32::from(values[at]) / 255.0,
                Pixels::F16(values) => values[at].to_f32(),
                Pixels::Bf16(values) => values[at].to_f32(),
                Pixels::F32(values) => values[at],
            };
            normalized * std[c] + mean[c]
        };
        let mut rgb = Vec::with_capacity(w * h * 3);
        for y in 0..h {
            for x in 0..w {
                for c in 0..3 {
                    // A gray image has one channel, which all three show.
                    let c = c.min(channels - 1);
                    let at = match output.layout {
                        Layout::Nchw => ((image * channels + c) * h + y) * w + x,
                        Layout::Nhwc => ((image * h + y) * w + x) * channels + c,
                    };
                    rgb.push((level(at, c) * 255.0).round() as u8);
                }
            }
        }
        (w as u32, h as u32, rgb)
    }

    /// The target of a slot in a few words: class names, with their weights if there are several.
    /// At most the two largest classes of a dense target are named.
    ///
    /// # Panics
    ///
    /// If the batch has no such slot.
    pub fn label(&self, batch: &Batch, slot: usize) -> String {
        let names = self.context.source.classes().unwrap_or_default();
        let name = |class: i64| match usize::try_from(class)
            .ok()
            .and_then(|class| names.get(class))
        {
            Some(name) => name.clone(),
            None if class < 0 => "none".into(),
            None => class.to_string(),
        };
        match &batch.targets {
            Targets::Index(classes) => name(classes[slot]),
            Targets::Pair { a, b, lam } if lam[slot] < 1.0 => {
                format!(
                    "{} {:.2} {} {:.2}",
                    name(a[slot]),
                    lam[slot],
                    name(b[slot]),
                    1.0 - lam[slot]
                )
            }
            Targets::Pair { a, .. } => name(a[slot]),
            Targets::Sparse {
                offsets,
                classes,
                weights,
            } => {
                let slot = offsets[slot] as usize..offsets[slot + 1] as usize;
                match (&classes[slot.clone()], &weights[slot]) {
                    ([], _) => name(-1),
                    ([only], _) => name(*only),
                    (classes, weights) => {
                        let words = classes.iter().zip(weights);
                        let words: Vec<String> = words
                            .map(|(class, weight)| format!("{} {weight:.2}", name(*class)))
                            .collect();
                        words.join(" ")
                    }
                }
            }
            Targets::Dense { values, classes } => {
                let row = &values[slot * classes..(slot + 1) * classes];
                let mut order: Vec<usize> = (0..*classes).collect();
                order.sort_by(|&x, &y| row[y].total_cmp(&row[x]).then(x.cmp(&y)));
                // Smoothing gives every class a small weight. The thresholds leave those out, so
                // that only classes of the samples themselves are named.
                let most = row[order[0]];
                let shown = order
                    .iter()
                    .take(2)
                    .filter(|&&class| row[class] > 0.02 * most && row[class] > 0.01);
                let words: Vec<String> = shown
                    .map(|&class| format!("{} {:.2}", name(class as i64), row[class]))
                    .collect();
                words.join(" ")
            }
        }
    }
}
