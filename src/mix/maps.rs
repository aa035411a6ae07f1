//! Maps that say which parts of an image matter to a mixer. A map comes from a caller (gradients or
//! attention of a model), from a plane that is stored with the image, or from the image itself
//! (saliency).

use serde::{Deserialize, Serialize};

use super::forms::Patches;
use super::saliency;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::sample::Annotations;
use crate::spec::ParamValue;

/// One finite number, 0 or more, for each cell of a grid over an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    rows: u32,
    columns: u32,
    values: Vec<f32>,
}

impl Map {
    /// A map of rows x columns cells from values in row-major order.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the number of values is 0 or not the number of cells, or if a
    /// value is negative or not finite.
    pub fn new(rows: u32, columns: u32, values: Vec<f32>) -> Result<Map> {
        if values.is_empty() || values.len() as u64 != u64::from(rows) * u64::from(columns) {
            return Err(Error::config(format!(
                "{} values are not a map of {rows} x {columns} cells",
                values.len()
            )));
        }
        if let Some(at) = values
            .iter()
            .position(|value| !value.is_finite() || *value < 0.0)
        {
            return Err(Error::config(format!(
                "map value {at} is {}: expected 0 or more",
                values[at]
            )));
        }
        Ok(Map {
            rows,
            columns,
            values,
        })
    }

    /// Rows and columns of the grid.
    pub fn size(&self) -> [u32; 2] {
        [self.rows, self.columns]
    }

    /// The values in row-major order.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// The means of the map over the cells of a grid that is coarser or equal.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the sides of the map are not multiples of those of the grid.
    pub(super) fn pooled(&self, [rows, columns]: [u32; 2]) -> Result<Vec<f32>> {
        if self.rows.is_multiple_of(rows) && self.columns.is_multiple_of(columns) {
            return Ok(self.averaged([rows, columns]));
        }
        Err(Error::config(format!(
            "a map of {} x {} values where {rows} x {columns}, or a multiple of that, is expected",
            self.rows, self.columns
        )))
    }

    /// The means of the map over the cells of any grid: value `x` of a line of `n` values belongs
    /// to cell `floor(x * cells / n)`.
    pub(super) fn averaged(&self, [rows, columns]: [u32; 2]) -> Vec<f32> {
        if [rows, columns] == self.size() {
            return self.values.clone();
        }
        let mut means = Vec::with_capacity(rows as usize * columns as usize);
        for row in 0..rows {
            for column in 0..columns {
                let (mut sum, mut count) = (0.0f64, 0u32);
                for y in Patches::span(row, self.rows, rows) {
                    for x in Patches::span(column, self.columns, columns) {
                        sum +=
                            f64::from(self.values[y as usize * self.columns as usize + x as usize]);
                        count += 1;
                    }
                }
                means.push((sum / f64::from(count)) as f32);
            }
        }
        means
    }
}

/// Where the maps of a mixer come from: its parameter `map`, which is `fine_grained`,
/// `spectral_residual` or the name of a plane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum MapSource {
    /// Fine-grained saliency, computed from the image ([`saliency::fine_grained`]).
    #[default]
    FineGrained,
    /// Spectral-residual saliency, computed from the image ([`saliency::spectral_residual`]).
    SpectralResidual,
    /// The annotation plane of this name, which has one channel.
    Plane(String),
}

impl From<String> for MapSource {
    fn from(name: String) -> MapSource {
        match &name[..] {
            "fine_grained" => MapSource::FineGrained,
            "spectral_residual" => MapSource::SpectralResidual,
            _ => MapSource::Plane(name),
        }
    }
}

impl From<MapSource> for String {
    fn from(source: MapSource) -> String {
        match source {
            MapSource::FineGrained => "fine_grained".into(),
            MapSource::SpectralResidual => "spectral_residual".into(),
            MapSource::Plane(name) => name,
        }
    }
}

impl MapSource {
    /// The name of the plane that the source needs, if it needs one.
    pub fn plane(&self) -> Option<&str> {
        match self {
            MapSource::Plane(name) => Some(name),
            _ => None,
        }
    }

    /// The map of an image of size `frame`. A computed map has a value for each pixel, 0 to 1; a
    /// plane has its own resolution and levels, 0 to 255.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the annotations have no plane of this name with one channel.
    pub fn find(&self, frame: Size, view: &[u8], annotations: Option<&Annotations>) -> Result<Map> {
        let (rows, columns) = (frame.height, frame.width);
        let values = match self {
            MapSource::FineGrained => saliency::fine_grained(frame, view)
                .into_iter()
                .map(|level| f32::from(level) / 255.0)
                .collect(),
            MapSource::SpectralResidual => saliency::spectral_residual(frame, view),
            MapSource::Plane(name) => {
                let plane = annotations
                    .and_then(|annotations| annotations.plane(name))
                    .filter(|plane| plane.kind.channels() == 1)
                    .ok_or_else(|| {
                        Error::config(format!("no plane \"{name}\" of one channel for its map"))
                    })?;
                let Size { width, height } = plane.size().unwrap_or(Size::square(0));
                return Map::new(
                    height,
                    width,
                    plane.bytes.iter().map(|byte| f32::from(*byte)).collect(),
                );
            }
        };
        Map::new(rows, columns, values)
    }
}
impl ParamValue for MapSource {
    fn form() -> String {
        "`\"fine_grained\"`, `\"spectral_residual\"` or the name of a plane".to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        toml::Value::try_from(self).ok()
    }
}
