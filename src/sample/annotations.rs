//! Annotations of an image beyond its class: boxes, keypoints and planes of pixels.
//!
//! Sources deliver them separately from the image's bytes, so a recipe without `[joint]` never
//! reads them.

use bytes::Bytes;
use serde_json::Value;

use super::Codec;
use crate::error::{Error, Result};
use crate::geometry::{Bounds, Size};

/// The boxes, keypoints and planes of one image.
///
/// Coordinates are in pixels of the upright image: 0 is its left or upper edge, and its width or
/// height is the opposite edge. So the center of the first pixel is at 0.5.
///
/// # Example: annotations of samples in memory
///
/// ```
/// use feedmill::geometry::{Bounds, Size};
/// use feedmill::sample::{Annotations, BoxLabel, Keypoint, Plane, PlaneKind};
/// use feedmill::source::{Memory, Source};
///
/// let size = Size::new(8, 4);
/// let mask = vec![1; 8 * 4]; // a class for each pixel
/// let annotations = Annotations::default()
///     .with_boxes([BoxLabel::new(Bounds::new(1.0, 0.0, 5.0, 4.0), 3, 1)])
///     .with_keypoints([Keypoint::new(2.5, 1.5, 0).with_instance(1)])
///     .with_planes([Plane::raw("mask", PlaneKind::Mask, size, mask)]);
/// annotations.check()?;
///
/// let source = Memory::pixels(vec![0u8; 8 * 4 * 3], size, 3, vec![0])?;
/// let source = source.with_annotations(vec![annotations.clone()])?;
/// assert_eq!(source.annotations(0)?, Some(annotations));
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Annotations {
    /// Rectangles around objects.
    pub boxes: Vec<BoxLabel>,
    /// Points of objects.
    pub keypoints: Vec<Keypoint>,
    /// Masks, depth maps and other images of the same scene.
    pub planes: Vec<Plane>,
}

/// A rectangle around an object, an *instance*.
///
/// # Example: a box around a dog
///
/// ```
/// use feedmill::geometry::Bounds;
/// use feedmill::sample::BoxLabel;
///
/// let dog = BoxLabel::new(Bounds::new(10.0, 20.0, 110.0, 70.0), 17, 1);
/// assert_eq!((dog.class, dog.id, dog.bounds.width()), (17, 1, 100.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct BoxLabel {
    /// The edges, in pixels of the image.
    pub bounds: Bounds,
    /// The class of the object.
    pub class: u32,
    /// The number of the instance in the image, from 1. Its pixels have this value in a plane of
    /// [`PlaneKind::Instances`], and its keypoints have it as [`Keypoint::instance`].
    pub id: u32,
    /// The number of the cut-out, if the instance was pasted into the image; else `None`.
    pub pasted: Option<u32>,
}

impl BoxLabel {
    /// Returns a box around an object of a class, with the number `id` of its instance in the
    /// image, from 1.
    pub fn new(bounds: impl Into<Bounds>, class: u32, id: u32) -> BoxLabel {
        BoxLabel {
            bounds: bounds.into(),
            class,
            id,
            pasted: None,
        }
    }
}

/// A point of an object, such as a joint of a body.
///
/// # Example: the left eye of the first person
///
/// ```
/// use feedmill::sample::Keypoint;
///
/// let eye = Keypoint::new(60.0, 45.0, 1).with_instance(1).with_visible(2);
/// assert_eq!((eye.x, eye.instance), (60.0, 1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Keypoint {
    /// The horizontal coordinate in pixels, from the left edge of the image.
    pub x: f32,
    /// The vertical coordinate in pixels, from the upper edge of the image.
    pub y: f32,
    /// 0 if the point cannot be seen or is not in the image. Other values are defined by the user
    /// (COCO: 1 hidden, 2 visible).
    pub visible: u8,
    /// Which point of the object it is, such as 5 for the left shoulder.
    pub id: u32,
    /// The [`BoxLabel::id`] of the object; 0 if there is none.
    pub instance: u32,
}

impl Keypoint {
    /// Returns point number `id` of an object, which can be seen (2) and belongs to no instance.
    pub fn new(x: f32, y: f32, id: u32) -> Keypoint {
        Keypoint {
            x,
            y,
            visible: 2,
            id,
            instance: 0,
        }
    }

    /// Returns the point with another visibility; 0 if it cannot be seen.
    #[must_use]
    pub fn with_visible(self, visible: u8) -> Keypoint {
        Keypoint { visible, ..self }
    }

