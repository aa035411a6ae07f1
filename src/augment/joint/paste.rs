//! Instance copy-paste: X-Paste (Zhao et al., 2023) and DiverGen (Fan et al., 2024), whose rules
//! these are.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::bank::Bank;
use super::{EraseRule, Scene, places::PlacedBox};
use crate::augment::ops::geometric::rotation;
use crate::augment::{Filter, Program, ProgramScratch, Step, WarpFilter};
use crate::error::Result;
use crate::geometry::{Rect, Size};
use crate::sample::{BoxLabel, Plane, PlaneKind};

/// How a cut-out is put onto an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasteBlend {
    /// Its pixels replace the image's.
    Basic,
    /// Weighted by its alpha.
    Alpha,
    /// Weighted by its mask, blurred over 5 x 5 pixels.
    Gaussian,
}

/// One cut-out as drawn.
#[derive(Clone, Debug)]
pub(in crate::augment) struct Draw {
    /// In the bank.
    pub(in crate::augment) number: usize,
    /// A standard normal: the size by statistics.
    pub(in crate::augment) normal: f64,
    /// The factor of the aspect.
    pub(in crate::augment) aspect: f64,
    /// The factor of its own size; used if there are no statistics.
    pub(in crate::augment) scale: f64,
    pub(in crate::augment) flip: bool,
    /// Counter-clockwise.
    pub(in crate::augment) degrees: f64,
    /// What is done to its colors.
    pub(in crate::augment) color: Vec<Step>,
    /// Where the center of its box comes to lie, as shares of the image's sides.
    pub(in crate::augment) center: [f64; 2],
    pub(in crate::augment) blend: PasteBlend,
}

/// Cut-outs to be pasted, one after the other.
#[derive(Debug)]
pub struct Paste {
    bank: Arc<Bank>,
    rng: Vec<Draw>,
    random_scale: bool,
    /// Made when the image or its annotations first ask for it.
    placed: OnceLock<Vec<Placed>>,
}

/// A cut-out of its final size at its place.
#[derive(Debug)]
struct Placed {
    number: usize,
    left: i64,
    top: i64,
    frame: Size,
    rgb: Vec<u8>,
    alpha: Vec<u8>,
    blend: PasteBlend,
}

impl fmt::Display for Paste {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("paste")?;
        for Draw {
            number,
            scale,
            flip,
            degrees,
            color,
            center: [x, y],
            ..
        } in &self.rng
        {
            let flip = if *flip { " mirrored" } else { "" };
            write!(
                f,
                " [cut-out {number}{flip} scale={scale:.3} degrees={degrees:.1} center={x:.3},{y:.3}"
            )?;
            color.iter().try_for_each(|step| write!(f, " {step}"))?;
            f.write_str("]")?;
        }
        Ok(())
    }
}

/// The size of a cut-out of `own` pixels on an image; `None` if it is too small or too large.
fn size(draw: &Draw, own: Size, statistics: Option<[f64; 2]>, image: Size) -> Option<Size> {
    let (w, h) = (f64::from(own.width), f64::from(own.height));
    let (image_w, image_h) = (f64::from(image.width), f64::from(image.height));
    let (width, height) = match statistics {
        Some([mean, std]) => {
            // The upper bound wins where an image is so small that they cross, as in numpy.
            let root = (mean + draw.normal * std).max(10.0 / image_h).min(0.5);
            let area = root * root * image_h * image_w;
            let aspect = w / h * draw.aspect;
            let width = (aspect * area).sqrt();
            (width, width / aspect)
        }
        None => (w * draw.scale, h * draw.scale),
    };
    let fits = |side: f64, most: f64| side.trunc() >= 5.0 && side.trunc() < most;
    (fits(width, image_w) && fits(height, image_h)).then_some(Size {
        width: width as u32,
        height: height as u32,
    })
}

impl Paste {
    pub(in crate::augment) fn new(bank: Arc<Bank>, rng: Vec<Draw>, random_scale: bool) -> Paste {
        Paste {
            bank,
            rng,
            random_scale,
            placed: OnceLock::new(),
        }
    }

