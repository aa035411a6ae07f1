//! `feedmill preview`.

use std::path::PathBuf;

use feedmill::mix::Method;
use feedmill::{Batch, Loader, World};
use font8x8::UnicodeFonts;

use crate::Verdict;
use crate::apply::write_png;
use crate::job::Job;
use crate::output::{Failure, Out};

/// Write a real batch as one labelled picture: what the model will see
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    job: Job,
    /// The PNG to write
    #[arg(short, long, value_name = "PNG")]
    output: PathBuf,
    /// The epoch
    #[arg(long, value_name = "E", default_value_t = 0)]
    epoch: u32,
    /// The batch in the epoch
    #[arg(long, value_name = "I", default_value_t = 0)]
    index: u64,
    /// Slots shown at most
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    slots: u16,
}

/// Pixels of a character, and of the lines under each picture.
const CHARACTER: usize = 8;
const CAPTION: usize = 2 * (CHARACTER + 2);
const GAP: usize = 4;

/// A picture that is drawn on.
struct Canvas {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Canvas {
        Canvas { width, height, rgb: vec![24; width * height * 3] }
    }

    fn row(&mut self, left: usize, top: usize, rgb: &[u8]) {
        let at = (top * self.width + left) * 3;
        self.rgb[at..at + rgb.len()].copy_from_slice(rgb);
    }

    /// Draws a line of text, cut where `width` pixels end.
    fn text(&mut self, left: usize, top: usize, width: usize, text: &str) {
        for (number, character) in text.chars().take(width / CHARACTER).enumerate() {
            let fonts = [font8x8::BASIC_FONTS.get(character), font8x8::LATIN_FONTS.get(character)];
            let glyph = fonts.into_iter().flatten().next().or_else(|| font8x8::BASIC_FONTS.get('?'));
            for (y, bits) in glyph.unwrap_or_default().into_iter().enumerate() {
                for x in (0..CHARACTER).filter(|x| bits >> x & 1 == 1) {
                    self.row(left + number * CHARACTER + x, top + y, &[230; 3]);
                }
            }
        }
    }
}

impl Args {
    pub fn run(self, _out: &mut Out) -> Result<Verdict, Failure> {
        let loader = self.job.loader(World::SINGLE)?;
        let batch = loader.batch(self.epoch, self.index)?;
        let canvas = grid(&loader, &batch, usize::from(self.slots));
        write_png(&self.output, canvas.width as u32, canvas.height as u32, &canvas.rgb)?;
        Ok(Verdict::Fine)
    }
}

fn grid(loader: &Loader, batch: &Batch, most: usize) -> Canvas {
    let shown = batch.len().min(most);
    let columns = (1..=shown).find(|n| n * n >= shown).unwrap_or(1);
    let first = loader.picture(batch, 0);
    let (w, h) = (first.width as usize, first.height as usize);
    // A caption needs room even under a picture of 32 pixels.
    let cell = w.max(14 * CHARACTER);
    let rows = shown.div_ceil(columns);
    let mut canvas = Canvas::new(GAP + columns * (cell + GAP), GAP + rows * (h + CAPTION + GAP));
    for slot in 0..shown {
        let picture = loader.picture(batch, slot);
        let left = GAP + slot % columns * (cell + GAP);
        let top = GAP + slot / columns * (h + CAPTION + GAP);
        for (y, row) in picture.rgb.chunks_exact(w * 3).enumerate() {
            canvas.row(left, top + y, row);
        }
        canvas.text(left, top + h + 2, cell, &loader.label(batch, slot));
        canvas.text(left, top + h + 2 + CHARACTER + 2, cell, &origin(batch, slot));
    }
    canvas
}

/// Which sample it is, and how it was mixed.
fn origin(batch: &Batch, slot: usize) -> String {
    let mix = batch.mix()[slot];
    let sample = batch.samples()[slot];
    match mix.method {
        _ if !batch.valid()[slot] => format!("#{sample} not valid"),
        Method::Unmixed => format!("#{sample}"),
        method => {
            let partner = mix.partner as usize - batch.first_slot();
            format!("#{sample}+#{} {method} {:.2}", batch.samples()[partner], mix.lam)
        }
    }
}
