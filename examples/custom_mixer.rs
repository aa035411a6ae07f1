//! A user-defined mixer that a recipe uses by name, like a built-in one.
//!
//! cargo run --example custom_mixer

use feedmill::geometry::{Rect, Size};
use feedmill::mix::{Blend, MixPlan, Mixer};
use feedmill::recipe::Registry;
use feedmill::rng::RandomStream;
use feedmill::spec::Interval;
use feedmill::{Loader, Recipe, Result, declare};

/// Replaces a stripe across the whole image by the same stripe of another image.
#[declare(name = "stripe")]
#[derive(Clone, Debug, PartialEq)]
struct Stripe {
    /// The height of the stripe as a share of the image's height.
    #[param(default = Interval::new(0.2, 0.5), range = [0.0, 1.0])]
    share: Interval,
}

impl Mixer for Stripe {
    /// Runs before there are pixels: only the size of the images is known. feedmill computes the
    /// weights of the labels from the blend.
    fn draw(&self, rng: &mut RandomStream, size: Size) -> MixPlan {
        let rows = (self.share.draw(rng) * f64::from(size.height)) as u32;
        let top = rng.below(u64::from(size.height - rows) + 1) as u32;
        let rect = Rect::new(0, top, size.width, rows);
        Blend::Box { rect }.into()
    }
}

fn main() -> Result<()> {
    let mut registry = Registry::default();
    registry.register_mixer::<Stripe>();
    let recipe = Recipe::from_toml_with(
        &registry,
        r#"
        seed = 7
        batch = 4
        [[view]]
        ops = [ { op = "random_resized_crop", size = 96 } ]
        [mix]
        choose = [
          { mix = "stripe", share = [0.2, 0.6] },
          # The weight of MixUp falls over the first ten epochs.
          { mix = "mixup", alpha = 0.8, weight = { linear = [1.0, 0.1], epochs = [0, 10] } },
        ]
        [target]
        form = "pair"
        "#,
    )?;
    let loader = Loader::open("fixtures/photos", recipe)?;
    print!("{}", loader.explain(0, 3)?);
    for batch in loader.epoch(0)? {
        for slot in batch?.slots() {
            let (mix, partner) = (slot.mix(), slot.partner().map(|partner| partner.name()));
            println!(
                "{}: {} with {partner:?}, lam {:.2}",
                slot.name(),
                mix.method,
                mix.lam
            );
        }
    }
    Ok(())
}
