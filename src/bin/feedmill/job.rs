//! What the commands that run a recipe have in common: the data, the recipe, and how the machine is used.

use std::path::PathBuf;

use feedmill::source::{self, Format, Source};
use feedmill::{Error, Loader, Recipe, World};

/// Data and a recipe
#[derive(Debug, clap::Args)]
pub struct Job {
    /// The data set; several are blended, each with its --weight
    #[arg(long, value_name = "PATH")]
    pub data: Vec<PathBuf>,
    /// The weight of each --data, in the same order [the number of its samples]
    #[arg(long, value_name = "W")]
    weight: Vec<f64>,
    /// The form of the data: folder, shards, tar, arrow or parquet [detected]
    #[arg(long, value_name = "FORM")]
    format: Option<Format>,
    /// A published recipe by name, such as imagenet, deit, dino; a wrong name lists them all
    #[arg(long, value_name = "NAME", conflicts_with = "recipe")]
    preset: Option<String>,
    /// A recipe file
    #[arg(long, value_name = "FILE")]
    recipe: Option<PathBuf>,
    /// The global batch [the recipe's]
    #[arg(long, value_name = "N")]
    pub batch: Option<usize>,
    /// The seed [the recipe's]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Worker threads [one for each core]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
}

impl Job {
    pub fn recipe(&self) -> feedmill::Result<Recipe> {
        let mut recipe = match (&self.preset, &self.recipe) {
            (Some(name), _) => Recipe::preset(name)?,
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?;
                Recipe::from_toml(&text).map_err(|error| error.at(path.display()))?
            }
            (None, None) => return Err(Error::config("no recipe: give --preset NAME or --recipe FILE")),
        };
        if let Some(batch) = self.batch {
            recipe = recipe.batch(batch);
        }
        if let Some(seed) = self.seed {
            recipe = recipe.seed(seed);
        }
        Ok(recipe)
    }

    pub fn loader(&self, world: World) -> feedmill::Result<Loader> {
        self.loader_of(self.recipe()?, world)
    }

    /// A loader of the data with another recipe.
    pub fn loader_of(&self, recipe: Recipe, world: World) -> feedmill::Result<Loader> {
        if self.data.is_empty() {
            return Err(Error::config("no data: give --data PATH"));
        }
        let sources = self.data.iter().map(|path| match self.format {
            Some(format) => source::open_as(path, format),
            None => source::open(path),
        });
        let mut sources: Vec<Box<dyn Source>> = sources.collect::<feedmill::Result<_>>()?;
        if !self.weight.is_empty() && self.weight.len() != sources.len() {
            return Err(Error::config(format!(
                "{} --weight for {} --data: give one for each, or none",
                self.weight.len(),
                sources.len()
            )));
        }
        let loader = if sources.len() == 1 {
            Loader::new(sources.remove(0), recipe)?
        } else {
            let weights: Vec<f64> = match &self.weight[..] {
                [] => sources.iter().map(|source| source.len() as f64).collect(),
                given => given.to_vec(),
            };
            Loader::blend(sources.into_iter().zip(weights).collect(), recipe)?
        };
        let loader = loader.world(world)?;
        match self.workers {
            Some(workers) => loader.workers(workers),
            None => Ok(loader),
        }
    }
}
