//! One test for each fault that was found and fixed. Its comment says what went wrong.

use std::fs;
use std::path::{Path, PathBuf};

use feedmill::geometry::Size;
use feedmill::sample::Sample;
use feedmill::source::{Memory, Source};
use feedmill::toml;
use feedmill::{Loader, Recipe};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below a folder of the repository.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// A source with an entropy index beside it lost its labels and columns: the wrapper did not
/// forward the methods that have defaults, so samplers read every image, or did not find a column.
#[cfg(feature = "arrow")]
#[test]
fn an_index_beside_a_table_leaves_its_labels_and_columns_readable() {
    use arrow_array::{ArrayRef, BinaryArray, Int64Array, RecordBatch};
    use std::sync::Arc;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.parquet");
    let jpeg =
        fs::read(root().join("fixtures/photos/nature/life_by_Aitzol_Berasategi.jpg")).unwrap();
    let images: BinaryArray = (0..4).map(|_| Some(&jpeg[..])).collect();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("image", Arc::new(images)),
        ("label", Arc::new(Int64Array::from(vec![0, 1, 0, 1]))),
        ("fine_label", Arc::new(Int64Array::from(vec![7, 8, 9, 7]))),
    ];
    let table = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = parquet::arrow::ArrowWriter::try_new(
        fs::File::create(&path).unwrap(),
        table.schema(),
        None,
    )
    .unwrap();
    writer.write(&table).unwrap();
    writer.close().unwrap();

    let read_metadata = || {
        let source = feedmill::source::open(&path).unwrap();
        let (mut labels, mut fine) = (Vec::new(), Vec::new());
        source
            .labels(&mut |_, target| {
                labels.push(target);
                Ok(())
            })
            .unwrap();
        let found = source
            .column("fine_label", &mut |_, text| {
                fine.push(text.to_string());
                Ok(())
            })
            .unwrap();
        (labels, found, fine)
    };
    let before = read_metadata();
    assert_eq!(before.2, ["7", "8", "9", "7"]);
    let stop = std::sync::atomic::AtomicBool::new(false);
    feedmill::index::write(&path, &Default::default(), &stop, &|_, _| {}).unwrap();
    assert!(folder.path().join("d.parquet.jpeg-index").exists());
    assert_eq!(read_metadata(), before);
}

/// Joined sources did not forward the size of an image, so it was read from every header.
#[test]
fn joined_sources_know_the_sizes_of_their_images() {
    /// A source that knows the size of its images.
    struct SizedSource(Memory);

    impl Source for SizedSource {
        fn len(&self) -> u64 {
            self.0.len()
        }
        fn fingerprint(&self) -> feedmill::sample::Fingerprint {
            self.0.fingerprint()
        }
        fn name(&self, id: u64) -> String {
            self.0.name(id)
        }
        fn size(&self, id: u64) -> u64 {
            self.0.size(id)
        }
        fn read(&self, id: u64, buf: Vec<u8>) -> feedmill::Result<Sample> {
            self.0.read(id, buf)
        }
        fn image_size(&self, _: u64) -> Option<Size> {
            Some(Size::new(3, 2))
        }
    }

    let memory = || {
        SizedSource(Memory::pixels(vec![9; 2 * 3 * 3 * 4], Size::new(3, 2), 3, vec![0; 4]).unwrap())
    };
    let recipe = Recipe::new()
        .with_batch(2)
        .op(feedmill::augment::ops::Resize::new(Size::square(4)));
    let joined = Loader::builder().source(memory()).source(memory());
    let loader = joined.recipe(recipe).build().unwrap();
    assert_eq!(loader.source().image_size(5), Some(Size::new(3, 2)));
}

/// A method of `Source` with a default is easily left out of a wrapper. A lint checks the wrappers,
/// and this test checks that the lint is on.
#[test]
fn wrappers_of_sources_refuse_to_forget_a_method() {
    for file in ["src/source/indexed.rs", "src/source/joined.rs"] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(
            text.contains("#[deny(clippy::missing_trait_methods)]\nimpl Source for"),
            "{file}"
        );
    }
}

