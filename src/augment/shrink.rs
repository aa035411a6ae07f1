//! Programs for an image that is decoded smaller, for `decode.scale = "fast"`.
//!
//! A JPEG can be decoded at a half, a quarter or an eighth of its size for a fraction of the time.
//! If the steps shrink the image at least as much anyway, they can be rewritten for the smaller
//! image. Its pixels differ slightly, which is why a recipe has to ask for it.

use std::sync::Arc;

use super::Program;
use super::step::Merge;
use super::steps::Crop;
use crate::geometry::Size;

impl Program {
    /// The largest divisor of the sides of the image before the steps run: 8, 4, 2 or 1.
    ///
    /// It is more than 1 only if the steps begin with crops inside the image and mirror images, and
    /// then resize with a filter that averages. The image that is resized stays at least as large
    /// as the one it becomes.
    pub(crate) fn slack(&self) -> u32 {
        let mut size = self.begin();
        for step in self.steps() {
            match step.merge() {
                Merge::MirrorColumns | Merge::MirrorRows => {}
                Merge::Crop {
                    left,
                    top,
                    size: inner,
                    ..
                } => {
                    let fits = |start: i64, length: u32, outer: u32| {
                        start >= 0 && start + i64::from(length) <= i64::from(outer)
                    };
                    if !fits(left, inner.width, size.width) || !fits(top, inner.height, size.height)
                    {
                        return 1;
                    }
                    size = inner;
                }
                Merge::Mean => {
                    let end = step.output_size(size);
                    let most = (size.width / end.width.max(1)).min(size.height / end.height.max(1));
                    return [8, 4, 2]
                        .into_iter()
                        .find(|divisor| *divisor <= most)
                        .unwrap_or(1);
                }
                Merge::No | Merge::Levels(_) => return 1,
            }
        }
        1
    }

    /// Rewrites the program for an image with its sides divided and rounded up. The divisor is at
    /// most [`Program::slack`]. The edges of crops are rounded to pixels of that image.
    pub(crate) fn shrink(&mut self, divisor: u32) {
        let input = self.begin();
        let mut size = Size {
            width: input.width.div_ceil(divisor),
            height: input.height.div_ceil(divisor),
        };
        let divisor = i64::from(divisor);
        self.steps_mut().rewrite(size, |step| match step.merge() {
            Merge::MirrorColumns | Merge::MirrorRows => Some(Arc::clone(step)),
            Merge::Crop {
                left,
                top,
                size: inner,
                pad,
            } => {
                let edges = |start: i64, length: u32, outer: u32| {
                    let nearest = |edge: i64| (2 * edge + divisor) / (2 * divisor);
                    let first = nearest(start).clamp(0, i64::from(outer) - 1);
                    let end = nearest(start + i64::from(length)).clamp(first + 1, i64::from(outer));
                    (first, (end - first) as u32)
                };
                let (left, width) = edges(left, inner.width, size.width);
                let (top, height) = edges(top, inner.height, size.height);
                size = Size { width, height };
                Some(Arc::new(Crop {
                    left,
                    top,
                    size,
                    pad,
                }))
            }
            Merge::No | Merge::Mean | Merge::Levels(_) => None,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::augment::step::{StepScratch, step_list};
    use crate::augment::steps::{Mirror, Resize, Turn};
    use crate::augment::{Filter, Step};
    use crate::cpu::Simd;
    use crate::geometry::Rect;

    fn crop(left: i64, top: i64, width: u32, height: u32) -> Crop {
        Crop::new(left, top, Size { width, height })
    }

    fn resize(side: u32) -> Resize {
        let size = Size {
            width: side,
            height: side,
        };
        Resize {
            size,
            filter: Filter::Bilinear,
        }
    }

    fn slack(steps: Vec<Arc<dyn Step>>) -> u32 {
        Program::of(
            steps,
            Size {
                width: 800,
                height: 603,
            },
        )
        .slack()
    }

    #[test]
    fn only_crops_and_mirror_images_before_a_resize_leave_slack() {
        assert_eq!(
            [slack(step_list![resize(75)]), slack(step_list![resize(76)])],
            [8, 4]
        );
        assert_eq!(
            slack(step_list![
                Mirror::Columns,
                crop(9, 3, 300, 200),
                resize(100)
            ]),
            2
        );
        assert_eq!(slack(step_list![crop(9, 3, 300, 199), resize(100)]), 1);
        assert_eq!(
            slack(step_list![crop(-1, 3, 300, 300), resize(10)]),
            1,
            "padded"
        );
        assert_eq!(slack(step_list![Turn(1), resize(10)]), 1);
        assert_eq!(slack(step_list![Mirror::Columns]), 1);
        let nearest = Resize {
            size: Size {
                width: 10,
                height: 10,
            },
            filter: Filter::Nearest,
        };
        assert_eq!(slack(step_list![nearest]), 1);
    }

    #[test]
    fn a_shrunk_program_reads_the_same_part_of_the_smaller_image() {
        let mut program = Program::of(
            step_list![
                crop(100, 41, 601, 500),
                Mirror::Columns,
                crop(0, 3, 600, 480),
                resize(100),
            ],
            Size {
                width: 801,
                height: 603,
            },
        );
        assert_eq!(program.slack(), 4);
        assert_eq!(
            program.source_region(),
            Rect {
                left: 101,
                top: 44,
                width: 600,
                height: 480
            }
        );
        program.shrink(4);
        assert_eq!(
            program.begin(),
            Size {
                width: 201,
                height: 151
            }
        );
        assert_eq!(
            program.source_region(),
            Rect {
                left: 25,
                top: 11,
                width: 150,
                height: 120
            }
        );
        let mut out = vec![0; 100 * 100 * 3];
        let size = Size {
            width: 100,
            height: 100,
        };
        program
            .run(
                &mut StepScratch::new(Simd::scalar()),
                &vec![7; 54000],
                program.source_region(),
                &mut out,
                size,
            )
            .unwrap();
        assert!(out.iter().all(|value| *value == 7));
    }
}
