//! A user-defined op that a recipe uses by name, like a built-in one.
//!
//! cargo run --example custom_op

use std::sync::Arc;

use feedmill::augment::{Kernel, Op, Step, Steps};
use feedmill::geometry::Size;
use feedmill::recipe::Registry;
use feedmill::rng::RandomStream;
use feedmill::spec::params_of;
use feedmill::{Error, Loader, Recipe, Result, toml};
use serde::{Deserialize, Serialize};

/// Darkens an image from top to bottom: the last row by a share of 0 to `strength`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Dusk {
    strength: f64,
}

impl Op for Dusk {
    fn name(&self) -> &str {
        "dusk"
    }

    fn params(&self) -> toml::Table {
        params_of(self)
    }

    fn check(&self) -> Result<()> {
        if (0.0..=1.0).contains(&self.strength) {
            return Ok(());
        }
        let message = format!("strength = {}: expected 0 to 1", self.strength);
        Err(Error::config(message))
    }

    /// Runs before the image is decoded: everything random is drawn here, and the kernel below only
    /// computes.
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let strength = rng.uniform(0.0, self.strength) as f32;
        steps.push(Step::Custom(Arc::new(Darken { strength })));
    }
}

/// What was drawn for one image. `explain` prints it.
#[derive(Debug)]
struct Darken {
    strength: f32,
}

impl Kernel for Darken {
    /// `pixels` are rows of RGB, 8 bits per channel.
    fn apply(&self, pixels: &mut [u8], frame: Size) {
        let rows = pixels.chunks_exact_mut(frame.width as usize * 3);
        for (y, row) in rows.enumerate() {
            let factor = 1.0 - self.strength * y as f32 / frame.height as f32;
            for value in row {
                *value = (f32::from(*value) * factor) as u8;
            }
        }
    }
}

fn main() -> Result<()> {
    let mut registry = Registry::default();
    registry.register::<Dusk>("dusk");
    let recipe = Recipe::from_toml_with(
        &registry,
        r#"
        seed = 7
        batch = 4
        [[view]]
        ops = [
          { op = "random_resized_crop", size = 96 },
          { op = "dusk", strength = 0.8 },
        ]
        "#,
    )?;
    let loader = Loader::open("fixtures/photos", recipe)?;
    println!("{}", loader.explain(0, 3)?);
    for batch in loader.epoch(0)? {
        let batch = batch?;
        let values = batch.images().as_f32()?;
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        println!("samples {:?}: mean {mean:.3}", batch.samples());
    }
    Ok(())
}
