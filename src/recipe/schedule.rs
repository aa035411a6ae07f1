//! Parameters that change from epoch to epoch, of an op or of the table `[mix]`.
//!
//! A number in a recipe may be a curve, such as `{ linear = [0.0, 1.0], epochs = [0, 30] }`. Ops
//! and mixers only know numbers. For each epoch, a [`Schedule`] replaces the curves in the table of
//! parameters by their values and builds the op or the mixing from that table again.
//!
//! So every op can be scheduled, a user-defined one included, without a line of code for it. The
//! alternative is that each op takes the epoch and evaluates its own curves; then only the
//! parameters that someone thought of could change.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::plan::Curve;

/// Builds an op, a mixer or the mixing of a recipe from a table without curves.
type Make<T> = Arc<dyn Fn(toml::Table) -> Result<Arc<T>> + Send + Sync>;

/// Builds a `T` for each epoch from parameters of which some are curves.
pub(super) struct Schedule<T: ?Sized> {
    make: Make<T>,
    /// The parameters as written in the recipe, curves included.
    params: toml::Table,
    curves: Vec<(ParamPath, Curve)>,
}

impl<T: ?Sized> Clone for Schedule<T> {
    fn clone(&self) -> Schedule<T> {
        Schedule {
            make: Arc::clone(&self.make),
            params: self.params.clone(),
            curves: self.curves.clone(),
        }
    }
}

impl<T: ?Sized> fmt::Debug for Schedule<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schedule")
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}

/// The path to a value in a table of parameters, displayed as `size`, `scale[1]` or
/// `ops[0].magnitude`. The first step is always a key.
#[derive(Clone, Debug, Default)]
struct ParamPath(Vec<PathStep>);

#[derive(Clone, Debug)]
enum PathStep {
    Key(String),
    Index(usize),
}

impl fmt::Display for ParamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in self.0.iter().enumerate() {
            match step {
                PathStep::Key(key) if number == 0 => f.write_str(key)?,
                PathStep::Key(key) => write!(f, ".{key}")?,
                PathStep::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl ParamPath {
    /// This path with one more step.
    fn join(&self, step: PathStep) -> ParamPath {
        ParamPath(self.0.iter().cloned().chain([step]).collect())
    }

    /// The value at this path.
    fn get<'a>(&self, params: &'a toml::Table) -> &'a toml::Value {
        let (Some(PathStep::Key(first)), rest) = (self.0.first(), &self.0[1..]) else {
            unreachable!("parameters are a table");
        };
        rest.iter().fold(&params[first], |here, step| match step {
            PathStep::Key(key) => &here[key.as_str()],
            PathStep::Index(index) => &here[*index],
        })
    }

    /// Replaces the value at this path. A key that is missing is added; elements of lists have to
    /// exist.
    fn set(&self, params: &mut toml::Table, value: toml::Value) {
        let (Some(PathStep::Key(first)), rest) = (self.0.first(), &self.0[1..]) else {
            unreachable!("parameters are a table");
        };
        let mut here = params
            .entry(first.as_str())
            .or_insert_with(|| toml::Table::new().into());
        for step in rest {
            here = match (step, here) {
                (PathStep::Key(key), toml::Value::Table(table)) => table
                    .entry(key.as_str())
                    .or_insert_with(|| toml::Table::new().into()),
                (PathStep::Key(key), here) => &mut here[key.as_str()],
                (PathStep::Index(index), here) => &mut here[*index],
            };
        }
        *here = value;
    }
}

/// Finds the curves in tables and lists at any depth, and adds them to `found` with their paths.
///
/// # Errors
///
/// [`crate::Kind::Config`] that names the path of an invalid curve.
fn find_curves(
    value: &toml::Value,
    path: ParamPath,
    found: &mut Vec<(ParamPath, Curve)>,
) -> Result<()> {
    match value {
        toml::Value::Table(table) if Curve::is_meant(table) => {
            let curve = Curve::read(table);
            let curve = curve.map_err(|error| error.in_key(path.to_string()))?;
            found.push((path, curve));
        }
        toml::Value::Table(table) => {
            for (key, value) in table {
                find_curves(value, path.join(PathStep::Key(key.clone())), found)?;
            }
        }
        toml::Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                find_curves(value, path.join(PathStep::Index(index)), found)?;
            }
        }
        _ => {}
    }
    Ok(())
}

