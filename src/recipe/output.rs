//! The `[output]` table: what the pixels of a batch are.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The element type, layout, channels and normalization of the pixels of a batch: the `[output]`
/// table.
///
/// A float value of a batch is `(level / 255 - mean) / std`. The defaults are RGB as [`Dtype::F32`]
/// in [`Layout::Nchw`], with a mean of 0 and a deviation of 1, which is a scale of 0 to 1.
///
/// # Example: gray batches of half precision
///
/// ```
/// use feedmill::augment::ops::Resize;
/// use feedmill::geometry::Size;
/// use feedmill::recipe::{Dtype, Output};
/// use feedmill::{Loader, Recipe};
///
/// let output = Output::new()
///     .with_channels(1)
///     .with_dtype(Dtype::F16)
///     .with_mean([0.1307])
///     .with_std([0.3081]);
/// let recipe = Recipe::new()
///     .with_batch(2)
///     .op(Resize::new(Size::square(28)))
///     .with_output(output);
/// let loader = Loader::open("fixtures/photos", recipe)?;
/// let batch = loader.epoch(0)?.next().expect("a batch")?;
/// assert_eq!(batch.images().shape(), [2, 1, 28, 28]);
/// # Ok::<(), feedmill::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Output {
    pub(crate) dtype: Dtype,
    pub(crate) layout: Layout,
    channels: u8,
    mean: ChannelValues,
    std: ChannelValues,
}

/// A number for all channels, or one for each.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a number, or a list with one for each channel")]
enum ChannelValues {
    Same(f64),
    Each(Vec<f64>),
}

impl ChannelValues {
    /// The numbers of three channels. A list that is too short, which [`Output::check`] refuses,
    /// repeats its last number.
    fn three(&self) -> [f64; 3] {
        match self {
            ChannelValues::Same(value) => [*value; 3],
            ChannelValues::Each(values) => {
                let last = values.last().copied().unwrap_or(0.0);
                std::array::from_fn(|channel| values.get(channel).copied().unwrap_or(last))
            }
        }
    }
}

/// The greatest `std` on a scale of 0 to 1. The deviation of an image is at most 0.5 there, and
/// greater numbers only make values smaller; none of the data sets in use has one below this on a
/// scale of 255.
const MOST_STD: f64 = 5.0;

impl Output {
    /// Returns the defaults.
    pub fn new() -> Output {
        Output::default()
    }

    /// Sets the element type; [`Dtype::F32`] by default.
    #[must_use]
    pub fn with_dtype(self, dtype: Dtype) -> Output {
        Output { dtype, ..self }
    }

    /// Sets the order of the dimensions; [`Layout::Nchw`] by default.
    #[must_use]
    pub fn with_layout(self, layout: Layout) -> Output {
        Output { layout, ..self }
    }

    /// Sets the number of channels: 3 for RGB, which is the default, or 1 for gray.
    ///
    /// The gray value of a pixel is Pillow's `convert("L")` of its red, green and blue levels after
    /// all ops, and before mixing and normalization. Ops and mixers always see RGB.
    #[must_use]
    pub fn with_channels(self, channels: u8) -> Output {
        Output { channels, ..self }
    }

    /// Sets the mean that is subtracted from float values, on a scale of 0 to 1: one number for
    /// each channel, or a single one for all; 0 by default.
    #[must_use]
    pub fn with_mean(self, mean: impl AsRef<[f64]>) -> Output {
        let mean = channel_values(mean.as_ref());
        Output { mean, ..self }
    }

    /// Sets the standard deviation by which float values are divided, on a scale of 0 to 1: one
    /// number for each channel, or a single one for all; 1 by default.
    #[must_use]
    pub fn with_std(self, std: impl AsRef<[f64]>) -> Output {
        let std = channel_values(std.as_ref());
        Output { std, ..self }
    }

    /// Returns the element type.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Returns the order of the dimensions.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns the number of channels: 3 for RGB, 1 for gray.
    pub fn channels(&self) -> u8 {
        self.channels
    }

