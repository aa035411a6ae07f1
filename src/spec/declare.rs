//! What a declaration of parameters says, and the traits that are implemented from it.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// Something with parameters that a recipe names: an op or a mixer.
///
/// [`declare`](crate::declare) implements it.
///
/// # Example: the parameters that are not defaults
///
/// ```
/// use feedmill::augment::ops::HorizontalFlip;
/// use feedmill::spec::Parameters;
///
/// let op = HorizontalFlip::new().with_p(0.2);
/// assert_eq!(op.name(), "horizontal_flip");
/// assert_eq!(op.params().to_string(), "p = 0.2\n");
/// assert!(HorizontalFlip::new().params().is_empty());
/// ```
pub trait Parameters: Send + Sync + fmt::Debug {
    /// The name in a recipe, in `snake_case`.
    fn name(&self) -> &'static str;

    /// The declaration, if there is one.
    fn spec(&self) -> Option<&'static Spec> {
        None
    }

    /// The parameters as a recipe has them, without those that have their defaults. They are part
    /// of the recipe's fingerprint.
    fn params(&self) -> toml::Table;

    /// Checks that each parameter is in its range.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the parameter, what was expected and what was found.
    fn check_params(&self) -> Result<()> {
        Ok(())
    }

    /// The names of the parameters that could vary from image to image, but were set to a value
    /// that never does, such as `degrees = { fixed = 10 }`.
    fn constants(&self) -> Vec<&'static str> {
        Vec::new()
    }
}

/// Parameters with a declaration, which [`declare`](crate::declare) implements. They can be read
/// from a recipe.
///
/// # Example: the parameters of an op
///
/// ```
/// use feedmill::augment::ops::Rotate;
/// use feedmill::spec::Declared;
///
/// let names: Vec<&str> = Rotate::SPEC.params.iter().map(|param| param.name).collect();
/// assert_eq!(names, ["degrees", "filter", "fill", "expand", "p"]);
/// ```
pub trait Declared: Parameters + DeserializeOwned {
    /// The declaration.
    const SPEC: &'static Spec;
}

/// A declaration: everything about an op or a mixer that its parameters do not decide.
///
/// # Example: all ops that blur
///
/// ```
/// use feedmill::recipe::Registry;
/// use feedmill::spec::Family;
///
/// let registry = Registry::default();
/// let blurs = registry.op_specs().filter(|spec| spec.families.contains(&Family::Blur));
/// assert!(blurs.map(|spec| spec.name).any(|name| name == "gaussian_blur"));
/// ```
#[derive(Debug)]
pub struct Spec {
    /// The name in a recipe.
    pub name: &'static str,
    /// The name of the type in Rust.
    pub rust_name: &'static str,
    /// The module that declares it, such as `feedmill::augment::ops::color::hue`.
    pub module: &'static str,
    /// What it does: the first paragraph of its documentation.
    pub about: &'static str,
    /// The notes that it leaves with a batch: the name of each, and what it is.
    pub notes: &'static [(&'static str, &'static str)],
    /// The families of an op, for [`OpFolds`](crate::recipe::OpFolds); empty for ops of no family
    /// and for mixers.
    pub families: &'static [Family],
    /// What other libraries call it, such as `"torchvision RandomRotation"`.
    pub like: &'static [&'static str],
    /// The parameters at low, middle and high strength, each as a recipe has them; empty for an op
    /// that shows nothing on a single image.
    pub strengths: &'static [&'static str],
    /// The parameters in the order of their declaration.
    pub params: &'static [ParamSpec],
}

impl Spec {
    /// The group of an op, such as `color`: the folder that it is declared in.
    pub fn group(&self) -> &'static str {
        self.module
            .split("::")
            .skip_while(|part| *part != "ops" && *part != "mixers")
            .nth(1)
            .unwrap_or("custom")
    }

    /// Writes `{ fixed = a }` for every number `a` that a recipe would have to write so.
    pub(crate) fn fix_numbers(&self, params: &mut toml::Table) {
        fn fix(value: &mut toml::Value) {
            match value {
                toml::Value::Integer(_) | toml::Value::Float(_) => {
                    let fixed = toml::Table::from_iter([("fixed".to_string(), value.clone())]);
                    *value = fixed.into();
                }
                _ => {}
            }
        }
        for param in self
            .params
            .iter()
            .filter(|param| param.bare == BareNumber::Refused)
        {
            match params.get_mut(param.name) {
                // A list of ranges has the numbers inside.
                Some(toml::Value::Array(list)) if param.is_list => list.iter_mut().for_each(fix),
                Some(value) => fix(value),
                None => {}
            }
        }
    }
}

