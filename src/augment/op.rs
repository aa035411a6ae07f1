//! What an op is: an augmentation with its parameters.

use std::sync::Arc;

use super::list::Steps;
use crate::error::Result;
use crate::geometry::Size;
use crate::rng::RandomStream;
use crate::spec::{Family, Parameters, Spec};

/// An augmentation with its parameters: draws the steps for one view of one sample.
///
/// A custom op implements this trait, is registered by name
/// ([`crate::recipe::Registry::register`]), and then works in recipes, in `explain` and in
/// `preview` like a built-in one.
///
/// # Example: a custom op
///
/// ```
/// use feedmill::augment::steps::Levels;
/// use feedmill::augment::{self, Op, Steps};
/// use feedmill::geometry::Size;
/// use feedmill::rng::RandomStream;
/// use feedmill::declare;
///
/// /// Inverts an image, or not.
/// #[declare(name = "maybe_invert")]
/// #[derive(Clone, Debug, PartialEq)]
/// struct MaybeInvert {
///     /// The probability that the op is applied.
///     #[param(default = 0.5, range = [0.0, 1.0])]
///     p: f64,
/// }
///
/// impl Op for MaybeInvert {
///     fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
///         if rng.bernoulli(self.p) {
///             steps.push(Levels::Invert);
///         }
///     }
/// }
///
/// let always = MaybeInvert::new().with_p(1.0);
/// let (_, rgb) = augment::apply(&always, 7, Size::square(1), &[0, 100, 255])?;
/// assert_eq!(rgb, [255, 155, 0]);
/// let mut registry = feedmill::recipe::Registry::default();
/// registry.register::<MaybeInvert>();
/// feedmill::testing::op_contract(&always, &registry);
/// # Ok::<(), feedmill::Error>(())
/// ```
pub trait Op: Parameters {
    /// Checks what the declaration of the parameters cannot say, such as that exactly one of two is
    /// given. The default accepts all. [`Op::validate`](trait.Op.html#method.validate) checks the
    /// ranges too.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the parameter, what was expected and what was found.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Returns the parameters that a recipe is written down with: those of
    /// [`Parameters::params`], which is the default, and whatever pins the files that they refer
    /// to.
    fn identity(&self) -> toml::Table {
        self.params()
    }

    /// Returns the families of the op, for [`OpFolds`](crate::recipe::OpFolds); those of the
    /// declaration by default.
    fn families(&self) -> Vec<Family> {
        self.spec()
            .map_or_else(Vec::new, |spec| spec.families.to_vec())
    }

    /// Returns the ops inside of this one; none by default.
    fn inner(&self) -> Vec<&dyn Op> {
        Vec::new()
    }

    /// Returns the size of the result, if it is the same for every draw and every image of this
    /// size. `size` is `None` if the size of the input is not known. The default keeps the size.
    ///
    /// Batches have a fixed shape, so the ops of a view together must end in a known size.
    fn output_size(&self, size: Option<Size>) -> Option<Size> {
        size
    }

    /// Announces the notes that the op leaves with each view of a batch ([`Steps::note`]): the name
    /// of each note and how many numbers it has. The default is none.
    fn notes(&self) -> Vec<(String, usize)> {
        Vec::new()
    }

    /// Draws the parameters for one image of size [`Steps::size`], and adds the steps.
    ///
    /// All randomness must come from `rng`, a stream that only this op of this view of this sample
    /// has; then the same seed makes the same batches. Any number of draws may be taken without an
    /// effect on other ops.
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps);
}

// An op that a registry has made works wherever an op does.
#[deny(clippy::missing_trait_methods)]
impl Parameters for Arc<dyn Op> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn spec(&self) -> Option<&'static Spec> {
        (**self).spec()
    }

    fn params(&self) -> toml::Table {
        (**self).params()
    }

    fn check_params(&self) -> Result<()> {
        (**self).check_params()
    }

    fn constants(&self) -> Vec<&'static str> {
        (**self).constants()
    }
}

#[deny(clippy::missing_trait_methods)]
impl Op for Arc<dyn Op> {
    fn check(&self) -> Result<()> {
        (**self).check()
    }

    fn identity(&self) -> toml::Table {
        (**self).identity()
    }

    fn families(&self) -> Vec<Family> {
        (**self).families()
    }

    fn inner(&self) -> Vec<&dyn Op> {
        (**self).inner()
    }

    fn output_size(&self, size: Option<Size>) -> Option<Size> {
        (**self).output_size(size)
    }

    fn notes(&self) -> Vec<(String, usize)> {
        (**self).notes()
    }

    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        (**self).draw(rng, steps);
    }
}

impl dyn Op + '_ {
    /// Checks the ranges of the parameters, and what [`Op::check`] says beyond that.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] that names the parameter, what was expected and what was found.
    pub fn validate(&self) -> Result<()> {
        self.check_params()?;
        self.check()
    }

    /// The parameters of this op and of the ops inside of it that could vary from image to image
    /// but were given one value, as text: `rotate degrees = { fixed = 10 }`.
    pub fn constant_params(&self) -> Vec<String> {
        let params = self.params();
        let own = self.constants().into_iter().filter_map(|name| {
            let value = params.get(name)?;
            Some(format!("{} {name} = {value}", self.name()))
        });
        let inner = self.inner().into_iter().flat_map(<dyn Op>::constant_params);
        own.chain(inner).collect()
    }
}
