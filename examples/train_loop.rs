//! The shortest training loop: a folder of class folders to batches.
//!
//! cargo run --example train_loop [FOLDER]

use feedmill::{Loader, Recipe};

/// Stands for a training step: reads every value once and returns a number.
fn train(images: &[f32], soft_labels: &[f32]) -> f32 {
    images.iter().sum::<f32>() / images.len() as f32 + soft_labels.iter().sum::<f32>()
}

fn main() -> feedmill::Result<()> {
    let data = std::env::args().nth(1).unwrap_or("fixtures/photos".into());
    let recipe = Recipe::preset("deit")?.with_seed(7).with_batch(8);
    let loader = Loader::open(data, recipe)?;
    for epoch in loader.epochs(0..2) {
        let number = epoch.number();
        for batch in epoch {
            // Bad files, I/O errors and panics in ops arrive here, as errors with their cause.
            let batch = batch?;
            // A bad sample that the recipe lets pass: here another one has taken its place.
            for fault in batch.faults() {
                eprintln!("sample {}: {}", fault.sample, fault.message);
            }
            let images = batch.images().as_f32()?; // [8, 3, 224, 224]
            let soft_labels = batch.targets().dense()?; // [8, 1000]
            let loss = train(images, soft_labels);
            println!(
                "epoch {number}, batch {}: {:?}, loss {loss:.3}",
                batch.index(),
                batch.images().shape()
            );
        }
    }
    println!("{}", loader.stats());
    println!("{}", loader.stats().bottleneck());
    Ok(())
}
