//! The step that pastes cut-outs of objects: what was drawn, and what it does to pixels.
//!
//! The rules for sizes, positions and blending are those of X-Paste (Zhao et al., 2023) and
//! DiverGen (Fan et al., 2024).
//!
//! A step is drawn from sizes alone, but the size of a cut-out is known only once its file is
//! decoded. So the step holds unit-free draws ([`PasteDraw`]): a standard normal, a factor, a
//! center as shares of the sides. [`Paste::placed`] turns them into pixels at their final size when
//! the image or its annotations first ask for it, and keeps the result, so that both see the same
//! cut-outs and the work is done once.

mod annotate;
mod bank;

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

use super::{Mirror, Resize, rotation};
use crate::augment::joint::state::Annotate;
use crate::augment::step::{OnPlane, PlaneValues, Step, StepImage, StepScratch, render};
use crate::augment::{Filter, WarpFilter};
use crate::error::Result;
use crate::geometry::Size;
pub(in crate::augment) use bank::{Bank, changed as bank_changed};

/// How the pixels of a cut-out are mixed with those of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
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
    pub(in crate::augment) color: Vec<Arc<dyn Step>>,
    /// The center of its box, as shares of the image's width and height.
    pub(in crate::augment) center: [f64; 2],
    /// How it is mixed with the image.
    pub(in crate::augment) blend: PasteBlend,
}

/// A step that pastes cut-outs, one after the other.
#[derive(Debug)]
pub(in crate::augment) struct Paste {
    bank: Arc<Bank>,
    draws: Vec<PasteDraw>,
    /// Whether sizes ignore the statistics of classes.
    random_scale: bool,
    /// The cut-outs in pixels; made when the image or its annotations first ask for them.
    placed: OnceLock<Vec<PlacedCutout>>,
}

/// A cut-out in its final size, at its position in the image.
#[derive(Debug)]
pub(in crate::augment) struct PlacedCutout {
    /// The number of the cut-out in the bank.
    pub(in crate::augment) number: usize,
    /// The first column in the image; negative if the cut-out begins outside.
    left: i64,
    /// The first row in the image; negative if the cut-out begins outside.
    top: i64,
    /// The size of the cut-out.
    frame: Size,
    rgb: Vec<u8>,
    /// One value for each pixel; the object is where it is above 0.
    pub(in crate::augment) alpha: Vec<u8>,
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

    /// The class of a cut-out.
    pub(in crate::augment) fn class(&self, number: usize) -> u32 {
        self.bank.class(number)
    }

