//! Ops and mixers by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::augment::*;
use crate::error::Result;
use crate::mix::{self, Mixer};
use crate::spec;

type MakeOp = Arc<dyn Fn(&Registry, toml::Table) -> Result<Arc<dyn Op>> + Send + Sync>;
type MakeMixer = fn(toml::Table) -> Result<Arc<dyn Mixer>>;

/// The ops and mixers that a recipe may name: the built-in ones, and a user's own.
#[derive(Clone)]
pub struct Registry {
    ops: BTreeMap<String, MakeOp>,
    mixers: BTreeMap<String, MakeMixer>,
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
    /// All built-in ops and mixers.
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
            self.ops.insert(name.to_string(), Arc::new(make));
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

    /// Adds an op, or replaces the one of that name. Its parameters are read from the recipe by
    /// serde; derive `Deserialize` with `deny_unknown_fields`, so that a misspelled parameter is
    /// refused.
    pub fn register<T: Op + DeserializeOwned + 'static>(&mut self, name: &str) {
        let make = |_: &Registry, table: toml::Table| -> Result<Arc<dyn Op>> {
            Ok(Arc::new(spec::read::<T>(table)?))
        };
        self.ops.insert(name.to_string(), Arc::new(make));
    }

    /// Adds a mixer, or replaces the one of that name. Its parameters are read as those of an op.
    pub fn register_mixer<T: Mixer + DeserializeOwned + 'static>(&mut self, name: &str) {
        fn make<T: Mixer + DeserializeOwned + 'static>(
            table: toml::Table,
        ) -> Result<Arc<dyn Mixer>> {
            Ok(Arc::new(spec::read::<T>(table)?))
        }
        self.mixers.insert(name.to_string(), make::<T>);
    }

    /// The names of ops in alphabetical order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.ops.keys().map(String::as_str)
    }

    /// The names of mixers in alphabetical order.
    pub fn mixer_names(&self) -> impl Iterator<Item = &str> {
        self.mixers.keys().map(String::as_str)
    }

    /// An op by name and parameters, checked.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`]: there is no op of that name (the nearest one is suggested), a
    /// parameter is unknown, or a value is out of its range.
    pub fn make(&self, name: &str, params: toml::Table) -> Result<Arc<dyn Op>> {
        let make = self
            .ops
            .get(name)
            .ok_or_else(|| spec::unknown("op", name, self.names()))?;
        let op = make(self, params).and_then(|op| op.check().map(|()| op));
        op.map_err(|error| error.at(format_args!("op \"{name}\"")))
    }

    /// A mixer by name and parameters, checked.
    ///
    /// # Errors
    ///
    /// As [`Registry::make`].
    pub fn make_mixer(&self, name: &str, params: toml::Table) -> Result<Arc<dyn Mixer>> {
        let make = self
            .mixers
            .get(name)
            .ok_or_else(|| spec::unknown("mixer", name, self.mixer_names()))?;
        let mixer = make(params).and_then(|mixer| mixer.check().map(|()| mixer));
        mixer.map_err(|error| error.at(format_args!("mix \"{name}\"")))
    }
}
