//! Stops a run after a batch and resumes it in another process, which gets exactly the batches that
//! were missing.
//!
//! cargo run --example resume

use feedmill::{Loader, LoaderBuilder, LoaderState, Recipe};

fn builder() -> feedmill::Result<LoaderBuilder> {
    let recipe = Recipe::preset("imagenet")?.with_seed(7).with_batch(4);
    Ok(Loader::builder().path("fixtures/photos").recipe(recipe))
}

fn main() -> feedmill::Result<()> {
    let mut uninterrupted = Vec::new();
    for epoch in builder()?.build()?.epochs(0..3) {
        for batch in epoch {
            uninterrupted.push(batch?.digest());
        }
    }

    // The first process saves the state of each batch after training on it, and is killed after the
    // fourth batch.
    let path = std::env::temp_dir().join(format!("feedmill-example-{}.state", std::process::id()));
    for batch in builder()?.build()?.epochs(0..3).flatten().take(4) {
        std::fs::write(&path, batch?.state().to_string())
            .expect("the temporary folder can be written");
    }

    // The second process has another number of workers and gets the same bytes.
    let text = std::fs::read_to_string(&path).expect("the state was written");
    let state: LoaderState = text.parse()?;
    println!(
        "resuming at epoch {}, batch {}; the state:\n{text}",
        state.epoch(),
        state.next_batch()
    );
    let loader = builder()?.workers(3).state(state).build()?;
    let mut rest = Vec::new();
    for epoch in loader.epochs(0..3) {
        for batch in epoch {
            rest.push(batch?.digest());
        }
    }
    assert_eq!(
        rest,
        uninterrupted[4..],
        "the batches differ from those of the uninterrupted run"
    );
    println!(
        "{} batches, equal to those of the uninterrupted run",
        rest.len()
    );
    std::fs::remove_file(&path).ok();
    Ok(())
}