    /// Returns the point as one of the object with this number ([`BoxLabel::id`]).
    #[must_use]
    pub fn with_instance(self, instance: u32) -> Keypoint {
        Keypoint { instance, ..self }
    }
}

/// A plane: pixels that belong to the image and show the same scene, possibly at another
/// resolution.
///
/// # Example: the class at a pixel
///
/// ```
/// use feedmill::geometry::Size;
/// use feedmill::sample::{Plane, PlaneKind};
///
/// let mask = Plane::raw("mask", PlaneKind::Mask, Size::new(3, 2), vec![0, 0, 1, 0, 2, 1]);
/// assert_eq!(mask.size(), Some(Size::new(3, 2)));
/// assert_eq!(mask.value(1, 1), Some(2)); // column 1, row 1
/// assert_eq!(mask.value(3, 0), None); // outside
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plane {
    /// The name, such as `mask` or `infrared`.
    pub name: String,
    /// The meaning of the values.
    pub kind: PlaneKind,
    /// The encoding of `bytes`: always [`Codec::Raw`] in a batch.
    pub codec: Codec,
    /// The encoded bytes.
    pub bytes: Bytes,
}

/// The meaning of a plane's values, which decides how ops change them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PlaneKind {
    /// A class for each pixel; one channel.
    Mask,
    /// A [`BoxLabel::id`] for each pixel, 0 where there is no instance; one channel.
    Instances,
    /// A distance for each pixel, 0 where none is known; one channel.
    Depth,
    /// Three channels that follow the geometry of the image and keep their values: infrared,
    /// normals.
    Image,
    /// Three channels that undergo every op of the image, those on color included.
    Color,
}

impl PlaneKind {
    const ALL: [(PlaneKind, &'static str); 5] = [
        (PlaneKind::Mask, "mask"),
        (PlaneKind::Instances, "instances"),
        (PlaneKind::Depth, "depth"),
        (PlaneKind::Image, "image"),
        (PlaneKind::Color, "color"),
    ];

    /// The kind in lower case, as file names have it.
    pub fn as_str(self) -> &'static str {
        PlaneKind::ALL[self as usize].1
    }

    /// The kind with a name; the inverse of [`PlaneKind::as_str`].
    pub fn of(name: &str) -> Option<PlaneKind> {
        PlaneKind::ALL
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(kind, _)| *kind)
    }

    /// The number of channels: 1 or 3.
    pub fn channels(self) -> u8 {
        match self {
            PlaneKind::Mask | PlaneKind::Instances | PlaneKind::Depth => 1,
            PlaneKind::Image | PlaneKind::Color => 3,
        }
    }
}

impl Plane {
    /// A plane of raw pixels: height x width values row by row, or height x width x 3 for kinds
    /// with three channels.
    pub fn raw(
        name: impl Into<String>,
        kind: PlaneKind,
        size: Size,
        pixels: impl Into<Bytes>,
    ) -> Plane {
        Plane::encoded(name, kind, Codec::raw(size, kind.channels()), pixels)
    }

    /// A plane as an image file stores it, such as a PNG. It is decoded when its sample is read.
    pub fn encoded(
        name: impl Into<String>,
        kind: PlaneKind,
        codec: Codec,
        bytes: impl Into<Bytes>,
    ) -> Plane {
        Plane {
            name: name.into(),
            kind,
            codec,
            bytes: bytes.into(),
        }
    }

    /// The size of a raw plane; `None` for an encoded one. Planes of a batch are always raw.
    pub fn size(&self) -> Option<Size> {
        match self.codec {
            Codec::Raw { width, height, .. } => Some(Size { width, height }),
            _ => None,
        }
    }

    /// The value at column `x` and row `y` of a raw plane of one channel; `None` for other planes
    /// and outside the plane.
    pub fn value(&self, x: u32, y: u32) -> Option<u8> {
        let size = self.size().filter(|_| self.kind.channels() == 1)?;
        let inside = x < size.width && y < size.height;
        self.bytes
            .get(y as usize * size.width as usize + x as usize)
            .copied()
            .filter(|_| inside)
    }
}

impl Annotations {
    /// Returns the annotations with these boxes in place of the present ones.
    #[must_use]
    pub fn with_boxes(self, boxes: impl IntoIterator<Item = BoxLabel>) -> Annotations {
        Annotations {
            boxes: boxes.into_iter().collect(),
            ..self
        }
    }

