//! Maps of what matters in an image: given by a caller, stored as planes, or computed from the
//! image.

use serde::{Deserialize, Serialize};

use super::forms::Patches;
use super::saliency;
use crate::error::{Error, Result};
use crate::geometry::Size;
use crate::sample::Annotations;

/// Numbers, 0 or more, for each cell of a grid over an image.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    rows: u32,
    columns: u32,
    values: Vec<f32>,
}

impl Map {
    /// Of rows of values.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`]: another number of values than cells, none, or values that are negative or not finite.
    pub fn new(rows: u32, columns: u32, values: Vec<f32>) -> Result<Map> {
        if values.is_empty() || values.len() as u64 != u64::from(rows) * u64::from(columns) {
            return Err(Error::config(format!(
                "{} values are no map of {rows} x {columns} cells",
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

    /// Rows and columns.
    pub fn size(&self) -> [u32; 2] {
        [self.rows, self.columns]
    }

    /// Rows of values.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Means over the cells of a coarser grid, or the map itself.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the grid does not divide the map's.
    pub(super) fn pooled(&self, [rows, columns]: [u32; 2]) -> Result<Vec<f32>> {
        if self.rows.is_multiple_of(rows) && self.columns.is_multiple_of(columns) {
            return Ok(self.averaged([rows, columns]));
        }
        Err(Error::config(format!(
            "a map of {} x {} values where {rows} x {columns}, or a multiple of that, is expected",
            self.rows, self.columns
        )))
    }

    /// Means over the cells of a grid; value `x` of a line of `n` belongs to cell `floor(x * cells
    /// / n)`.
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

/// Where a mixer's maps come from: the parameter `map`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum MapSource {
    /// Fine-grained saliency of the image, computed here.
    #[default]
    FineGrained,
    /// Spectral-residual saliency of the image, computed here.
    SpectralResidual,
    /// A plane of one channel of that name.
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
    /// The name of the plane that it needs.
    pub fn plane(&self) -> Option<&str> {
        match self {
            MapSource::Plane(name) => Some(name),
            _ => None,
        }
    }

    /// The map of an image at its own resolution.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if there is no such plane of one channel.
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
                let (width, height) = plane.size().unwrap_or_default();
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
