//! `feedmill preview`.

use std::io::Write;
use std::path::{Path, PathBuf};

use feedmill::augment;
use feedmill::augment::ops::{CenterCrop, Resize};
use feedmill::mix::{self, Masks, Method};
use feedmill::plan::EpisodeRole;
use feedmill::sample::{Annotations, PlaneKind};
use feedmill::{Batch, Image, Loader, Slot, World};

use crate::Verdict;
use crate::apply::{read_image, write_png};
use crate::canvas::{CHARACTER, Canvas, GAP};
use crate::contact_sheet::{SIDE, sheet, test_card};
use crate::job::Job;
use crate::output::{Failure, Out};

/// Write a real batch as one labeled image: what the model will see
///
/// With --ops instead, a contact sheet of every op at low, middle and high strength.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A contact sheet of every op, on the middle of IMAGE or on a test card
    #[arg(
        long,
        value_name = "IMAGE",
        num_args = 0..=1,
        conflicts_with_all = ["data", "preset", "recipe"]
    )]
    ops: Option<Option<PathBuf>>,
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
    #[arg(
        long,
        value_name = "N",
        default_value_t = 64,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    slots: u16,
}

/// Pixels of the lines under each image.
const CAPTION: usize = 2 * (CHARACTER + 2);

impl Args {
    pub(crate) fn run(self, out: &mut Out) -> Result<Verdict, Failure> {
        let canvas = match &self.ops {
            Some(image) => sheet(&image_of(image.as_deref())?, 0)?,
            None => {
                // Masks change no image.
                let recipe = self
                    .job
                    .recipe()?
                    .with_mix_masks(Masks::new().with_pixels(true));
                for view in recipe.views() {
                    let constants = view.ops().iter().flat_map(|op| op.op().constant_params());
                    for constant in constants {
                        writeln!(out, "constant {constant}: the same for every image")?;
                    }
                }
                let loader = self.job.loader_of(recipe, World::SINGLE)?;
                let batch = loader.reference_batch(self.epoch, self.index)?;
                grid(&loader, &batch, usize::from(self.slots))
            }
        };
        write_png(
            &self.output,
            canvas.width as u32,
            canvas.height as u32,
            &canvas.rgb,
        )?;
        Ok(Verdict::Fine)
    }
}

/// The middle of an image, or the test card, as rows of RGB of [`SIDE`] x [`SIDE`] pixels.
fn image_of(path: Option<&Path>) -> feedmill::Result<Vec<u8>> {
    let Some(path) = path else {
        return Ok(test_card());
    };
    let (frame, rgb) = read_image(path)?;
    let (frame, rgb) = augment::apply(&Resize::new(SIDE), 0, frame, &rgb)?;
    Ok(augment::apply(&CenterCrop::new(SIDE), 0, frame, &rgb)?.1)
}

/// The top left corner of a view, within the part of the grid that belongs to its slot.
struct Cell {
    left: usize,
    top: usize,
}

/// Arranges the views of a slot: the first at the left, the next ones in columns beside it, each
/// under its name if there are several. Returns the cells, and the width and height of all.
fn arrange(images: &[Image]) -> (Vec<Cell>, usize, usize) {
    let label = if images.len() > 1 { CHARACTER + 2 } else { 0 };
    let tallest = images
        .iter()
        .map(|image| image.height as usize + label)
        .max()
        .unwrap_or(0);
    let (mut left, mut top, mut width) = (0, 0, 0);
    let mut cells = Vec::with_capacity(images.len());
    for image in images {
        let (w, h) = (image.width as usize, image.height as usize + label);
        if top + h > tallest {
            (left, top, width) = (left + width + GAP, 0, 0);
        }
        cells.push(Cell { left, top });
        top += h + GAP;
        width = width.max(w);
    }
    (cells, left + width, tallest)
}