impl<T: ?Sized> Schedule<T> {
    /// The schedule of a table of parameters; `None` if no parameter is a curve.
    ///
    /// `integers` returns the paths of the parameters that are integers, for a table without
    /// curves. `make` builds a `T` from such a table.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if a curve is invalid, or if a value is refused in one of the epochs
    /// of [`Schedule::landmarks`].
    pub(super) fn new(
        params: &toml::Table,
        integers: impl FnOnce(toml::Table) -> BTreeSet<String>,
        make: impl Fn(toml::Table) -> Result<Arc<T>> + Send + Sync + 'static,
    ) -> Result<Option<Schedule<T>>> {
        let mut curves = Vec::new();
        for (key, value) in params {
            find_curves(
                value,
                ParamPath(vec![PathStep::Key(key.clone())]),
                &mut curves,
            )?;
        }
        if curves.is_empty() {
            return Ok(None);
        }
        // Whether a parameter is an integer is known from reading the table into its type, and an
        // integer type would refuse a fraction on the way. So all ramps are rounded for this one
        // reading, and afterwards only those that really are integers.
        for (_, curve) in &mut curves {
            curve.whole = true;
        }
        let mut schedule = Schedule {
            make: Arc::new(make),
            params: params.clone(),
            curves,
        };
        let integers = integers(schedule.params_at(0));
        for (path, curve) in &mut schedule.curves {
            curve.whole = curve.is_integer_ramp() && integers.contains(&path.to_string());
        }
        // A value that is out of range in a later epoch is an error now, not after days of
        // training.
        for epoch in schedule.landmarks() {
            schedule
                .at(epoch)
                .map_err(|error| error.at(format_args!("in epoch {epoch}")))?;
        }
        Ok(Some(schedule))
    }

    /// The parameters of an epoch, with the value of each curve in its place.
    fn params_at(&self, epoch: u32) -> toml::Table {
        let mut params = self.params.clone();
        for (path, curve) in &self.curves {
            path.set(&mut params, curve.at(epoch));
        }
        params
    }

    /// The op or the mixing of an epoch.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if a value of this epoch is out of range.
    pub(super) fn at(&self, epoch: u32) -> Result<Arc<T>> {
        (self.make)(self.params_at(epoch))
    }

    /// The same schedule with a constant parameter added or replaced.
    pub(super) fn with(mut self, key: &str, value: toml::Value) -> Schedule<T> {
        self.params.insert(key.into(), value);
        self
    }

    /// Puts the curves back into a table that has their values of one epoch.
    pub(super) fn restore(&self, params: &mut toml::Table) {
        for (path, _) in &self.curves {
            path.set(params, path.get(&self.params).clone());
        }
    }

    /// A few epochs that stand for all others: those where a stage begins, and the ends and some
    /// inner points of each ramp. A value that is valid in these epochs is taken to be valid in
    /// all.
    pub(super) fn landmarks(&self) -> BTreeSet<u32> {
        self.curves
            .iter()
            .flat_map(|(_, curve)| curve.landmarks())
            .collect()
    }

    /// The value of each curve in an epoch, as text such as `size = 192`.
    pub(super) fn values(&self, epoch: u32) -> impl Iterator<Item = String> {
        self.curves
            .iter()
            .map(move |(path, curve)| format!("{path} = {}", curve.at(epoch)))
    }

    /// The top-level parameters that are or contain curves, as written in the recipe.
    pub(super) fn written(&self) -> impl Iterator<Item = (String, toml::Value)> {
        let keys = self
            .curves
            .iter()
            .filter_map(|(path, _)| match path.0.first() {
                Some(PathStep::Key(key)) => Some(key),
                _ => None,
            });
        keys.map(|key| (key.clone(), self.params[key].clone()))
    }
}