/// A parameter, as declared.
///
/// # Example: the range of a parameter
///
/// ```
/// use feedmill::augment::ops::Rotate;
/// use feedmill::spec::Declared;
///
/// let degrees = &Rotate::SPEC.params[0];
/// assert_eq!(degrees.range_text(), "-360 to 360 degrees");
/// assert!(degrees.check(400.0).is_err());
/// ```
#[derive(Debug)]
pub struct ParamSpec {
    /// The name in a recipe.
    pub name: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Makes the default; `None` for a required parameter. The result is `None` for a parameter
    /// that is absent by default.
    pub default: Option<fn() -> Option<toml::Value>>,
    /// The smallest and the largest number, both included.
    pub range: Option<[f64; 2]>,
    /// The unit of its numbers, such as `"degrees"`; empty if there is none.
    pub unit: &'static str,
    /// Describes what a recipe may write, such as `"a number"`.
    pub form: fn() -> String,
    /// How a single number is read.
    pub bare: BareNumber,
    /// True for a list whose elements are read by themselves.
    pub is_list: bool,
}

impl ParamSpec {
    /// The error for a value that is not what was expected.
    pub fn refuse(&self, value: impl fmt::Display, expected: impl fmt::Display) -> Error {
        let name = self.name;
        Error::config(format!("{name} = {value}: expected {expected}")).about_key(name)
    }

    /// Checks that a number is in the parameter's range.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the parameter.
    pub fn check(&self, value: f64) -> Result<()> {
        let [least, most] = self.bounds();
        if least <= value && value <= most {
            return Ok(());
        }
        Err(self.refuse(value, self.range_text()))
    }

    /// Checks that the two ends of a range are in order and in the parameter's range.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the parameter.
    pub fn check_ends(&self, [low, high]: [f64; 2]) -> Result<()> {
        let [least, most] = self.bounds();
        if least <= low && low <= high && high <= most {
            return Ok(());
        }
        let expected = match self.range {
            Some([least, most]) => format!("{least} <= low <= high <= {most}"),
            None => "low <= high".to_string(),
        };
        Err(self.refuse(format_args!("[{low}, {high}]"), expected))
    }

    /// The range, or all finite numbers.
    fn bounds(&self) -> [f64; 2] {
        self.range.unwrap_or([f64::MIN, f64::MAX])
    }

    /// The range as text, with the unit.
    pub fn range_text(&self) -> String {
        let Some([least, most]) = self.range else {
            return "a finite number".to_string();
        };
        match self.unit {
            "" => format!("{least} to {most}"),
            unit => format!("{least} to {most} {unit}"),
        }
    }
}

/// How a parameter reads a single number where it could also be a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BareNumber {
    /// The parameter is not a number, or is nothing but a number.
    Plain,
    /// The value in every image.
    Fixed,
    /// The strength of a random change: the range around "unchanged" that it may reach.
    Strength,
    /// The length of each side.
    Sides,
    /// Refused, because other libraries read `a` as the range from `-a` to `a`. The fixed value is
    /// written `{ fixed = a }`.
    Refused,
}

/// Families of ops, by which [`OpFolds`](crate::recipe::OpFolds) holds ops out of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Family {
    /// Arithmetic on values: additions, noise of single values, dropped values and regions.
    Arithmetic,
    /// Blurs.
    Blur,
    /// Changes of color.
    Color,
    /// Changes of contrast.
    Contrast,
    /// Small filters that sharpen or emboss.
    Convolutional,
    /// The digital corruptions of ImageNet-C.
    Digital,
    /// Edge maps.
    Edges,
    /// Changes of geometry.
    Geometric,
    /// The noise of ImageNet-C.
    Noise,
    /// The weather of ImageNet-C.
    Weather,
}

impl Family {
    /// All families in alphabetical order.
    pub const ALL: [Family; 10] = [
        Family::Arithmetic,
        Family::Blur,
        Family::Color,
        Family::Contrast,
        Family::Convolutional,
        Family::Digital,
        Family::Edges,
        Family::Geometric,
        Family::Noise,
        Family::Weather,
    ];

    /// The name in a recipe, such as `"blur"`.
    pub fn name(self) -> &'static str {
        match self {
            Family::Arithmetic => "arithmetic",
            Family::Blur => "blur",
            Family::Color => "color",
            Family::Contrast => "contrast",
            Family::Convolutional => "convolutional",
            Family::Digital => "digital",
            Family::Edges => "edges",
            Family::Geometric => "geometric",
            Family::Noise => "noise",
            Family::Weather => "weather",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
