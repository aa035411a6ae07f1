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
    size: Size,
    values: Vec<f32>,
}

impl Map {
    /// A map of `size.width` columns and `size.height` rows of cells, from values in row-major
    /// order.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the number of values is 0 or not the number of cells, or if a
    /// value is negative or not finite.
    pub fn new(size: Size, values: Vec<f32>) -> Result<Map> {
        if values.is_empty() || values.len() as u64 != size.area() {
            return Err(Error::config(format!(
                "{} values are not a map of {size} cells",
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
        Ok(Map { size, values })
    }

    /// The number of cells, across and down.
    pub fn size(&self) -> Size {
        self.size
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
    pub(super) fn pooled(&self, grid: Size) -> Result<Vec<f32>> {
        let size = self.size;
        if size.width.is_multiple_of(grid.width) && size.height.is_multiple_of(grid.height) {
            return Ok(self.averaged(grid));
        }
        Err(Error::config(format!(
            "a map of {size} values where {grid}, or a multiple of that, is expected"
        )))
    }

    /// The means of the map over the cells of any grid: value `x` of a line of `n` values belongs
    /// to cell `floor(x * cells / n)`.
    pub(super) fn averaged(&self, grid: Size) -> Vec<f32> {
        let size = self.size;
        if grid == size {
            return self.values.clone();
        }
        let mut means = Vec::with_capacity(grid.area() as usize);
        for row in 0..grid.height {
            for column in 0..grid.width {
                let (mut sum, mut count) = (0.0f64, 0u32);
                for y in Patches::span(row, size.height, grid.height) {
                    for x in Patches::span(column, size.width, grid.width) {
                        sum +=
                            f64::from(self.values[y as usize * size.width as usize + x as usize]);
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

    /// The map of an image of this size. A computed map has a value for each pixel, 0 to 1; a
    /// plane has its own resolution and levels, 0 to 255.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if the annotations have no plane of this name with one channel.
    pub fn find(&self, size: Size, view: &[u8], annotations: Option<&Annotations>) -> Result<Map> {
        let values = match self {
            MapSource::FineGrained => saliency::fine_grained(size, view)
                .into_iter()
                .map(|level| f32::from(level) / 255.0)
                .collect(),
            MapSource::SpectralResidual => saliency::spectral_residual(size, view),
            MapSource::Plane(name) => {
                let plane = annotations
                    .and_then(|annotations| annotations.plane(name))
                    .filter(|plane| plane.kind.channels() == 1)
                    .ok_or_else(|| {
                        Error::config(format!("no plane \"{name}\" of one channel for its map"))
                    })?;
                return Map::new(
                    plane.size().unwrap_or(Size::square(0)),
                    plane.bytes.iter().map(|byte| f32::from(*byte)).collect(),
                );
            }
        };
        Map::new(size, values)
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
