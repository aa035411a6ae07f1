//! A tree of quadrants. `any_res` says why tiles are views.

use crate::augment::steps::{Blank, Crop};
use crate::augment::{Filter, Op, Steps, steps};
use crate::declare;
use crate::geometry::{Rect, Size};
use crate::rng::RandomStream;

/// Cuts the image into a tree of quadrants, numbered breadth first; view k of the group is node k:
/// DC2 (Wang et al., 2024, arXiv 2408.15556).
///
/// View 0 is the whole image, views 1 to 4 are its quadrants (top left, bottom left, top right,
/// bottom right), views 5 to 8 the quadrants of the first of these, and so on. A quadrant is half
/// as wide and half as high, rounded down; an odd last row or column is dropped. All nodes are
/// resized to one size. The view block's `count` decides the depth of the tree: 1, 5, 21 or 85
/// views for 0 to 3 levels below the whole image.
///
/// # Notes
///
/// * `there`: 1 if the node exists, else 0.
/// * `parent`: the number of the parent's view; -1 for the root.
/// * `box`: left, top, width, height of the node in the image; zeros if it does not exist.
///
/// # Example: in Rust and in a recipe
///
/// ```
/// use feedmill::augment::ops::Quadrants;
/// use feedmill::testing::assert_op;
///
/// let op = Quadrants::new().with_least(100);
/// assert_op(r#"{ op = "quadrants", least = 100 }"#, &op);
/// ```
#[declare(
    name = "quadrants",
    like = ["DC2"],
    strengths = [
        "size = 96, least = 8",
        "size = 64, least = 8",
        "size = 32, least = 8",
    ],
)]
#[derive(Clone, Debug, PartialEq)]
pub struct Quadrants {
    /// The side of each view.
    #[param(default = 336, range = [1.0, 4096.0], unit = "pixels")]
    size: u32,
    /// The shortest side that a quadrant may have before resizing. A node whose quadrants would be
    /// smaller has none, and the views of the missing ones are black.
    #[param(default = 168, range = [1.0, 16384.0], unit = "pixels")]
    least: u32,
    /// The filter of the resize.
    #[param(default = Filter::Bicubic)]
    filter: Filter,
}

impl Op for Quadrants {
    fn output_size(&self, _: Option<Size>) -> Option<Size> {
        Some(Size {
            width: self.size,
            height: self.size,
        })
    }

    fn notes(&self) -> Vec<(String, usize)> {
        vec![("there".into(), 1), ("parent".into(), 1), ("box".into(), 4)]
    }

    fn draw(&self, _: &mut RandomStream, steps: &mut Steps) {
        let (node, _) = steps.view();
        let part = self.node(node, steps.size());
        let parent = if node == 0 { -1 } else { (node as i64 - 1) / 4 };
        steps.note("there", &[i64::from(part.is_some())]);
        steps.note("parent", &[parent]);
        let edges = part.map_or([0; 4], |part| {
            [part.left, part.top, part.width, part.height]
        });
        steps.note("box", &edges.map(i64::from));
        // A missing node is made from one pixel, which is the least to decode, and then blanked.
        steps.push(Crop::of(part.unwrap_or(Rect::whole(1, 1))));
        steps.push(steps::Resize {
            size: Size {
                width: self.size,
                height: self.size,
            },
            filter: self.filter,
        });
        if part.is_none() {
            steps.push(Blank);
        }
    }
}

impl Quadrants {
    /// The part of the image that a node is; `None` if its parent is a leaf or missing.
    ///
    /// In breadth-first order the children of node n are 4 n + 1 to 4 n + 4, so the path to the
    /// root follows from the number alone.
    fn node(&self, node: usize, image: Size) -> Option<Rect> {
        if node == 0 {
            return Some(Rect::whole(image.width, image.height));
        }
        let parent = self.node((node - 1) / 4, image)?;
        let (width, height) = (parent.width / 2, parent.height / 2);
        if width < self.least || height < self.least {
            return None;
        }
        let quadrant = (node as u32 - 1) % 4;
        Some(Rect {
            left: parent.left + quadrant / 2 * width,
            top: parent.top + quadrant % 2 * height,
            width,
            height,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quadrants_stop_where_they_would_be_too_small() {
        let op = Quadrants::new().with_size(4).with_least(10);
        let node = |node, width, height| {
            let part = op.node(node, Size { width, height })?;
            Some([part.left, part.top, part.width, part.height])
        };
        assert_eq!(node(1, 45, 41), Some([0, 0, 22, 20]));
        assert_eq!(node(2, 45, 41), Some([0, 20, 22, 20]));
        assert_eq!(node(3, 45, 41), Some([22, 0, 22, 20]));
        assert_eq!(node(20, 45, 41), Some([33, 30, 11, 10]));
        assert_eq!(node(21, 45, 41), None);
        assert_eq!(node(5, 39, 80), None);
    }
}
