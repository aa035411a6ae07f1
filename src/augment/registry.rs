//! Ops by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Op;
use super::ops::*;
use crate::error::{Error, Result};
use crate::mix::{Mixer, Mixers};
use crate::recipe::nearest;

type Make = Arc<dyn Fn(&Registry, toml::Table) -> Result<Arc<dyn Op>> + Send + Sync>;

/// The ops and mixers that a recipe may name: the built-in ones, and a user's own.
#[derive(Clone)]
pub struct Registry {
    ops: BTreeMap<String, Make>,
    mixers: Mixers,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set()
            .entries(self.names())
            .entries(self.mixers.names())
            .finish()
    }
}

impl Default for Registry {
    fn default() -> Registry {
        let mut registry = Registry {
            ops: BTreeMap::new(),
            mixers: Mixers::default(),
        };
        registry.register::<Add>("add");
        registry.register::<Affine>("affine");
        registry.register::<AnyRes>("any_res");
        registry.register::<AugMix>("augmix");
        registry.register::<AutoAugment>("auto_augment");
        registry.register::<AutoContrast>("autocontrast");
        registry.register::<BetaMaskNoise>("beta_mask");
        registry.register::<BilateralBlur>("bilateral_blur");
        registry.register::<BlockMask>("block_mask");
        registry.register::<BoxBlur>("box_blur");
        registry.register::<Brightness>("brightness");
        registry.register::<CenterCrop>("center_crop");
        registry.register::<ChannelDropout>("channel_dropout");
        registry.register::<ClaheOp>("clahe");
        registry.register::<ColorJitter>("color_jitter");
        registry.register::<Contrast>("contrast");
        registry.register::<CopyPaste>("copy_paste");
        registry.register::<CommonCorruption>("corrupt");
        registry.register::<Cutout>("cutout");
        registry.register::<Dropout>("dropout");
        registry.register::<EdgeDetect>("edge_detect");
        registry.register::<EdgeMap>("edge_map");
        registry.register::<ElasticTransform>("elastic");
        registry.register::<ElementwiseAdd>("elementwise_add");
        registry.register::<ElementwiseMultiply>("elementwise_multiply");
        registry.register::<Emboss>("emboss");
        registry.register::<EnclosingCrop>("enclosing_crop");
        registry.register::<Equalize>("equalize");
        registry.register::<Gamma>("gamma");
        registry.register::<FiveCrop>("five_crop");
        registry.register::<GaussianBlur>("gaussian_blur");
        registry.register::<GaussianNoise>("gaussian_noise");
        registry.register::<Grayscale>("grayscale");
        registry.register::<HorizontalFlip>("horizontal_flip");
        registry.register::<Hue>("hue");
        registry.register::<HueSaturationValue>("hue_saturation_value");
        registry.register::<ImpulseNoise>("impulse_noise");
        registry.register::<Invert>("invert");
        registry.register::<Jigsaw>("jigsaw");
        registry.register::<Jpeg>("jpeg");
        registry.register::<LaplaceNoise>("laplace_noise");
        registry.register::<LinearContrast>("linear_contrast");
        registry.register::<LogContrast>("log_contrast");
        registry.register::<LowFrequencyCrop>("low_frequency_crop");
        registry.register::<MedianBlur>("median_blur");
        registry.register::<MotionBlur>("motion_blur");
        registry.register::<Multiply>("multiply");
        registry.register::<Pad>("pad");
        registry.register::<PermuteChannels>("permute_channels");
        registry.register::<Perspective>("perspective");
        registry.register::<PhotometricDistort>("photometric_distort");
        registry.register::<PilGaussianBlur>("pil_gaussian_blur");
        registry.register::<MaskPlane>("plane_mask");
        registry.register::<PolicyOp>("policy_op");
        registry.register::<Posterize>("posterize");
        registry.register::<Quadrants>("quadrants");
        registry.register::<Quantize>("quantize");
        registry.register::<RandAugment>("rand_augment");
        registry.register::<RandomCrop>("random_crop");
        registry.register::<RandomErasing>("random_erasing");
        registry.register::<RandomResizedCrop>("random_resized_crop");
        registry.register::<Resize>("resize");
        registry.register::<Rotate>("rotate");
        registry.register::<Rotate90>("rotate90");
        registry.register::<Saturation>("saturation");
        registry.register::<Sharpen>("sharpen");
        registry.register::<Sharpness>("sharpness");
        registry.register::<ShotNoise>("shot_noise");
        registry.register::<SigmoidContrast>("sigmoid_contrast");
        registry.register::<Solarize>("solarize");
        registry.register::<SolarizeAdd>("solarize_add");
        registry.register::<SpeckleNoise>("speckle_noise");
        registry.register::<ThreeAugment>("three_augment");
        registry.register::<TimmAugment>("timm_augment");
        registry.register::<TimmOp>("timm_op");
        registry.register::<TokenMask>("token_mask");
        registry.register::<TrivialAugmentWide>("trivial_augment_wide");
        registry.register::<VerticalFlip>("vertical_flip");
        for name in ["sequence", "one_of", "some_of", "random_order"] {
            let make = move |registry: &Registry, table: toml::Table| -> Result<Arc<dyn Op>> {
                Ok(Arc::new(Container::read(name, registry, table)?))
            };
            registry.ops.insert(name.to_string(), Arc::new(make));
        }
        registry
    }
}

