//! Training and validation from one folder, with the accuracy of each class and the names of the
//! worst samples. The model is the mean image of each class, in the place of a real one.
//!
//! cargo run --example train_val [FOLDER]

use feedmill::{Loader, Recipe, source};

/// The values of an image: 3 x 32 x 32.
const VALUES: usize = 3 * 32 * 32;

fn distance(mean: &[f32], image: &[f32]) -> f32 {
    let squares = mean.iter().zip(image).map(|(a, b)| (a - b).powi(2));
    squares.sum()
}

fn main() -> feedmill::Result<()> {
    let data = std::env::args().nth(1).unwrap_or("fixtures/photos".into());
    let training = Recipe::preset("imagenet")?.with_size(32)?.with_batch(2);
    let validation = training.eval()?;
    let (train, val) = Loader::split(source::open(data)?, 0.3, training, validation)?;
    let (names, counts) = (val.classes().unwrap_or_default(), val.class_counts()?);
    let mut means = vec![vec![0f32; VALUES]; counts.len()];
    for epoch in train.epochs(0..3) {
        println!("epoch {}", epoch.number());
        for batch in epoch {
            let batch = batch?;
            for fault in batch.faults() {
                println!("  sample {} was replaced: {}", fault.sample, fault.message);
            }
            let images = batch.images().as_f32()?.chunks_exact(VALUES);
            for (image, class) in images.zip(batch.targets().index()?) {
                let mean = means[*class as usize].iter_mut();
                mean.zip(image)
                    .for_each(|(m, value)| *m += 0.1 * (value - *m));
            }
        }
        let mut right = vec![0; counts.len()];
        let mut worst = Vec::new();
        for batch in val.epoch(0)? {
            for slot in batch?.slots() {
                let Some(class) = slot.class() else { continue };
                let image = slot.view(0, 0).image().as_f32()?;
                let far: Vec<f32> = means.iter().map(|mean| distance(mean, image)).collect();
                let own = far[class as usize];
                right[class as usize] += u64::from(far.iter().all(|other| own <= *other));
                worst.push((own, slot.name()));
            }
        }
        for ((name, right), count) in names.iter().zip(right).zip(&counts) {
            println!("  {name}: {right} of {count} right");
        }
        worst.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (distance, name) in worst.iter().take(2) {
            println!("  worst: {name}, at a distance of {distance:.1}");
        }
    }
    Ok(())
}
