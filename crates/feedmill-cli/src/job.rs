//! The arguments that all commands which run a recipe have: the data, the recipe, and the use of
//! the machine.

use std::path::{Path, PathBuf};

use feedmill::source::{self, Format};
use feedmill::{Error, Loader, Recipe, World};

/// Data and a recipe
#[derive(Debug, clap::Args)]
pub(crate) struct Job {
    /// The data set; several are joined, each with its --weight
    #[arg(long, value_name = "PATH")]
    pub data: Vec<PathBuf>,
    /// The weight of each --data, in the same order [the recipe's, or the number of its samples]
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
    /// Which agent this is, for recipes that divide the data among agents [the recipe's]
    #[arg(long, value_name = "K")]
    agent: Option<u32>,
    /// Only these samples, each once in this order: a second pass. Numbers with commas in between,
    /// or @FILE with one a line
    #[arg(long, value_name = "LIST")]
    samples: Option<String>,
    /// Worker threads [one for each core]
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
}

impl Job {
    pub(crate) fn recipe(&self) -> feedmill::Result<Recipe> {
        let mut recipe = match (&self.preset, &self.recipe) {
            (Some(name), _) => Recipe::preset(name)?,
            (None, Some(path)) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| Error::io("read", path, error))?;
                Recipe::from_toml(&text).map_err(|error| error.in_file(path))?
            }
            (None, None) => {
                return Err(Error::config(
                    "no recipe: give --preset NAME or --recipe FILE",
                ));
            }
        };
        if let Some(batch) = self.batch {
            recipe = recipe.with_batch(batch);
        }
        if let Some(seed) = self.seed {
            recipe = recipe.with_seed(seed);
        }
        if let Some(agent) = self.agent {
            recipe = recipe.with_agent(agent);
        }
        Ok(recipe)
    }

    pub(crate) fn loader(&self, world: World) -> feedmill::Result<Loader> {
        self.loader_of(self.recipe()?, world)
    }

    /// A loader of the data with another recipe.
    pub(crate) fn loader_of(&self, recipe: Recipe, world: World) -> feedmill::Result<Loader> {
        if self.data.is_empty() {
            return Err(Error::config("no data: give --data PATH"));
        }
        if !self.weight.is_empty() && self.weight.len() != self.data.len() {
            return Err(Error::config(format!(
                "{} --weight for {} --data: give one for each, or none",
                self.weight.len(),
                self.data.len()
            )));
        }
        let mut builder = Loader::builder().recipe(recipe).world(world);
        if let Some(workers) = self.workers {
            builder = builder.workers(workers);
        }
        for (number, path) in self.data.iter().enumerate() {
            let source = match self.format {
                Some(format) => source::open_as(path, format),
                None => source::open(path),
            }?;
            builder = match self.weight.get(number) {
                Some(weight) => builder.weighted_source(source, *weight),
                None => builder.source(source),
            };
        }
        let loader = builder.build()?;
        match &self.samples {
            Some(list) => loader.second_pass(&numbers(list)?),
            None => Ok(loader),
        }
    }
}

/// Numbers as `--samples` has them.
fn numbers(list: &str) -> feedmill::Result<Vec<u64>> {
    let text = match list.strip_prefix('@') {
        Some(path) => {
            let path = Path::new(path);
            std::fs::read_to_string(path).map_err(|error| Error::io("read", path, error))?
        }
        None => list.to_string(),
    };
    let words = text
        .split([',', '\n', '\r', ' '])
        .filter(|word| !word.is_empty());
    words
        .map(|word| {
            word.parse()
                .map_err(|_| Error::config(format!("--samples: \"{word}\" is not a sample number")))
        })
        .collect()
}