impl Registry {
    /// Adds an op, or replaces the one of that name. Its parameters are read from the recipe by
    /// serde; derive `Deserialize` with `deny_unknown_fields`, so that a misspelt parameter is
    /// refused.
    pub fn register<T: Op + DeserializeOwned + 'static>(&mut self, name: &str) {
        let make = |_: &Registry, table: toml::Table| -> Result<Arc<dyn Op>> {
            let op: T = table
                .try_into()
                .map_err(|error: toml::de::Error| Error::config(explain(&error)))?;
            Ok(Arc::new(op))
        };
        self.ops.insert(name.to_string(), Arc::new(make));
    }

    /// Adds a mixer, or replaces the one of that name; its parameters are read as those of an op
    /// are.
    pub fn register_mixer<T: Mixer + DeserializeOwned + 'static>(&mut self, name: &str) {
        self.mixers.register::<T>(name);
    }

    /// A mixer by name and parameters, checked.
    ///
    /// # Errors
    ///
    /// As [`Registry::make`].
    pub fn make_mixer(&self, name: &str, params: toml::Table) -> Result<Arc<dyn Mixer>> {
        self.mixers.make(name, params)
    }

    /// The names of ops in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.ops.keys().map(String::as_str)
    }

    /// An op by name and parameters, checked.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`]: no op of that name (the nearest one is suggested), an unknown parameter, or a value out
    /// of its range.
    pub fn make(&self, name: &str, params: toml::Table) -> Result<Arc<dyn Op>> {
        let make = self.ops.get(name).ok_or_else(|| {
            let hint =
                nearest(name, self.names()).map(|near| format!("; did you mean \"{near}\"?"));
            let known: Vec<&str> = self.names().collect();
            Error::config(format!(
                "unknown op \"{name}\"{} (known: {})",
                hint.unwrap_or_default(),
                known.join(", ")
            ))
        })?;
        let op = make(self, params).map_err(|error| error.at(format_args!("op \"{name}\"")))?;
        op.check()
            .map_err(|error| error.at(format_args!("op \"{name}\"")))?;
        Ok(op)
    }
}

/// Takes the name of an op, and its label if it has one, out of its table.
///
/// # Errors
///
/// [`crate::Kind::Config`] if there is no name, or one of them is no string.
pub(crate) fn take_name(table: &mut toml::Table) -> Result<(String, Option<String>)> {
    let Some(toml::Value::String(name)) = table.remove("op") else {
        return Err(Error::config(
            "an op without a name: expected { op = \"NAME\", … }",
        ));
    };
    match table.remove("label") {
        None => Ok((name, None)),
        Some(toml::Value::String(label)) => Ok((name, Some(label))),
        Some(other) => Err(Error::config(format!("label = {other}: expected a string"))),
    }
}

/// The label of an op that is given none: its name, with `#2`, `#3`, … after others of that name.
pub(crate) fn label<'a>(name: &str, others: impl Iterator<Item = &'a dyn Op>) -> String {
    match others.filter(|other| other.name() == name).count() {
        0 => name.to_string(),
        same => format!("{name}#{}", same + 1),
    }
}

/// The parameters of an op that derives `Serialize`, for [`Op::params`].
pub fn params_of<T: Serialize>(op: &T) -> toml::Table {
    toml::Table::try_from(op).expect("an op's parameters are numbers, strings and lists")
}

/// What is wrong with a parameter, and with which.
pub(crate) fn explain(error: &toml::de::Error) -> String {
    let text = error.to_string();
    let key = text
        .split_once("\nin `")
        .and_then(|(_, rest)| rest.split('`').next());
    match key {
        Some(key) => format!("{key}: {}", suggest(error.message())),
        None => suggest(error.message()),
    }
}

/// Serde's "unknown field `x`, expected one of `a`, `b`" with the nearest name added.
pub(crate) fn suggest(message: &str) -> String {
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    match names.split_first() {
        Some((wrong, known)) if message.starts_with("unknown") => {
            match nearest(wrong, known.iter().copied()) {
                Some(near) => format!("{message}; did you mean `{near}`?"),
                None => message.to_string(),
            }
        }
        _ => message.to_string(),
    }
}
