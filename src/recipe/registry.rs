//! The registry of ops and mixers: it builds them from the names and parameters in a recipe.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::augment::{take_name, *};
use crate::error::Result;
use crate::mix::{self, Mixer};
use crate::spec;

/// Reads parameters and builds a value. Containers ask the registry for the ops inside them.
type Make<T> = dyn Fn(&Registry, toml::Table) -> Result<Arc<T>> + Send + Sync;

/// Builds an op or a mixer from its table of parameters.
struct Factory<T: ?Sized> {
    make: Arc<Make<T>>,
    /// The paths of the parameters that are integers.
    integers: fn(&Registry, toml::Table) -> BTreeSet<String>,
}

impl<T: ?Sized> Clone for Factory<T> {
    fn clone(&self) -> Factory<T> {
        Factory {
            make: Arc::clone(&self.make),
            integers: self.integers,
        }
    }
}

/// The ops and mixers that a recipe may name: the built-in ones and user-defined ones.
#[derive(Clone)]
pub struct Registry {
    ops: BTreeMap<String, Factory<dyn Op>>,
    mixers: BTreeMap<String, Factory<dyn Mixer>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set()
            .entries(self.names())
            .entries(self.mixer_names())
            .finish()
    }
}

impl Default for Registry {
    /// A registry of all built-in ops and mixers.
    fn default() -> Registry {
        let mut registry = Registry {
            ops: BTreeMap::new(),
            mixers: BTreeMap::new(),
        };
        registry.register_built_in_ops();
        registry.register_built_in_mixers();
        registry
    }
}

impl Registry {
    fn register_built_in_ops(&mut self) {
        self.register::<Add>("add");
        self.register::<Affine>("affine");
        self.register::<AnyRes>("any_res");
        self.register::<AugMix>("augmix");
        self.register::<AutoAugment>("auto_augment");
        self.register::<AutoContrast>("autocontrast");
        self.register::<BetaMaskNoise>("beta_mask");
        self.register::<BilateralBlur>("bilateral_blur");
        self.register::<BlockMask>("block_mask");
        self.register::<BoxBlur>("box_blur");
        self.register::<Brightness>("brightness");
        self.register::<CenterCrop>("center_crop");
        self.register::<ChannelDropout>("channel_dropout");
        self.register::<ClaheOp>("clahe");
        self.register::<ColorJitter>("color_jitter");
        self.register::<Contrast>("contrast");
        self.register::<CopyPaste>("copy_paste");
        self.register::<CommonCorruption>("corrupt");
        self.register::<Cutout>("cutout");
        self.register::<Dropout>("dropout");
        self.register::<EdgeDetect>("edge_detect");
        self.register::<EdgeMap>("edge_map");
        self.register::<ElasticTransform>("elastic");
        self.register::<ElementwiseAdd>("elementwise_add");
        self.register::<ElementwiseMultiply>("elementwise_multiply");
        self.register::<Emboss>("emboss");
        self.register::<EnclosingCrop>("enclosing_crop");
        self.register::<Equalize>("equalize");
        self.register::<Gamma>("gamma");
        self.register::<FiveCrop>("five_crop");
        self.register::<GaussianBlur>("gaussian_blur");
        self.register::<GaussianNoise>("gaussian_noise");
        self.register::<Grayscale>("grayscale");
        self.register::<HorizontalFlip>("horizontal_flip");
        self.register::<Hue>("hue");
        self.register::<HueSaturationValue>("hue_saturation_value");
        self.register::<ImpulseNoise>("impulse_noise");
        self.register::<Invert>("invert");
        self.register::<Jigsaw>("jigsaw");
        self.register::<Jpeg>("jpeg");
        self.register::<LaplaceNoise>("laplace_noise");
        self.register::<LinearContrast>("linear_contrast");
        self.register::<LogContrast>("log_contrast");
        self.register::<LowFrequencyCrop>("low_frequency_crop");
        self.register::<MedianBlur>("median_blur");
        self.register::<MotionBlur>("motion_blur");
        self.register::<Multiply>("multiply");
        self.register::<Pad>("pad");
        self.register::<PermuteChannels>("permute_channels");
        self.register::<Perspective>("perspective");
        self.register::<PhotometricDistort>("photometric_distort");
        self.register::<PilGaussianBlur>("pil_gaussian_blur");
        self.register::<MaskPlane>("plane_mask");
        self.register::<PolicyOp>("policy_op");
        self.register::<Posterize>("posterize");
        self.register::<Quadrants>("quadrants");
        self.register::<Quantize>("quantize");
        self.register::<RandAugment>("rand_augment");
        self.register::<RandomCrop>("random_crop");
        self.register::<RandomErasing>("random_erasing");
        self.register::<RandomResizedCrop>("random_resized_crop");
        self.register::<Resize>("resize");
        self.register::<Rotate>("rotate");
        self.register::<Rotate90>("rotate90");
        self.register::<Saturation>("saturation");
        self.register::<Sharpen>("sharpen");
        self.register::<Sharpness>("sharpness");
        self.register::<ShotNoise>("shot_noise");
        self.register::<SigmoidContrast>("sigmoid_contrast");
        self.register::<Solarize>("solarize");
        self.register::<SolarizeAdd>("solarize_add");
        self.register::<SpeckleNoise>("speckle_noise");
        self.register::<ThreeAugment>("three_augment");
        self.register::<TimmAugment>("timm_augment");
        self.register::<TimmOp>("timm_op");
        self.register::<TokenMask>("token_mask");
        self.register::<TrivialAugmentWide>("trivial_augment_wide");
        self.register::<VerticalFlip>("vertical_flip");
        for name in ["sequence", "one_of", "some_of", "random_order"] {
            let make = move |registry: &Registry, table: toml::Table| -> Result<Arc<dyn Op>> {
                let make_inner = |name: &str, table| registry.make(name, table);
                Ok(Arc::new(Container::read(name, &make_inner, table)?))
            };
            let factory = Factory {
                make: Arc::new(make),
                integers: Registry::container_integers,
            };
            self.ops.insert(name.to_string(), factory);
        }
    }

