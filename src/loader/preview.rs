//! A batch as a picture.

use super::Loader;
use crate::batch::{Batch, Pixels, Targets};
use crate::recipe::Layout;

/// Rows of RGB with their size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Rows of RGB, width x height x 3 bytes.
    pub rgb: Vec<u8>,
}

impl Loader {
    /// The pixels of a slot as the model sees them, brought back to 0 to 255.
    ///
    /// # Panics
    ///
    /// If the batch has no such slot.
    pub fn picture(&self, batch: &Batch, slot: usize) -> Picture {
        let frame = self.line.frame();
        let (w, h) = (frame.width as usize, frame.height as usize);
        let output = &self.line.recipe.output;
        let value = |at: usize| match &batch.images {
            Pixels::U8(values) => f32::from(values[at]) / 255.0,
            Pixels::F16(values) => values[at].to_f32(),
            Pixels::Bf16(values) => values[at].to_f32(),
            Pixels::F32(values) => values[at],
        };
        let mut rgb = Vec::with_capacity(w * h * 3);
        for y in 0..h {
            for x in 0..w {
                for c in 0..3 {
                    let at = match output.layout {
                        Layout::Nchw => ((slot * 3 + c) * h + y) * w + x,
                        Layout::Nhwc => ((slot * h + y) * w + x) * 3 + c,
                    };
                    let level = match batch.images {
                        Pixels::U8(_) => value(at),
                        _ => value(at) * output.std[c] as f32 + output.mean[c] as f32,
                    };
                    rgb.push((level * 255.0).round() as u8);
                }
            }
        }
        Picture { width: frame.width, height: frame.height, rgb }
    }

    /// The target of a slot in a few words: class names with their weights.
    ///
    /// # Panics
    ///
    /// If the batch has no such slot.
    pub fn label(&self, batch: &Batch, slot: usize) -> String {
        let names = self.line.source.classes().unwrap_or_default();
        let name = |class: i64| match usize::try_from(class).ok().and_then(|class| names.get(class)) {
            Some(name) => name.clone(),
            None if class < 0 => "none".into(),
            None => class.to_string(),
        };
        match &batch.targets {
            Targets::Index(classes) => name(classes[slot]),
            Targets::Pair { a, b, lam } if lam[slot] < 1.0 => {
                format!("{} {:.2} {} {:.2}", name(a[slot]), lam[slot], name(b[slot]), 1.0 - lam[slot])
            }
            Targets::Pair { a, .. } => name(a[slot]),
            Targets::Dense { values, classes } => {
                let row = &values[slot * classes..(slot + 1) * classes];
                let mut order: Vec<usize> = (0..*classes).collect();
                order.sort_by(|&x, &y| row[y].total_cmp(&row[x]).then(x.cmp(&y)));
                // Smoothing gives every class a little; what is shown is what a sample brought.
                let most = row[order[0]];
                let shown =
                    order.iter().take(2).filter(|&&class| row[class] > 0.02 * most && row[class] > 0.01);
                let words: Vec<String> =
                    shown.map(|&class| format!("{} {:.2}", name(class as i64), row[class])).collect();
                words.join(" ")
            }
        }
    }
}
