//! The forms in a recipe of the enums that steps and kernels define.

use crate::augment::steps::PasteBlend;
use crate::augment::{CorruptionSet, Dialect, Filter, PadMode, Threshold, WarpFilter};
use crate::spec::ParamValue;
use crate::word_param;

word_param!(
    CorruptionSet,
    Dialect,
    Filter,
    PasteBlend,
    Threshold,
    WarpFilter
);

impl ParamValue for PadMode {
    fn form() -> String {
        "`{ constant = [r, g, b] }`, `\"reflect\"`, `\"symmetric\"` or `\"edge\"`".to_string()
    }

    fn to_toml(&self) -> Option<toml::Value> {
        toml::Value::try_from(self).ok()
    }
}