    /// Returns the annotations with these keypoints in place of the present ones.
    #[must_use]
    pub fn with_keypoints(self, keypoints: impl IntoIterator<Item = Keypoint>) -> Annotations {
        Annotations {
            keypoints: keypoints.into_iter().collect(),
            ..self
        }
    }

    /// Returns the annotations with these planes in place of the present ones.
    #[must_use]
    pub fn with_planes(self, planes: impl IntoIterator<Item = Plane>) -> Annotations {
        Annotations {
            planes: planes.into_iter().collect(),
            ..self
        }
    }

    /// The plane with a name; `None` if there is none.
    pub fn plane(&self, name: &str) -> Option<&Plane> {
        self.planes.iter().find(|plane| plane.name == name)
    }

    /// Reads boxes and keypoints from a JSON object: `{"boxes": [[x0, y0, x1, y1, class], …],
    /// "keypoints": [[x, y, visible, id], …]}`.
    ///
    /// A box may end with the number of its instance; by default that is its position in the list,
    /// from 1. A keypoint may end with the number of its instance, 0 (none) by default. Other keys
    /// are ignored.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Corrupt`] for invalid JSON, for a row of another form, which is named, and as
    /// [`Annotations::check`].
    ///
    /// # Example: the file beside an image
    ///
    /// ```
    /// use feedmill::geometry::Bounds;
    /// use feedmill::sample::Annotations;
    ///
    /// let text = r#"{"boxes": [[10, 20, 110, 70, 3]], "keypoints": [[60, 45, 2, 0, 1]]}"#;
    /// let annotations = Annotations::from_json(text.as_bytes())?;
    /// assert_eq!(annotations.boxes[0].bounds, Bounds::new(10.0, 20.0, 110.0, 70.0));
    /// assert_eq!((annotations.boxes[0].class, annotations.boxes[0].id), (3, 1));
    /// assert_eq!(annotations.keypoints[0].instance, 1);
    /// # Ok::<(), feedmill::Error>(())
    /// ```
    pub fn from_json(text: &[u8]) -> Result<Annotations> {
        let value: Value = serde_json::from_slice(text)
            .map_err(|error| Error::corrupt(format!("not JSON: {error}")).with_source(error))?;
        let mut annotations = Annotations::default();
        for (number, row) in rows(&value, "boxes")?.iter().enumerate() {
            let context = Row {
                list: "boxes",
                number,
                expected: "[x0, y0, x1, y1, class] or with id",
            };
            let [x0, y0, x1, y1, class, rest @ ..] = &context.numbers(row)?[..] else {
                return Err(context.error(row));
            };
            let id = match rest {
                [] => number as u32 + 1,
                [id] => context.integer(*id)?,
                _ => return Err(context.error(row)),
            };
            let edges = [*x0, *y0, *x1, *y1].map(|edge| edge as f32);
            let class = context.integer(*class)?;
            annotations.boxes.push(BoxLabel::new(edges, class, id));
        }
        for (number, row) in rows(&value, "keypoints")?.iter().enumerate() {
            let context = Row {
                list: "keypoints",
                number,
                expected: "[x, y, visible, id] or with instance",
            };
            let [x, y, visible, id, rest @ ..] = &context.numbers(row)?[..] else {
                return Err(context.error(row));
            };
            let instance = match rest {
                [] => 0,
                [instance] => context.integer(*instance)?,
                _ => return Err(context.error(row)),
            };
            let visible =
                u8::try_from(context.integer(*visible)?).map_err(|_| context.error(row))?;
            annotations.keypoints.push(Keypoint {
                x: *x as f32,
                y: *y as f32,
                visible,
                id: context.integer(*id)?,
                instance,
            });
        }
        annotations.check()?;
        Ok(annotations)
    }

    /// Writes the JSON object that [`Annotations::from_json`] reads. Planes are left out.
    pub fn to_json(&self) -> String {
        let boxes = self.boxes.iter().map(|label| {
            let [x0, y0, x1, y1] = label.bounds.edges();
            serde_json::json!([x0, y0, x1, y1, label.class, label.id])
        });
        let keypoints = self.keypoints.iter().map(|point| {
            serde_json::json!([point.x, point.y, point.visible, point.id, point.instance])
        });
        let (boxes, keypoints): (Vec<Value>, Vec<Value>) = (boxes.collect(), keypoints.collect());
        serde_json::json!({ "boxes": boxes, "keypoints": keypoints }).to_string()
    }