    fn register_built_in_mixers(&mut self) {
        self.register_mixer::<mix::AdaMixUp>("adamixup");
        self.register_mixer::<mix::AttentiveMix>("attentivemix");
        self.register_mixer::<mix::Collage>("collage");
        self.register_mixer::<mix::CutMix>("cutmix");
        self.register_mixer::<mix::FMix>("fmix");
        self.register_mixer::<mix::GridMix>("gridmix");
        self.register_mixer::<mix::InstancePaste>("instance_paste");
        self.register_mixer::<mix::ManifoldMixUp>("manifold_mixup");
        self.register_mixer::<mix::Metrix>("metrix");
        self.register_mixer::<mix::MixUp>("mixup");
        self.register_mixer::<mix::Mosaic4>("mosaic");
        self.register_mixer::<mix::PuzzleMix>("puzzlemix");
        self.register_mixer::<mix::ResizeMix>("resizemix");
        self.register_mixer::<mix::SaliencyMix>("saliencymix");
        self.register_mixer::<mix::SmMix>("smmix");
        self.register_mixer::<mix::SmoothMix>("smoothmix");
        self.register_mixer::<mix::Vanilla>("vanilla");
    }

    /// Adds the op `T` under a name, or replaces the op of this name.
    ///
    /// serde reads its parameters from the recipe. Derive `Deserialize` with `deny_unknown_fields`,
    /// so that a misspelled parameter is refused.
    pub fn register<T: Op + DeserializeOwned + 'static>(&mut self, name: &str) {
        let make = |_: &Registry, table: toml::Table| -> Result<Arc<dyn Op>> {
            Ok(Arc::new(spec::read::<T>(table)?))
        };
        let factory = Factory {
            make: Arc::new(make),
            integers: |_, table| spec::integers::<T>(table),
        };
        self.ops.insert(name.to_string(), factory);
    }

    /// Adds the mixer `T` under a name, or replaces the mixer of this name. Its parameters are read
    /// like those of an op ([`Registry::register`]).
    pub fn register_mixer<T: Mixer + DeserializeOwned + 'static>(&mut self, name: &str) {
        let make = |_: &Registry, table: toml::Table| -> Result<Arc<dyn Mixer>> {
            Ok(Arc::new(spec::read::<T>(table)?))
        };
        let factory = Factory {
            make: Arc::new(make),
            integers: |_, table| spec::integers::<T>(table),
        };
        self.mixers.insert(name.to_string(), factory);
    }

    /// The names of all ops in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.ops.keys().map(String::as_str)
    }

    /// The names of all mixers in alphabetical order.
    pub fn mixer_names(&self) -> impl Iterator<Item = &str> {
        self.mixers.keys().map(String::as_str)
    }

    /// Builds an op from its name and parameters, and checks it.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if no op has this name (the nearest name is suggested), if a
    /// parameter is unknown, or if a value is out of range.
    pub fn make(&self, name: &str, params: toml::Table) -> Result<Arc<dyn Op>> {
        let factory = self
            .ops
            .get(name)
            .ok_or_else(|| spec::unknown("op", name, self.names()))?;
        let op = (factory.make)(self, params).and_then(|op| op.check().map(|()| op));
        op.map_err(|error| error.at(format_args!("op \"{name}\"")))
    }

    /// The paths of the parameters of an op that are integers; none for an unknown op.
    pub(super) fn integers(&self, name: &str, params: toml::Table) -> BTreeSet<String> {
        let factory = self.ops.get(name);
        factory.map_or_else(BTreeSet::new, |factory| (factory.integers)(self, params))
    }

    /// The paths of the parameters of a mixer that are integers; none for an unknown mixer.
    pub(super) fn mixer_integers(&self, name: &str, params: toml::Table) -> BTreeSet<String> {
        let factory = self.mixers.get(name);
        factory.map_or_else(BTreeSet::new, |factory| (factory.integers)(self, params))
    }

    /// The paths of the integers of all ops in a container, and of its own `count`.
    fn container_integers(&self, params: toml::Table) -> BTreeSet<String> {
        let mut found = BTreeSet::from(["count", "count[0]", "count[1]"].map(String::from));
        let ops = params.get("ops").and_then(toml::Value::as_array);
        for (number, op) in ops.into_iter().flatten().enumerate() {
            let Some(mut op) = op.as_table().cloned() else {
                continue;
            };
            let Ok((name, _)) = take_name(&mut op) else {
                continue;
            };
            op.remove("weight");
            let inner = self.integers(&name, op);
            found.extend(inner.iter().map(|path| format!("ops[{number}].{path}")));
        }
        found
    }

    /// Builds a mixer from its name and parameters, and checks it.
    ///
    /// # Errors
    ///
    /// As [`Registry::make`].
    pub fn make_mixer(&self, name: &str, params: toml::Table) -> Result<Arc<dyn Mixer>> {
        let factory = self
            .mixers
            .get(name)
            .ok_or_else(|| spec::unknown("mixer", name, self.mixer_names()))?;
        let mixer = (factory.make)(self, params).and_then(|mixer| mixer.check().map(|()| mixer));
        mixer.map_err(|error| error.at(format_args!("mix \"{name}\"")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every op with its parameters at three strengths, as written in recipes.
    const SHEET: &str = include_str!("../../crates/feedmill-cli/src/ops.txt");

    /// Collects every number in a table with its path.
    fn numbers(value: &toml::Value, path: String, found: &mut Vec<(String, toml::Value)>) {
        match value {
            toml::Value::Integer(_) | toml::Value::Float(_) => found.push((path, value.clone())),
            toml::Value::Array(values) => {
                for (number, value) in values.iter().enumerate() {
                    numbers(value, format!("{path}[{number}]"), found);
                }
            }
            toml::Value::Table(table) => {
                for (key, value) in table {
                    let dot = if path.is_empty() { "" } else { "." };
                    numbers(value, format!("{path}{dot}{key}"), found);
                }
            }
            _ => {}
        }
    }

    /// The value at a path.
    fn at<'a>(table: &'a mut toml::Value, path: &str) -> &'a mut toml::Value {
        path.split(['.', '[', ']'])
            .filter(|part| !part.is_empty())
            .fold(table, |here, part| match part.parse::<usize>() {
                Ok(number) => &mut here[number],
                Err(_) => &mut here[part],
            })
    }

    /// Checks that the parameters of an op that are declared to be integers are exactly those that
    /// refuse fractions.
    fn check(registry: &Registry, name: &str, params: toml::Table, checked: &mut usize) {
        let integers = registry.integers(name, params.clone());
        let params = toml::Value::Table(params);
        let mut all = Vec::new();
        numbers(&params, String::new(), &mut all);
        for (path, value) in all {
            let toml::Value::Integer(value) = value else {
                continue;
            };
            let takes = |fraction: f64| {
                let mut params = params.clone();
                *at(&mut params, &path) = toml::Value::Float(value as f64 + fraction);
                registry
                    .make(name, params.as_table().unwrap().clone())
                    .is_ok()
            };
            let refused = !takes(1.0 / 1024.0) && !takes(-1.0 / 1024.0);
            assert_eq!(integers.contains(&path), refused, "{name} {params}: {path}");
            *checked += 1;
        }
    }

    #[test]
    fn a_parameter_is_an_integer_where_fractions_are_refused() {
        let registry = Registry::default();
        let mut checked = 0;
        for line in SHEET.lines().filter(|line| !line.starts_with('#')) {
            let mut words = line.split(" | ");
            let name = words.next().unwrap();
            for params in words {
                let table: toml::Table = format!("op = {{ {params} }}").parse().unwrap();
                let params = table["op"].as_table().unwrap().clone();
                check(&registry, name, params, &mut checked);
            }
        }
        assert!(checked > 100, "only {checked} numbers were checked");
    }
}