    /// The cut-outs on an image of this size.
    fn placed(&self, image: Size) -> Result<&[Placed]> {
        if let Some(placed) = self.placed.get() {
            return Ok(placed);
        }
        let scratch = &mut ProgramScratch::new(crate::cpu::Simd::detect());
        let mut all = Vec::new();
        for draw in &self.rng {
            let Some(cutout) = self.bank.cutout(draw.number)? else {
                continue;
            };
            let own = Size {
                width: cutout.width,
                height: cutout.height,
            };
            let statistics = self
                .bank
                .statistics(draw.number)
                .filter(|_| !self.random_scale);
            let Some(frame) = size(draw, own, statistics, image) else {
                continue;
            };
            let mut steps = vec![Step::Resize {
                width: frame.width,
                height: frame.height,
                filter: Filter::Bilinear,
            }];
            steps.extend(Some(Step::HorizontalFlip).filter(|_| draw.flip));
            steps.extend(rotation(
                draw.degrees,
                frame,
                true,
                WarpFilter::Bilinear,
                [0; 3],
            ));
            let shape = Program::of(steps.iter().cloned(), own);
            let frame = shape.end();
            let mut made = |program: &Program, pixels: &[u8]| -> Result<Vec<u8>> {
                let mut out = vec![0; frame.width as usize * frame.height as usize * 3];
                program.run(
                    scratch,
                    pixels,
                    Rect::whole(own.width, own.height),
                    &mut out,
                    frame,
                )?;
                Ok(out)
            };
            let wide: Vec<u8> = cutout.alpha.iter().flat_map(|&alpha| [alpha; 3]).collect();
            let alpha: Vec<u8> = made(&shape, &wide)?.into_iter().step_by(3).collect();
            steps.extend(draw.color.iter().cloned());
            let rgb = made(&Program::of(steps, own), &cutout.rgb)?;
            let corner = |center: f64, side: u32, most: u32| {
                (center * f64::from(most)).floor() as i64 - i64::from(side / 2)
            };
            all.push(Placed {
                number: draw.number,
                left: corner(draw.center[0], frame.width, image.width),
                top: corner(draw.center[1], frame.height, image.height),
                frame,
                rgb,
                alpha,
                blend: draw.blend,
            });
        }
        Ok(self.placed.get_or_init(|| all))
    }

    /// Pastes onto rows of RGB.
    pub(in crate::augment) fn run(&self, pixels: &mut [u8], frame: Size) -> Result<()> {
        let image = pixels.as_chunks_mut::<3>().0;
        for placed in self.placed(frame)? {
            placed.each(frame, |at, own| {
                let weight = placed.weight(own);
                if weight > 0.0 {
                    let color = &placed.rgb[own * 3..][..3];
                    for (value, new) in image[at].iter_mut().zip(color) {
                        let old = f32::from(*value);
                        *value = (old + (f32::from(*new) - old) * weight).round() as u8;
                    }
                }
            });
        }
        Ok(())
    }

    /// Puts the instances into a scene, over those there are.
    pub(super) fn annotate(&self, scene: &mut Scene<'_>) -> Result<()> {
        let frame = scene.frame;
        let placed = self.placed(frame)?;
        // The uppermost cut-out at each pixel, from 1, and where each one would be without those
        // above it.
        let mut top = vec![0u16; frame.width as usize * frame.height as usize];
        let mut whole = vec![Extent::default(); placed.len()];
        for ((number, placed), whole) in (1..).zip(placed).zip(&mut whole) {
            placed.each(frame, |at, own| {
                if placed.alpha[own] > 0 {
                    top[at] = number;
                    whole.add(at, frame);
                }
            });
        }
        scene.occlude(&top);
        let mut seen = vec![Extent::default(); placed.len()];
        for (at, number) in top.iter().enumerate().filter(|(_, number)| **number > 0) {
            seen[usize::from(*number) - 1].add(at, frame);
        }
        // The instance of each cut-out; 0 if it is hidden too far.
        let mut ids = vec![0u32; placed.len()];
        for (number, placed) in placed.iter().enumerate() {
            let whole = whole[number].edges();
            if whole.is_some_and(|whole| seen[number].stays(whole))
                && let Some(edges) = seen[number].edges()
            {
                let (id, class) = (scene.free_id(), self.bank.class(placed.number));
                let pasted = Some(placed.number as u32);
                let label = BoxLabel {
                    edges: edges.map(|edge| edge as f32),
                    class,
                    id,
                    pasted,
                };
                scene.boxes.push(PlacedBox::new(&label));
                ids[number] = id;
            }
        }
        let classes: Vec<u32> = placed
            .iter()
            .map(|placed| self.bank.class(placed.number))
            .collect();
        let ignore = scene.joint.ignore;
        for plane in &mut scene.planes {
            match plane.kind {
                PlaneKind::Mask => paint(plane, &top, |number| {
                    u8::try_from(classes[number]).unwrap_or(ignore)
                }),
                PlaneKind::Instances => {
                    paint(plane, &top, |number| u8::try_from(ids[number]).unwrap_or(0))
                }
                PlaneKind::Depth => paint(plane, &top, |_| 0),
                PlaneKind::Image => {}
                PlaneKind::Color => {
                    let mut pixels = plane.bytes.to_vec();
                    self.run(&mut pixels, frame)?;
                    plane.bytes = pixels.into();
                }
            }
        }
        if scene.joint.erase == EraseRule::Ignore {
            for point in &mut scene.points {
                let [x, y] = point.at.map(|at| at.max(0.0) as usize);
                let (x, y) = (
                    x.min(frame.width as usize - 1),
                    y.min(frame.height as usize - 1),
                );
                if top[y * frame.width as usize + x] > 0 {
                    point.point.visible = 0;
                }
            }
        }
        Ok(())
    }
}

fn paint(plane: &mut Plane, top: &[u16], value: impl Fn(usize) -> u8) {
    let pixels = plane.bytes.iter().zip(top);
    let pixels = pixels.map(|(old, number)| match number {
        0 => *old,
        number => value(usize::from(*number) - 1),
    });
    plane.bytes = pixels.collect::<Vec<u8>>().into();
}