    /// Boxes and keypoints multiplied by horizontal and vertical factors, for an image that is
    /// resized. Planes stay as they are.
    pub(crate) fn scaled(mut self, [sx, sy]: [f32; 2]) -> Annotations {
        for label in &mut self.boxes {
            let [x0, y0, x1, y1] = label.bounds.edges();
            label.bounds = Bounds::new(x0 * sx, y0 * sy, x1 * sx, y1 * sy);
        }
        for point in &mut self.keypoints {
            (point.x, point.y) = (point.x * sx, point.y * sy);
        }
        self
    }

    /// Refuses numbers that are not finite, boxes with edges in the wrong order, two planes of one
    /// name, and raw planes with bytes that do not fit their size. Boxes and keypoints may lie
    /// outside the image.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Corrupt`] that names the field.
    pub fn check(&self) -> Result<()> {
        for (number, label) in self.boxes.iter().enumerate() {
            let edges @ [x0, y0, x1, y1] = label.bounds.edges();
            if !edges.iter().all(|edge| edge.is_finite()) || x1 < x0 || y1 < y0 {
                return Err(Error::corrupt(format!(
                    "boxes[{number}] = [{x0}, {y0}, {x1}, {y1}]: expected finite x0 <= x1 and y0 \
                     <= y1"
                )));
            }
        }
        for (number, Keypoint { x, y, .. }) in self.keypoints.iter().enumerate() {
            if !(x.is_finite() && y.is_finite()) {
                return Err(Error::corrupt(format!(
                    "keypoints[{number}] = [{x}, {y}]: expected finite numbers"
                )));
            }
        }
        for (number, plane) in self.planes.iter().enumerate() {
            let at =
                |text: String| Err(Error::corrupt(format!("plane \"{}\": {text}", plane.name)));
            if self.planes[..number]
                .iter()
                .any(|other| other.name == plane.name)
            {
                return at("there is another one of that name".into());
            }
            if let Codec::Raw {
                width,
                height,
                channels,
            } = plane.codec
            {
                let expected = u64::from(width) * u64::from(height) * u64::from(channels);
                if channels != plane.kind.channels() || width == 0 || height == 0 {
                    return at(format!(
                        "{width} x {height} pixels of {channels} channels; a plane of kind {} has \
                         {}",
                        plane.kind.as_str(),
                        plane.kind.channels()
                    ));
                }
                if plane.bytes.len() as u64 != expected {
                    return at(format!(
                        "{} bytes for {width} x {height} pixels of {channels} channels; expected \
                         {expected}",
                        plane.bytes.len()
                    ));
                }
            }
        }
        Ok(())
    }

    /// Calls `push` with everything that a hash of the annotations covers, piece by piece.
    pub(crate) fn pieces(&self, mut push: impl FnMut(&[u8])) {
        push(&(self.boxes.len() as u64).to_le_bytes());
        for label in &self.boxes {
            label
                .bounds
                .edges()
                .iter()
                .for_each(|edge| push(&edge.to_le_bytes()));
            [
                label.class,
                label.id,
                label.pasted.map_or(0, |bank| bank.saturating_add(1)),
            ]
            .iter()
            .for_each(|number| push(&number.to_le_bytes()));
        }
        push(&(self.keypoints.len() as u64).to_le_bytes());
        for point in &self.keypoints {
            [point.x, point.y]
                .iter()
                .for_each(|at| push(&at.to_le_bytes()));
            [u32::from(point.visible), point.id, point.instance]
                .iter()
                .for_each(|number| push(&number.to_le_bytes()));
        }
        push(&(self.planes.len() as u64).to_le_bytes());
        for plane in &self.planes {
            push(plane.name.as_bytes());
            push(&[plane.kind as u8]);
            if let Some(size) = plane.size() {
                [size.width, size.height]
                    .iter()
                    .for_each(|side| push(&side.to_le_bytes()));
            }
            push(&plane.bytes);
        }
    }
}

/// The list under a key; empty if the key is missing or null.
fn rows<'a>(value: &'a Value, key: &str) -> Result<&'a [Value]> {
    match value.get(key) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(rows)) => Ok(rows),
        Some(other) => Err(Error::corrupt(format!(
            "{key} = {}: expected a list of lists",
            abbreviated(other)
        ))),
    }
}

