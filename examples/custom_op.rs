//! An op of one's own, used by name in a recipe like a built-in one.
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

/// Darkens the image from top to bottom, by at most `strength`.
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
            Ok(())
        } else {
            Err(Error::config(format!(
                "strength = {}: expected 0 to 1",
                self.strength
            )))
        }
    }

    /// Draws before there are pixels: only sizes are known here.
    fn draw(&self, rng: &mut RandomStream, steps: &mut Steps) {
        let strength = rng.uniform(0.0, self.strength) as f32;
        steps.push(Step::Custom(Arc::new(Darken { strength })));
    }
}

/// The drawn form, which `explain` prints.
#[derive(Debug)]
struct Darken {
    strength: f32,
}

impl Kernel for Darken {
    fn apply(&self, pixels: &mut [u8], frame: Size) {
        for (y, row) in pixels
            .chunks_exact_mut(frame.width as usize * 3)
            .enumerate()
        {
            let factor = 1.0 - self.strength * y as f32 / frame.height as f32;
            row.iter_mut()
                .for_each(|value| *value = (f32::from(*value) * factor) as u8);
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
        let mean =
            batch.images().as_f32()?.iter().sum::<f32>() / batch.images().as_f32()?.len() as f32;
        println!("samples {:?}: mean {mean:.3}", batch.samples());
    }
    Ok(())
}