impl Placed {
    /// Calls with the place in the image and in the cut-out of every pixel that is in both.
    fn each(&self, image: Size, mut call: impl FnMut(usize, usize)) {
        let inside = |start: i64, side: u32, most: u32| {
            (-start).clamp(0, i64::from(side))..(i64::from(most) - start).clamp(0, i64::from(side))
        };
        for y in inside(self.top, self.frame.height, image.height) {
            for x in inside(self.left, self.frame.width, image.width) {
                let at = (self.top + y) * i64::from(image.width) + self.left + x;
                call(at as usize, (y * i64::from(self.frame.width) + x) as usize);
            }
        }
    }

    /// How much of a pixel is the cut-out's.
    fn weight(&self, at: usize) -> f32 {
        match self.blend {
            PasteBlend::Basic => f32::from(u8::from(self.alpha[at] > 0)),
            PasteBlend::Alpha => f32::from(self.alpha[at]) / 255.0,
            PasteBlend::Gaussian => {
                let (w, h) = (self.frame.width as usize, self.frame.height as usize);
                let (x, y) = (at % w, at / w);
                let rows = y.saturating_sub(2)..(y + 3).min(h);
                let inside = rows.map(|y| {
                    let row = &self.alpha[y * w..][..w];
                    row[x.saturating_sub(2)..(x + 3).min(w)]
                        .iter()
                        .filter(|alpha| **alpha > 0)
                        .count()
                });
                inside.sum::<usize>() as f32 / 25.0
            }
        }
    }
}

/// The rectangle around pixels, and how many they are.
#[derive(Clone, Copy, Default)]
pub(super) struct Extent {
    edges: Option<[usize; 4]>,
    area: usize,
}

impl Extent {
    pub(super) fn add(&mut self, at: usize, frame: Size) {
        let (x, y) = (at % frame.width as usize, at / frame.width as usize);
        let [x0, y0, x1, y1] = self.edges.unwrap_or([x, y, x + 1, y + 1]);
        self.edges = Some([x0.min(x), y0.min(y), x1.max(x + 1), y1.max(y + 1)]);
        self.area += 1;
    }

    pub(super) fn edges(&self) -> Option<[f64; 4]> {
        self.edges.map(|edges| edges.map(|edge| edge as f64))
    }

    /// Whether an instance whose box was `before` is still one.
    fn stays(&self, before: [f64; 4]) -> bool {
        let near = |edges: [f64; 4]| {
            edges
                .iter()
                .zip(before)
                .all(|(new, old)| (new - old).abs() <= 10.0)
        };
        self.edges()
            .is_some_and(|edges| near(edges) || self.area > 300)
    }
}

impl Scene<'_> {
    /// Takes what is pasted over instances from them: their boxes go around what is left, and those
    /// of which too little is left are dropped. Without pixels in a plane of instances, an
    /// instance is all of its box.
    pub(super) fn occlude(&mut self, top: &[u16]) {
        let frame = self.frame;
        let mut dropped = Vec::new();
        let planes = self
            .planes
            .iter()
            .filter(|plane| plane.kind == PlaneKind::Instances);
        let planes: Vec<&Plane> = planes.collect();
        for placed in &mut self.boxes {
            let id = u8::try_from(placed.label.id).ok().filter(|id| *id > 0);
            let plane = id.and_then(|id| planes.iter().find(|plane| plane.bytes.contains(&id)));
            let [x0, y0, x1, y1] = placed.edges;
            let (mut all, mut left) = (0, Extent::default());
            let mut add = |at: usize| {
                all += 1;
                if top[at] == 0 {
                    left.add(at, frame);
                }
            };
            match (plane, id) {
                (Some(plane), Some(id)) => {
                    let own = plane
                        .bytes
                        .iter()
                        .enumerate()
                        .filter(|(_, value)| **value == id);
                    own.for_each(|(at, _)| add(at));
                }
                _ => {
                    for y in y0.floor() as usize..(y1.ceil() as usize).min(frame.height as usize) {
                        for x in x0.floor() as usize..(x1.ceil() as usize).min(frame.width as usize)
                        {
                            add(y * frame.width as usize + x);
                        }
                    }
                }
            }
            if left.area == all {
                continue;
            }
            if left.stays(placed.edges) {
                placed.edges = left.edges().unwrap_or(placed.edges);
            } else {
                dropped.push(placed.label.id);
            }
        }
        self.drop_boxes(|placed| !dropped.contains(&placed.label.id));
    }

    /// The smallest number that is no instance's, present or past.
    pub(super) fn free_id(&self) -> u32 {
        let taken = |id: u32| {
            self.boxes.iter().any(|placed| placed.label.id == id)
                || self.dropped.contains(&id)
                || self.points.iter().any(|placed| placed.point.instance == id)
                || self.planes.iter().any(|plane| {
                    plane.kind == PlaneKind::Instances
                        && u8::try_from(id).is_ok_and(|id| plane.bytes.contains(&id))
                })
        };
        (1..).find(|id| !taken(*id)).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
#[path = "paste_tests.rs"]
mod tests;