    /// Returns the mean of each channel, on a scale of 0 to 1.
    pub fn mean(&self) -> Vec<f64> {
        self.of_channels(&self.mean)
    }

    /// Returns the standard deviation of each channel, on a scale of 0 to 1.
    pub fn std(&self) -> Vec<f64> {
        self.of_channels(&self.std)
    }

    /// [`Output::mean`] of three channels; all are the same if there is one.
    pub(crate) fn means(&self) -> [f64; 3] {
        self.mean.three()
    }

    /// [`Output::std`] of three channels; all are the same if there is one.
    pub(crate) fn stds(&self) -> [f64; 3] {
        self.std.three()
    }

    fn of_channels(&self, values: &ChannelValues) -> Vec<f64> {
        values.three()[..usize::from(self.channels).min(3)].to_vec()
    }

    /// Checks the table; an error comes with the key that it is about.
    pub(super) fn check(&self) -> std::result::Result<(), (&'static str, Error)> {
        if ![1, 3].contains(&self.channels) {
            let what = format!(
                "output.channels = {}: expected 3 (RGB) or 1 (gray)",
                self.channels
            );
            return Err(("output.channels", Error::config(what)));
        }
        self.check_mean().map_err(|error| ("output.mean", error))?;
        self.check_std().map_err(|error| ("output.std", error))
    }

    fn check_mean(&self) -> Result<()> {
        let mean = self.check_length("mean", &self.mean)?;
        if !mean.iter().all(|mean| mean.is_finite()) {
            return Err(Error::config(format!(
                "output.mean = {mean:?}: expected finite numbers"
            )));
        }
        if mean.iter().any(|mean| *mean > 1.0) {
            return Err(scale_of_255("mean", mean));
        }
        Ok(())
    }

    fn check_std(&self) -> Result<()> {
        let std = self.check_length("std", &self.std)?;
        if !std.iter().all(|std| std.is_finite() && *std > 0.0) {
            return Err(Error::config(format!(
                "output.std = {std:?}: expected positive numbers"
            )));
        }
        if std.iter().any(|std| *std > MOST_STD) {
            return Err(scale_of_255("std", std));
        }
        Ok(())
    }

    /// The numbers as they were given, if there are as many as channels.
    fn check_length<'a>(&self, key: &str, values: &'a ChannelValues) -> Result<&'a [f64]> {
        let values = match values {
            ChannelValues::Same(value) => std::slice::from_ref(value),
            ChannelValues::Each(values) if values.len() == usize::from(self.channels) => values,
            ChannelValues::Each(values) => {
                let (found, channels) = (values.len(), self.channels);
                let mend = match (found, channels) {
                    (3, 1) => "give one number, or set output.channels = 3",
                    (1, _) => "give one number without brackets for all of them, or three",
                    _ => "give one number for each channel",
                };
                return Err(Error::config(format!(
                    "output.{key} has {found} numbers for {channels} channels: {mend}"
                )));
            }
        };
        Ok(values)
    }
}

/// A single number is meant for all channels.
fn channel_values(values: &[f64]) -> ChannelValues {
    match values {
        [value] => ChannelValues::Same(*value),
        values => ChannelValues::Each(values.to_vec()),
    }
}

/// The error for numbers that are plainly levels.
fn scale_of_255(key: &str, values: &[f64]) -> Error {
    Error::config(format!(
        "output.{key} = {values:?}: expected numbers on a scale of 0 to 1; divide by 255"
    ))
}

impl Default for Output {
    fn default() -> Output {
        Output {
            dtype: Dtype::F32,
            layout: Layout::Nchw,
            channels: 3,
            mean: ChannelValues::Same(0.0),
            std: ChannelValues::Same(1.0),
        }
    }
}

