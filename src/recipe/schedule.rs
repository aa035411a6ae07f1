//! What a table of parameters says, where some are functions of the epoch: an op, or how batches
//! are mixed.
//!
//! The thing itself knows numbers only: for an epoch, the values of all curves are put into its
//! table, and it is made anew.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::error::Result;
use crate::plan::Curve;

/// Makes the thing of a table without curves.
type Make<T> = Arc<dyn Fn(toml::Table) -> Result<Arc<T>> + Send + Sync>;

/// What makes a thing for each epoch.
pub(super) struct Schedule<T: ?Sized> {
    make: Make<T>,
    /// The parameters as they stand in the recipe, curves included.
    params: toml::Table,
    curves: Vec<(Place, Curve)>,
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

/// Where a curve stands among the parameters: `size`, `scale[1]`, `ops[0].magnitude`.
#[derive(Clone, Debug, Default)]
struct Place(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    Key(String),
    Index(usize),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.0.iter().enumerate() {
            match part {
                Part::Key(key) if number == 0 => f.write_str(key)?,
                Part::Key(key) => write!(f, ".{key}")?,
                Part::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl Place {
    fn with(&self, part: Part) -> Place {
        Place(self.0.iter().cloned().chain([part]).collect())
    }

    fn get<'a>(&self, params: &'a toml::Table) -> &'a toml::Value {
        let (Some(Part::Key(first)), rest) = (self.0.first(), &self.0[1..]) else {
            unreachable!("parameters are a table");
        };
        rest.iter().fold(&params[first], |here, part| match part {
            Part::Key(key) => &here[key.as_str()],
            Part::Index(index) => &here[*index],
        })
    }

    fn put(&self, params: &mut toml::Table, value: toml::Value) {
        let (Some(Part::Key(first)), rest) = (self.0.first(), &self.0[1..]) else {
            unreachable!("parameters are a table");
        };
        let mut here = &mut params[first];
        for part in rest {
            here = match part {
                Part::Key(key) => &mut here[key.as_str()],
                Part::Index(index) => &mut here[*index],
            };
        }
        *here = value;
    }
}

/// Finds the curves in tables and lists, however deep.
fn find(value: &toml::Value, place: Place, found: &mut Vec<(Place, Curve)>) -> Result<()> {
    match value {
        toml::Value::Table(table) if Curve::is_meant(table) => {
            let curve = Curve::read(table);
            let curve = curve.map_err(|error| error.in_key(place.to_string()))?;
            found.push((place, curve));
        }
        toml::Value::Table(table) => {
            for (key, value) in table {
                find(value, place.with(Part::Key(key.clone())), found)?;
            }
        }
        toml::Value::Array(values) => {
            for (index, value) in values.iter().enumerate() {
                find(value, place.with(Part::Index(index)), found)?;
            }
        }
        _ => {}
    }
    Ok(())
}

impl<T: ?Sized> Schedule<T> {
    /// What makes a thing of parameters for each epoch; `None` if none of them is a curve.
    /// `integers` tells the places of those that are integers.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] for a curve that makes no sense, and for a value that is refused in
    /// some epoch.
    pub(super) fn new(
        params: &toml::Table,
        integers: impl FnOnce(toml::Table) -> BTreeSet<String>,
        make: impl Fn(toml::Table) -> Result<Arc<T>> + Send + Sync + 'static,
    ) -> Result<Option<Schedule<T>>> {
        let mut curves = Vec::new();
        for (key, value) in params {
            find(value, Place(vec![Part::Key(key.clone())]), &mut curves)?;
        }
        if curves.is_empty() {
            return Ok(None);
        }
        for (_, curve) in &mut curves {
            curve.whole = true;
        }
        let mut schedule = Schedule {
            make: Arc::new(make),
            params: params.clone(),
            curves,
        };
        let integers = integers(schedule.params_at(0));
        for (place, curve) in &mut schedule.curves {
            curve.whole = curve.is_integer_ramp() && integers.contains(&place.to_string());
        }
        for epoch in schedule.landmarks() {
            schedule
                .at(epoch)
                .map_err(|error| error.at(format_args!("in epoch {epoch}")))?;
        }
        Ok(Some(schedule))
    }

    fn params_at(&self, epoch: u32) -> toml::Table {
        let mut params = self.params.clone();
        for (place, curve) in &self.curves {
            place.put(&mut params, curve.at(epoch));
        }
        params
    }

    /// The thing of an epoch.
    ///
    /// # Errors
    ///
    /// [`crate::Kind::Config`] if a value of this epoch is out of range.
    pub(super) fn at(&self, epoch: u32) -> Result<Arc<T>> {
        (self.make)(self.params_at(epoch))
    }

    /// With another parameter that is no curve.
    pub(super) fn with(mut self, key: &str, value: toml::Value) -> Schedule<T> {
        self.params.insert(key.into(), value);
        self
    }

    /// Puts the curves into a table that has numbers in their places.
    pub(super) fn restore(&self, params: &mut toml::Table) {
        for (place, _) in &self.curves {
            place.put(params, place.get(&self.params).clone());
        }
    }

    /// Epochs whose values stand for all.
    pub(super) fn landmarks(&self) -> BTreeSet<u32> {
        self.curves
            .iter()
            .flat_map(|(_, curve)| curve.landmarks())
            .collect()
    }

    /// The value of each curve in an epoch, in words.
    pub(super) fn values(&self, epoch: u32) -> impl Iterator<Item = String> {
        self.curves
            .iter()
            .map(move |(place, curve)| format!("{place} = {}", curve.at(epoch)))
    }

    /// The parameters that hold curves, as they stand in the recipe.
    pub(super) fn written(&self) -> impl Iterator<Item = (String, toml::Value)> {
        let keys = self
            .curves
            .iter()
            .filter_map(|(place, _)| match place.0.first() {
                Some(Part::Key(key)) => Some(key),
                _ => None,
            });
        keys.map(|key| (key.clone(), self.params[key].clone()))
    }
}