/// A value as JSON for a message, cut off after 60 characters.
fn abbreviated(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// A row of `boxes` or `keypoints` that is being read, for error messages.
struct Row {
    list: &'static str,
    number: usize,
    /// The form that the row should have.
    expected: &'static str,
}

impl Row {
    /// The error for a row of another form.
    fn error(&self, row: &Value) -> Error {
        Error::corrupt(format!(
            "{}[{}] = {}: expected {}",
            self.list,
            self.number,
            abbreviated(row),
            self.expected
        ))
    }

    /// The numbers of a row, at most 6.
    fn numbers(&self, row: &Value) -> Result<Vec<f64>> {
        let items = row
            .as_array()
            .filter(|items| items.len() <= 6)
            .ok_or_else(|| self.error(row))?;
        items
            .iter()
            .map(|item| item.as_f64().ok_or_else(|| self.error(row)))
            .collect()
    }

    /// A number of the row as an unsigned integer.
    fn integer(&self, value: f64) -> Result<u32> {
        if value.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&value) {
            return Ok(value as u32);
        }
        Err(Error::corrupt(format!(
            "{}[{}]: {value} where a whole number is expected: {}",
            self.list, self.number, self.expected
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_and_keypoints_are_read_from_json() {
        let text = br#"{
            "boxes": [[1, 2.5, 3, 4, 7], [0, 0, 1, 1, 2, 9]],
            "keypoints": [[5, 6, 2, 3], [1, 1, 0, 4, 9]],
            "caption": "two"
        }"#;
        let found = Annotations::from_json(text).unwrap();
        assert_eq!(
            found.boxes,
            [
                BoxLabel::new([1.0, 2.5, 3.0, 4.0], 7, 1),
                BoxLabel::new([0.0, 0.0, 1.0, 1.0], 2, 9)
            ]
        );
        let point = |x, y, visible, id, instance| Keypoint {
            x,
            y,
            visible,
            id,
            instance,
        };
        assert_eq!(
            found.keypoints,
            [point(5.0, 6.0, 2, 3, 0), point(1.0, 1.0, 0, 4, 9)]
        );
        assert_eq!(
            Annotations::from_json(found.to_json().as_bytes()).unwrap(),
            found
        );
        assert_eq!(
            Annotations::from_json(b"{\"label\": 3}").unwrap(),
            Annotations::default()
        );
    }

    #[test]
    fn a_bad_field_is_named() {
        for (text, words) in [
            ("{", "not JSON"),
            (r#"{"boxes": 3}"#, "boxes = 3: expected a list"),
            (
                r#"{"boxes": [[1, 2, 3, 4]]}"#,
                "boxes[0] = [1,2,3,4]: expected [x0, y0, x1, y1, class]",
            ),
            (
                r#"{"boxes": [[0, 0, 1, 1, 0], [5, 0, 1, 1, 0]]}"#,
                "boxes[1] = [5, 0, 1, 1]",
            ),
            (
                r#"{"boxes": [[0, 0, 1, 1, -1]]}"#,
                "boxes[0]: -1 where a whole number",
            ),
            (
                r#"{"boxes": [[0, 0, 1e99, 1, 0]]}"#,
                "boxes[0] = [0, 0, inf, 1]",
            ),
            (r#"{"keypoints": [[0, null, 1, 1]]}"#, "keypoints[0]"),
            (r#"{"keypoints": [[0, 0, 256, 1]]}"#, "keypoints[0]"),
            (r#"{"keypoints": [[0, NaN, 1, 1]]}"#, "not JSON"),
        ] {
            let error = Annotations::from_json(text.as_bytes()).unwrap_err();
            assert!(error.message().contains(words), "{text}: {error}");
            assert_eq!(error.kind(), crate::Kind::Corrupt);
        }
    }

    #[test]
    fn planes_fit_their_size_and_kind() {
        let with = |planes| {
            Annotations {
                planes,
                ..Annotations::default()
            }
            .check()
        };
        let plane = |kind, bytes: usize| Plane::raw("p", kind, Size::new(3, 2), vec![0; bytes]);
        with(vec![plane(PlaneKind::Mask, 6)]).unwrap();
        with(vec![plane(PlaneKind::Image, 18)]).unwrap();
        assert!(
            with(vec![plane(PlaneKind::Mask, 5)])
                .unwrap_err()
                .message()
                .contains("expected 6")
        );
        assert!(
            with(vec![plane(PlaneKind::Mask, 6); 2])
                .unwrap_err()
                .message()
                .contains("another one")
        );
        let gray = Plane {
            kind: PlaneKind::Color,
            ..plane(PlaneKind::Mask, 6)
        };
        assert!(
            with(vec![gray])
                .unwrap_err()
                .message()
                .contains("kind color has 3")
        );
    }
}