/// The table has a number for each channel, and no channels if there are three, as recipes had them
/// before there was a choice: their fingerprints stay what they were.
impl Serialize for Output {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Table {
            dtype: Dtype,
            layout: Layout,
            #[serde(skip_serializing_if = "is_three")]
            channels: u8,
            mean: Vec<f64>,
            std: Vec<f64>,
        }
        fn is_three(channels: &u8) -> bool {
            *channels == 3
        }
        let table = Table {
            dtype: self.dtype,
            layout: self.layout,
            channels: self.channels,
            mean: self.mean(),
            std: self.std(),
        };
        table.serialize(serializer)
    }
}

/// The type of one channel value of a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Dtype {
    /// 0 to 255, not normalized.
    #[doc(alias = "uint8")]
    U8,
    /// IEEE half precision.
    #[doc(alias = "float16")]
    F16,
    /// bfloat16.
    #[doc(alias = "bfloat16")]
    Bf16,
    /// IEEE single precision.
    #[doc(alias = "float32")]
    F32,
}

impl Dtype {
    /// The size of one value in bytes.
    pub fn size(self) -> usize {
        match self {
            Dtype::U8 => 1,
            Dtype::F16 | Dtype::Bf16 => 2,
            Dtype::F32 => 4,
        }
    }
}

/// The order of a batch's dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Layout {
    /// Slot, channel, row, column.
    #[doc(alias = "channels_first")]
    Nchw,
    /// Slot, row, column, channel.
    #[doc(alias = "channels_last")]
    Nhwc,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Recipe;

    fn read(output: &str) -> Result<Recipe> {
        Recipe::from_toml(&format!(
            "batch = 1\n[output]\n{output}\n[[view]]\nops = [{{ op = \"resize\", size = [4, 4] }}]"
        ))
    }

    #[test]
    fn one_number_stands_for_all_channels() {
        let same = read("mean = 0.5\nstd = 0.25").unwrap();
        let each = read("mean = [0.5, 0.5, 0.5]\nstd = [0.25, 0.25, 0.25]").unwrap();
        assert_eq!(same.to_toml(), each.to_toml());
        let gray = read("channels = 1\nmean = 0.5\nstd = [0.25]").unwrap();
        assert_eq!(
            (gray.output.mean(), gray.output.std()),
            (vec![0.5], vec![0.25])
        );
        assert_eq!(gray.output.means(), [0.5; 3]);
        let again = Recipe::from_toml(&gray.to_toml()).unwrap();
        assert_eq!(
            (again.output.channels(), again.to_toml()),
            (1, gray.to_toml())
        );
    }

    #[test]
    fn three_channels_are_not_written() {
        let written = read("channels = 3").unwrap();
        assert_eq!(written.fingerprint(), read("").unwrap().fingerprint());
        assert!(!written.to_toml().contains("channels"));
        assert_ne!(
            written.fingerprint(),
            read("channels = 1").unwrap().fingerprint()
        );
    }

    #[test]
    fn wrong_numbers_are_refused_with_the_mend() {
        for (text, line, words) in [
            ("channels = 2", 3, "expected 3 (RGB) or 1 (gray)"),
            (
                "channels = 1\nmean = [0.5, 0.5, 0.5]",
                4,
                "output.mean has 3 numbers for 1 channels: give one number",
            ),
            (
                "std = [0.5]",
                3,
                "output.std has 1 numbers for 3 channels: give one number without",
            ),
            ("mean = [0.1, 0.2]", 3, "give one number for each channel"),
            (
                "mean = [123.7, 116.3, 103.5]",
                3,
                "output.mean = [123.7, 116.3, 103.5]: expected numbers on a scale of 0 to 1; \
                 divide by 255",
            ),
            (
                "std = 58.4",
                3,
                "output.std = [58.4]: expected numbers on a scale of 0 to 1",
            ),
            ("std = [0, 1, 1]", 3, "expected positive numbers"),
            ("mean = [inf, 0, 0]", 3, "expected finite numbers"),
            (
                "mean = \"imagenet\"",
                3,
                "a number, or a list with one for each channel",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
            assert!(error.contains(&format!("line {line}")), "{text}: {error}");
        }
    }
}
