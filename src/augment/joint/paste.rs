//! Instance copy-paste: pastes cut-outs of objects onto the image and makes the annotations agree.
//!
//! The rules for sizes, positions, blending and hidden objects are those of X-Paste (Zhao et al.,
//! 2023) and DiverGen (Fan et al., 2024).
//!
//! A step is drawn from sizes alone, but the size of a cut-out is known only once its file is
//! decoded. So the step holds unit-free draws ([`PasteDraw`]): a standard normal, a factor, a
//! center as shares of the sides. [`Paste::placed`] turns them into pixels at their final size when
//! the image or its annotations first ask for it, and keeps the result, so that both see the same
//! cut-outs and the work is done once.
//!
//! Which object hides which is decided for each pixel: cut-outs are pasted in order, and `top`
//! holds the uppermost one at each pixel. Everything else (boxes around what is seen, which
//! instances are dropped, values of planes) follows from it.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::bank::Bank;
use super::{AnnotationState, EraseRule, places::PlacedBox};
use crate::augment::ops::geometric::rotation;
use crate::augment::{Filter, Program, Scratch, Step, WarpFilter};
use crate::error::Result;
use crate::geometry::{Rect, Size};
use crate::sample::{BoxLabel, Plane, PlaneKind};

/// How the pixels of a cut-out are mixed with those of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PasteBlend {
    /// The cut-out replaces the image where its alpha is above 0.
    Basic,
    /// Each pixel is weighted by the alpha of the cut-out.
    Alpha,
    /// Each pixel is weighted by the share of its 5 x 5 neighbors that belong to the cut-out.
    Gaussian,
}

/// What was drawn for one cut-out, before its file is decoded.
#[derive(Clone, Debug)]
pub(in crate::augment) struct PasteDraw {
    /// The number of the cut-out in the bank.
    pub(in crate::augment) number: usize,
    /// A standard normal, which decides the size if the class has statistics.
    pub(in crate::augment) normal: f64,
    /// A factor on the aspect ratio; used with statistics only.
    pub(in crate::augment) aspect: f64,
    /// A factor on the cut-out's own size; used without statistics only.
    pub(in crate::augment) scale: f64,
    /// Whether it is mirrored left and right.
    pub(in crate::augment) flip: bool,
    /// By how much it is turned counter-clockwise.
    pub(in crate::augment) degrees: f64,
    /// The steps that change its colors; none of them moves pixels.
    pub(in crate::augment) color: Vec<Step>,
    /// The center of its box, as shares of the image's width and height.
    pub(in crate::augment) center: [f64; 2],
    /// How it is mixed with the image.
    pub(in crate::augment) blend: PasteBlend,
}

/// A step that pastes cut-outs, one after the other.
#[derive(Debug)]
pub struct Paste {
    bank: Arc<Bank>,
    draws: Vec<PasteDraw>,
    /// Whether sizes ignore the statistics of classes.
    random_scale: bool,
    /// The cut-outs in pixels; made when the image or its annotations first ask for them.
    placed: OnceLock<Vec<PlacedCutout>>,
}

/// A cut-out in its final size, at its position in the image.
#[derive(Debug)]
struct PlacedCutout {
    /// The number of the cut-out in the bank.
    number: usize,
    /// The first column in the image; negative if the cut-out begins outside.
    left: i64,
    /// The first row in the image; negative if the cut-out begins outside.
    top: i64,
    /// The size of the cut-out.
    frame: Size,
    rgb: Vec<u8>,
    /// One value for each pixel; the object is where it is above 0.
    alpha: Vec<u8>,
    blend: PasteBlend,
}

impl fmt::Display for Paste {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("paste")?;
        for PasteDraw {
            number,
            scale,
            flip,
            degrees,
            color,
            center: [x, y],
            ..
        } in &self.draws
        {
            let flip = if *flip { " mirrored" } else { "" };
            write!(
                f,
                " [cut-out {number}{flip} scale={scale:.3} degrees={degrees:.1} \
                 center={x:.3},{y:.3}"
            )?;
            color.iter().try_for_each(|step| write!(f, " {step}"))?;
            f.write_str("]")?;
        }
        Ok(())
    }
}