fn grid(loader: &Loader, batch: &Batch, most: usize) -> Canvas {
    let shown = batch.len().min(most);
    let columns = (1..=shown).find(|n| n * n >= shown).unwrap_or(1);
    let images = |slot: usize| {
        let mut images = loader.images(batch, slot);
        images.extend(loader.mask(batch, slot));
        images
    };
    let (cells, w, h) = arrange(&images(0));
    // A caption needs room even under an image of 32 pixels.
    let room = w.max(14 * CHARACTER);
    let rows = shown.div_ceil(columns);
    let mut canvas = Canvas::new(
        GAP + columns * (room + GAP),
        GAP + rows * (h + CAPTION + GAP),
    );
    for slot in 0..shown {
        let left = GAP + slot % columns * (room + GAP);
        let top = GAP + slot / columns * (h + CAPTION + GAP);
        for (image, cell) in images(slot).iter().zip(&cells) {
            let (left, mut top, width) = (left + cell.left, top + cell.top, image.width as usize);
            if cells.len() > 1 {
                canvas.text(left, top, width, &image.view);
                top += CHARACTER + 2;
            }
            for (y, row) in image.rgb.chunks_exact(width * 3).enumerate() {
                canvas.row(left, top + y, row);
            }
            let (g, k) = image.place;
            if let Some(annotations) = batch.slot(slot).view(g, k).annotations() {
                annotate(
                    &mut canvas,
                    [left, top, width, image.height as usize],
                    annotations,
                );
            }
        }
        canvas.text(left, top + h + 2, room, &loader.label(batch, slot));
        canvas.text(
            left,
            top + h + 2 + CHARACTER + 2,
            room,
            &origin(batch.slot(slot)),
        );
    }
    canvas
}

/// Lays masks over an image, and draws its boxes and keypoints. Each class or object has a color.
fn annotate(canvas: &mut Canvas, bounds: [usize; 4], annotations: &Annotations) {
    const COLORS: [[u8; 3]; 6] = [
        [230, 60, 60],
        [60, 200, 80],
        [80, 120, 255],
        [240, 200, 40],
        [220, 80, 220],
        [60, 210, 220],
    ];
    let color = |number: u32| COLORS[number as usize % COLORS.len()];
    let labels = |kind| annotations.planes.iter().find(|plane| plane.kind == kind);
    if let Some(plane) = labels(PlaneKind::Mask).or(labels(PlaneKind::Instances)) {
        for y in 0..bounds[3] {
            for x in 0..bounds[2] {
                // 0 is the background, 255 the label to ignore.
                if let Some(label @ 1..=254) = plane.value(x as u32, y as u32) {
                    canvas.tint(bounds[0] + x, bounds[1] + y, color(label.into()));
                }
            }
        }
    }
    for label in &annotations.boxes {
        canvas.outline(bounds, label.bounds, color(label.class));
    }
    for point in annotations
        .keypoints
        .iter()
        .filter(|point| point.visible > 0)
    {
        canvas.cross(bounds, point.x, point.y, color(point.id));
    }
}

/// Describes a slot: its sample, how it was mixed (the samples of all sources, the mixer, the
/// weight of the first label), and what the sampler says about it.
fn origin(slot: Slot<'_>) -> String {
    let (mix, sample) = (slot.mix(), slot.sample());
    let mixed = match mix.method {
        _ if !slot.is_valid() => format!("#{sample} not valid"),
        Method::UNMIXED if mix.role == mix::EmitRole::Mixed => format!("#{sample}"),
        Method::UNMIXED => format!("#{sample} clean"),
        method => {
            let more = mix.sources.len().saturating_sub(2);
            let more = if more > 0 {
                format!("+{more}")
            } else {
                String::new()
            };
            format!(
                "#{sample}+#{}{more} {method} {:.2}",
                mix.partner_sample, mix.lam
            )
        }
    };
    // What the sampler says: the group, and in episodes what the slot is for.
    let role = slot.role();
    let role = if role == EpisodeRole::Plain {
        String::new()
    } else {
        format!(" {role}")
    };
    let group = slot
        .group()
        .map_or(String::new(), |group| format!(" g{group}"));
    let weight = Some(slot.weight()).filter(|weight| *weight != 1.0);
    let weight = weight.map_or(String::new(), |weight| format!(" w{weight:.2}"));
    format!("{mixed}{role}{group}{weight}")
}