    /// The cut-outs in pixels, for an image of size `image`. Those that the bank passes over and
    /// those that would be too small or too large are left out.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if a cut-out cannot be read or decoded.
    pub(in crate::augment) fn placed(
        &self,
        image: Size,
        scratch: &mut StepScratch,
    ) -> Result<&[PlacedCutout]> {
        if let Some(placed) = self.placed.get() {
            return Ok(placed);
        }
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
            let mut steps: Vec<Arc<dyn Step>> = vec![Arc::new(Resize {
                size: frame,
                filter: Filter::Bilinear,
            })];
            if draw.flip {
                steps.push(Arc::new(Mirror::Columns));
            }
            let (degrees, filter) = (draw.degrees, WarpFilter::Bilinear);
            steps.extend(rotation(degrees, frame, true, filter, [0; 3]));
            // Alpha goes through the steps that move pixels, as three equal channels; the image
            // goes through these and then through those that change colors.
            let wide: Vec<u8> = cutout.alpha.iter().flat_map(|&alpha| [alpha; 3]).collect();
            let (frame, alpha) = render(&steps, own, &wide, scratch)?;
            let alpha = alpha.into_iter().step_by(3).collect();
            steps.extend(draw.color.iter().cloned());
            let (_, rgb) = render(&steps, own, &cutout.rgb, scratch)?;
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
    fn paste(&self, pixels: &mut [u8], frame: Size, scratch: &mut StepScratch) -> Result<()> {
        let image = pixels.as_chunks_mut::<3>().0;
        for placed in self.placed(frame, scratch)? {
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
}

impl Step for Paste {
    fn run(&self, image: &mut StepImage<'_>, scratch: &mut StepScratch) -> Result<()> {
        let size = image.size();
        self.paste(image.in_place(), size, scratch)
    }

    fn on_plane(&self, _: PlaneValues) -> OnPlane {
        // The annotations are pasted into planes, by the plane's kind.
        OnPlane::Skip
    }

    fn annotate(&self) -> Option<&dyn Annotate> {
        Some(self)
    }
}

impl PlacedCutout {
    /// Calls `call` for every pixel of the cut-out that lies in the image, with the pixel's index
    /// in the image and in the cut-out.
    pub(in crate::augment) fn each(&self, image: Size, mut call: impl FnMut(usize, usize)) {
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

#[cfg(test)]
impl PasteDraw {
    /// A cut-out at its own size, neither mirrored nor turned nor changed in color.
    pub(in crate::augment) fn plain(number: usize, center: [f64; 2]) -> PasteDraw {
        PasteDraw {
            number,
            normal: 0.0,
            aspect: 1.0,
            scale: 1.0,
            flip: false,
            degrees: 0.0,
            color: Vec::new(),
            center,
            blend: PasteBlend::Basic,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Size = Size {
        width: 64,
        height: 48,
    };

    #[test]
    fn sizes_follow_scale_or_statistics() {
        let own = Size {
            width: 10,
            height: 8,
        };
        let with = |scale: f64| PasteDraw {
            scale,
            ..PasteDraw::plain(0, [0.5; 2])
        };
        assert_eq!(
            size(&with(1.55), own, None, FRAME),
            Some(Size {
                width: 15,
                height: 12
            })
        );
        assert_eq!(
            size(&with(0.6), own, None, FRAME),
            None,
            "a side below 5 pixels"
        );
        assert_eq!(
            size(&with(6.0), own, None, FRAME),
            None,
            "as high as the image"
        );
        // A quarter of each side: 64 * 48 / 16 = 192 pixels of aspect 1.25.
        let found = size(&with(1.0), own, Some([0.25, 0.1]), FRAME).unwrap();
        assert_eq!(
            found,
            Size {
                width: 15,
                height: 12
            }
        );
        let large = PasteDraw {
            normal: 9.0,
            ..with(1.0)
        };
        assert_eq!(
            size(&large, own, Some([0.25, 0.1]), FRAME),
            Some(Size {
                width: 30,
                height: 24
            })
        );
        let small = PasteDraw {
            normal: -9.0,
            ..with(1.0)
        };
        assert_eq!(
            size(&small, own, Some([0.25, 0.1]), FRAME),
            Some(Size {
                width: 12,
                height: 10
            })
        );
    }

    #[test]
    fn blends_weigh_by_alpha_or_a_blurred_mask() {
        let placed = |blend, alpha: Vec<u8>| PlacedCutout {
            number: 0,
            left: 0,
            top: 0,
            frame: Size {
                width: 5,
                height: 5,
            },
            rgb: vec![0; 75],
            alpha,
            blend,
        };
        let mut alpha = vec![51; 25];
        alpha[12] = 0;
        let weights = |blend, at: usize| placed(blend, alpha.clone()).weight(at);
        assert_eq!(
            [
                weights(PasteBlend::Basic, 0),
                weights(PasteBlend::Basic, 12)
            ],
            [1.0, 0.0]
        );
        assert_eq!(
            [
                weights(PasteBlend::Alpha, 0),
                weights(PasteBlend::Alpha, 12)
            ],
            [0.2, 0.0]
        );
        assert_eq!(weights(PasteBlend::Gaussian, 12), 24.0 / 25.0);
        assert_eq!(weights(PasteBlend::Gaussian, 0), 8.0 / 25.0);
    }
}