/// The size at which a cut-out of size `own` is pasted onto an image of size `image`; `None` if a
/// side would be shorter than 5 pixels or not shorter than the image's.
///
/// `statistics` are the mean and the deviation, over the objects of the class, of the square root
/// of the object's share of its image. With them the area is drawn, without them the cut-out's own
/// size is scaled.
fn size(draw: &PasteDraw, own: Size, statistics: Option<[f64; 2]>, image: Size) -> Option<Size> {
    let (w, h) = (f64::from(own.width), f64::from(own.height));
    let (image_w, image_h) = (f64::from(image.width), f64::from(image.height));
    let (width, height) = match statistics {
        Some([mean, std]) => {
            // On an image below 20 pixels the bounds cross; the upper one wins, as in numpy's
            // `clip`.
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
    pub(in crate::augment) fn new(
        bank: Arc<Bank>,
        draws: Vec<PasteDraw>,
        random_scale: bool,
    ) -> Paste {
        Paste {
            bank,
            draws,
            random_scale,
            placed: OnceLock::new(),
        }
    }

    /// The cut-outs in pixels, for an image of size `image`. Those that the bank passes over and
    /// those that would be too small or too large are left out.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if a cut-out cannot be read or decoded.
    fn placed(&self, image: Size) -> Result<&[PlacedCutout]> {
        if let Some(placed) = self.placed.get() {
            return Ok(placed);
        }
        let scratch = &mut Scratch::new(crate::decode::simd());
        let mut all = Vec::new();
        for draw in &self.draws {
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
            // Alpha goes through the steps that move pixels, as three equal channels; the image
            // goes through these and then through those that change colors.
            let shape = Program::of(steps.iter().cloned(), own);
            let frame = shape.end();
            let mut render = |program: &Program, pixels: &[u8]| -> Result<Vec<u8>> {
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
            let alpha: Vec<u8> = render(&shape, &wide)?.into_iter().step_by(3).collect();
            steps.extend(draw.color.iter().cloned());
            let rgb = render(&Program::of(steps, own), &cutout.rgb)?;
            let corner = |center: f64, side: u32, most: u32| {
                (center * f64::from(most)).floor() as i64 - i64::from(side / 2)
            };
            all.push(PlacedCutout {
                number: draw.number,
                left: corner(draw.center[0], frame.width, image.width),
                top: corner(draw.center[1], frame.height, image.height),
                frame,
                rgb,
                alpha,
                blend: draw.blend,
            });
        }
        // Another thread may have been first; its result has the same bytes.
        Ok(self.placed.get_or_init(|| all))
    }

    /// Pastes the cut-outs onto rows of RGB, in place.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if a cut-out cannot be read or decoded.
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

    /// Adds the pasted objects to the annotations, and takes what they hide from the others.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if a cut-out cannot be read or decoded.
    pub(super) fn annotate(&self, state: &mut AnnotationState<'_>) -> Result<()> {
        let frame = state.frame;
        let placed = self.placed(frame)?;
        // `top` is the uppermost cut-out at each pixel, counted from 1, and 0 for the image;
        // `whole` is what would be seen of each cut-out if there were none above it.
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
        state.occlude(&top);
        let mut seen = vec![Extent::default(); placed.len()];
        for (at, number) in top.iter().enumerate().filter(|(_, number)| **number > 0) {
            seen[usize::from(*number) - 1].add(at, frame);
        }
        // The id of each cut-out as an instance; 0 if too little of it is seen. Its pixels cover
        // the image all the same, so they still count in `top`.
        let mut ids = vec![0u32; placed.len()];
        for (number, placed) in placed.iter().enumerate() {
            let whole = whole[number].edges();
            if whole.is_some_and(|whole| seen[number].survives(whole))
                && let Some(edges) = seen[number].edges()
            {
                let (id, class) = (state.free_id(), self.bank.class(placed.number));
                let pasted = Some(placed.number as u32);
                let label = BoxLabel {
                    edges: edges.map(|edge| edge as f32),
                    class,
                    id,
                    pasted,
                };
                state.boxes.push(PlacedBox::new(&label));
                ids[number] = id;
            }
        }
        let classes: Vec<u32> = placed
            .iter()
            .map(|placed| self.bank.class(placed.number))
            .collect();
        let ignore = state.joint.ignore;
        for plane in &mut state.planes {
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
        if state.joint.erase == EraseRule::Ignore {
            for point in &mut state.points {
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

/// Sets each covered pixel of a plane of one channel to the value of the cut-out on top of it.
fn paint(plane: &mut Plane, top: &[u16], value: impl Fn(usize) -> u8) {
    let pixels = plane.bytes.iter().zip(top);
    let pixels = pixels.map(|(old, number)| match number {
        0 => *old,
        number => value(usize::from(*number) - 1),
    });
    plane.bytes = pixels.collect::<Vec<u8>>().into();
}

impl PlacedCutout {
    /// Calls `call` for every pixel of the cut-out that lies in the image, with the pixel's index
    /// in the image and in the cut-out.
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

    /// The weight of the cut-out at one of its pixels, from 0 to 1.
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

/// The bounding box of a set of pixels, and their number.
#[derive(Clone, Copy, Default)]
pub(super) struct Extent {
    /// Left, top, right, bottom; `None` for the empty set.
    edges: Option<[usize; 4]>,
    area: usize,
}

impl Extent {
    /// Adds the pixel with index `at` of an image of size `frame`.
    pub(super) fn add(&mut self, at: usize, frame: Size) {
        let (x, y) = (at % frame.width as usize, at / frame.width as usize);
        let [x0, y0, x1, y1] = self.edges.unwrap_or([x, y, x + 1, y + 1]);
        self.edges = Some([x0.min(x), y0.min(y), x1.max(x + 1), y1.max(y + 1)]);
        self.area += 1;
    }

    /// Left, top, right, bottom of the bounding box.
    pub(super) fn edges(&self) -> Option<[f64; 4]> {
        self.edges.map(|edges| edges.map(|edge| edge as f64))
    }

    /// Whether an instance with the box `before`, of which these pixels are left, is kept: no edge
    /// has moved by more than 10 pixels, or more than 300 pixels are left.
    fn survives(&self, before: [f64; 4]) -> bool {
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

impl AnnotationState<'_> {
    /// Takes the covered pixels (`top` above 0) away from the instances: boxes shrink to what is
    /// left, and instances of which too little is left are dropped.
    ///
    /// An instance is its pixels in a plane of instances; without such pixels it is its whole box.
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
            // An instance that has lost nothing keeps its box as annotated, which need not be the
            // box around its pixels.
            if left.area == all {
                continue;
            }
            if left.survives(placed.edges) {
                placed.edges = left.edges().unwrap_or(placed.edges);
            } else {
                dropped.push(placed.label.id);
            }
        }
        self.drop_boxes(|placed| !dropped.contains(&placed.label.id));
    }

    /// The smallest id from 1 that no instance has or had. Ids of dropped instances are not used
    /// again, because their pixels and keypoints are removed by id at the end.
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