/// The weights of the Lanczos filter used the sine of the platform's C library, so pixels could
/// differ between machines.
#[test]
fn pixels_take_transcendental_functions_from_libm_alone() {
    let banned = [
        ".sin()",
        ".cos()",
        ".tan()",
        ".exp()",
        ".ln()",
        ".powf(",
        ".sin_cos()",
        ".exp2()",
        ".atan2(",
    ];
    let folders = [
        "src/kernels",
        "src/augment",
        "src/mix",
        "src/plan",
        "src/batch",
        "src/rng.rs",
    ];
    let mut found = Vec::new();
    for folder in folders {
        let files = match root().join(folder).is_dir() {
            true => rust_files(folder),
            false => vec![root().join(folder)],
        };
        for file in files {
            let text = fs::read_to_string(&file).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap();
            for (number, line) in code.lines().enumerate() {
                let code = line.split("//").next().unwrap();
                if banned.iter().any(|banned| code.contains(banned)) {
                    found.push(format!("{}:{}: {line}", file.display(), number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

/// Two documents contradicted each other on whether an entropy index can change pixels.
#[test]
fn documents_agree_that_no_pixel_depends_on_an_index() {
    for file in ["docs/FORMAT.md", "ARCHITECTURE.md", "README.md"] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        assert!(!text.contains("index can change pixels"), "{file}");
    }
}

/// A test with a limit on processor time failed on busy machines. Speed is measured in benches.
#[test]
fn no_test_asserts_how_long_something_takes() {
    for folder in ["tests", "src"] {
        for file in rust_files(folder) {
            if file.ends_with("regression.rs") {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            for word in [
                "CLOCK_THREAD_CPUTIME_ID",
                "assert!(took <",
                "elapsed() < Duration",
            ] {
                assert!(!text.contains(word), "{}: {word}", file.display());
            }
        }
    }
}

/// Public functions that can fail lacked a section on errors. Clippy finds them, in every member of
/// the workspace, as long as the lint is on.
#[test]
fn every_public_fallible_function_has_to_say_what_fails() {
    let workspace = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let workspace: toml::Table = workspace.parse().unwrap();
    let lints = &workspace["workspace"]["lints"]["clippy"];
    assert_eq!(lints["missing_errors_doc"].as_str(), Some("warn"));
    for member in [".", "crates/feedmill-jpeg", "crates/feedmill-cli"] {
        let text = fs::read_to_string(root().join(member).join("Cargo.toml")).unwrap();
        let package: toml::Table = text.parse().unwrap();
        assert_eq!(
            package["lints"]["workspace"].as_bool(),
            Some(true),
            "{member}"
        );
    }
    let gate = fs::read_to_string(root().join("ci/lint.sh")).unwrap();
    assert!(gate.contains("-D warnings"));
}

/// A table with its images in a column `img`, as CIFAR-10 on Hugging Face, was refused.
#[cfg(feature = "arrow")]
#[test]
fn a_column_of_images_with_another_usual_name_is_found() {
    use arrow_array::{ArrayRef, BinaryArray, Int64Array, RecordBatch};
    use std::sync::Arc;

    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, columns: Vec<(&str, ArrayRef)>| {
        let path = folder.path().join(name);
        let table = RecordBatch::try_from_iter(columns).unwrap();
        let file = fs::File::create(&path).unwrap();
        let mut writer = parquet::arrow::ArrowWriter::try_new(file, table.schema(), None).unwrap();
        writer.write(&table).unwrap();
        writer.close().unwrap();
        path
    };
    let images = || -> ArrayRef { Arc::new(BinaryArray::from(vec![Some(&b"\xff\xd8\xff"[..])])) };
    let labels = || -> ArrayRef { Arc::new(Int64Array::from(vec![4])) };
    let path = write("one.parquet", vec![("img", images()), ("label", labels())]);
    let sample = feedmill::source::open(&path)
        .unwrap()
        .read(0, Vec::new())
        .unwrap();
    assert_eq!(sample.target, feedmill::sample::Target::Class(4));
    let path = write("two.parquet", vec![("img", images()), ("photo", images())]);
    let error = feedmill::source::open(&path).err().unwrap();
    assert!(
        error
            .message()
            .contains("[\"img\", \"photo\"] could all be the images"),
        "{error}"
    );
    let path = write("none.parquet", vec![("scan", images())]);
    let error = feedmill::source::open(&path).err().unwrap();
    assert!(
        error.message().contains("the columns are [\"scan\"]"),
        "{error}"
    );
}

/// Every preset parses: a recipe that a release contains must stay valid.
#[test]
fn every_preset_parses() {
    for (name, _) in Recipe::presets() {
        Recipe::preset(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
