//! The commands that run a recipe, over the photographs in `fixtures/photos`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::{feedmill, make, repository};

const PHOTOS: &str = "fixtures/photos";

/// Runs the binary in the root of the repository.
fn output(args: &[&str]) -> Output {
    feedmill()
        .current_dir(repository())
        .args(args)
        .output()
        .expect("the binary was built")
}

/// The standard output of a run that must succeed.
fn fine(args: &[&str]) -> String {
    let output = output(args);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "feedmill {args:?}: {complaint}");
    String::from_utf8(output.stdout).unwrap()
}

/// The exit code and the standard error of a run that must fail.
fn refused(args: &[&str]) -> (i32, String) {
    let output = output(args);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "feedmill {args:?} succeeded");
    assert!(
        !complaint.contains("panicked"),
        "feedmill {args:?}: {complaint}"
    );
    (
        output.status.code().expect("not killed by a signal"),
        complaint,
    )
}

/// A recipe that mixes, with everything small.
fn recipe(folder: &Path) -> PathBuf {
    let path = folder.join("recipe.toml");
    let text = r#"
        seed = 3
        batch = 8
        [[view]]
        ops = [ { op = "random_resized_crop", size = 32 }, { op = "horizontal_flip" } ]
        [mix]
        choose = [ { mix = "mixup", alpha = 0.8 }, { mix = "cutmix" } ]
        lambda = "element"
        group = 2
        [target]
        classes = 10
    "#;
    fs::write(&path, text).unwrap();
    path
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn digest(data: &str, recipe: &Path, more: &[&str]) -> String {
    fine(&[&["digest", "--data", data, "--recipe", text(recipe)], more].concat())
}

#[test]
fn digests_are_equal_for_any_workers_storage_and_ranks() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = recipe(folder.path());
    let expected = digest(PHOTOS, &recipe, &["--workers", "1", "--epoch", "2"]);
    assert_eq!(expected.lines().count(), 16, "two batches of eight slots");
    assert_eq!(
        digest(PHOTOS, &recipe, &["--workers", "8", "--epoch", "2"]),
        expected
    );

    let shards = folder.path().join("shards");
    fine(&["convert", PHOTOS, text(&shards), "--shard-size", "200KiB"]);
    assert!(
        fs::read_dir(&shards).unwrap().count() > 3,
        "several shards and a manifest"
    );
    assert_eq!(digest(text(&shards), &recipe, &["--epoch", "2"]), expected);

    let tar = folder.path().join("photos.tar");
    fs::write(&tar, make::tar(&make::photos())).unwrap();
    assert_eq!(digest(text(&tar), &recipe, &["--epoch", "2"]), expected);

    let mut joined: Vec<(u64, u64, String)> = Vec::new();
    for rank in ["0", "1", "2", "3"] {
        let part = digest(
            PHOTOS,
            &recipe,
            &["--epoch", "2", "--rank", rank, "--ranks", "4"],
        );
        joined.extend(part.lines().map(|line| {
            let numbers: Vec<u64> = line
                .split(' ')
                .take(3)
                .map(|word| word.parse().unwrap())
                .collect();
            (numbers[1], numbers[2], format!("{line}\n"))
        }));
    }
    joined.sort();
    assert_eq!(
        joined
            .into_iter()
            .map(|(_, _, line)| line)
            .collect::<String>(),
        expected
    );

    let second = digest(PHOTOS, &recipe, &["--epoch", "2", "--batches", "1..2"]);
    assert_eq!(
        second,
        expected
            .lines()
            .skip(8)
            .map(|line| format!("{line}\n"))
            .collect::<String>()
    );
}

#[test]
fn eight_processes_at_once_on_one_folder_of_shards_join_to_the_global_batch() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("recipe.toml");
    let text_of = "batch = 16\n[[view]]\nops = [ { op = \"random_resized_crop\", size = 24 } ]\n\
                   [mix]\nchoose = [ { mix = \"mixup\", alpha = 1.0 } ]\ngroup = 2\n\
                   [target]\nclasses = 3\n";
    fs::write(&recipe, text_of).unwrap();
    let shards = folder.path().join("shards");
    fine(&["convert", PHOTOS, text(&shards), "--shard-size", "200KiB"]);
    let children: Vec<_> = (0..8)
        .map(|rank: u32| {
            feedmill()
                .args([
                    "digest",
                    "--data",
                    text(&shards),
                    "--recipe",
                    text(&recipe),
                    "--ranks",
                    "8",
                    "--rank",
                ])
                .arg(rank.to_string())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let parts = children
        .into_iter()
        .map(|child| child.wait_with_output().unwrap().stdout);
    let joined: String = parts.map(|part| String::from_utf8(part).unwrap()).collect();
    assert_eq!(
        joined,
        digest(text(&shards), &recipe, &[]),
        "one batch, in the order of ranks"
    );
}

#[cfg(feature = "arrow")]
#[test]
fn digests_of_arrow_and_parquet_are_those_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = recipe(folder.path());
    let expected = digest(PHOTOS, &recipe, &[]);
    let batch = make::plain(&make::photos());
    let arrow = folder.path().join("photos.arrow");
    fs::write(&arrow, make::arrow_file(&batch, 3)).unwrap();
    assert_eq!(digest(text(&arrow), &recipe, &[]), expected);
    let parquet = folder.path().join("photos.parquet");
    fs::write(
        &parquet,
        make::parquet(&batch, 3, parquet::basic::Compression::SNAPPY),
    )
    .unwrap();
    assert_eq!(digest(text(&parquet), &recipe, &[]), expected);
}

#[test]
fn plain_code_gives_the_digests_of_vector_code() {
    let folder = tempfile::tempdir().unwrap();
    // Every op that has vector code, on photographs.
    let ops = folder.path().join("ops.toml");
    let text_of_ops = r#"
        batch = 8
        [[view]]
        count = 3
        ops = [
          { op = "random_resized_crop", size = 97, filter = "bicubic" },
          { op = "horizontal_flip" },
          { op = "color_jitter", brightness = 0.4, contrast = 0.4, saturation = 0.4, hue = 0.1 },
          { op = "affine", degrees = [-30, 30], shear_x = [-10, 10], filter = "bilinear", p = 0.5 },
          { op = "rotate", degrees = [-30, 30], filter = "bicubic", p = 0.5 },
          { op = "perspective" },
          { op = "grayscale", p = 0.3 },
          { op = "gaussian_blur", p = 0.5 },
          { op = "gaussian_noise", p = 0.5 },
          { op = "sharpness", factor = 1.7, p = 0.5 },
          { op = "jpeg", quality = [20, 90], p = 0.5 },
          { op = "rand_augment", filter = "bilinear" },
        ]
    "#;
    fs::write(&ops, text_of_ops).unwrap();
    for recipe in [recipe(folder.path()), ops] {
        let expected = digest(PHOTOS, &recipe, &[]);
        let output = feedmill()
            .current_dir(repository())
            .env("FEEDMILL_SIMD", "off")
            .args(["digest", "--data", PHOTOS, "--recipe", text(&recipe)])
            .output()
            .unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    }
}

#[test]
fn bench_reports_rates_stages_and_the_bottleneck() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = recipe(folder.path());
    let people = fine(&[
        "bench",
        "--data",
        PHOTOS,
        "--recipe",
        text(&recipe),
        "--epochs",
        "1",
        "--headspace",
    ]);
    assert!(people.contains("all but it"), "{people}");
    for part in [
        "images/s",
        "MB/s",
        "first batch after",
        "peak memory",
        "decoder",
        "bottleneck",
    ] {
        assert!(people.contains(part), "no {part} in {people}");
    }
    let machines = fine(&[
        "bench",
        "--data",
        PHOTOS,
        "--recipe",
        text(&recipe),
        "--epochs",
        "2",
        "--json",
    ]);
    let lines: Vec<serde_json::Value> = machines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4, "a warm-up, two epochs, the run");
    for key in ["images_per_s", "epoch", "workers", "bytes_read"] {
        assert!(lines.iter().all(|line| !line[key].is_null()), "{key}");
    }
    let run = &lines[3];
    assert!(run["images_per_s"].as_f64().unwrap() > 0.0);
    assert!(run["stages"]["decoder"]["busy_s"].as_f64().unwrap() > 0.0);
    assert!(run["peak_memory"].as_u64().unwrap() > 1 << 20);
}

#[test]
fn preview_explain_and_apply_show_what_the_model_sees() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = recipe(folder.path());
    let grid = folder.path().join("grid.png");
    let sheet = folder.path().join("sheet.png");
    fine(&["preview", "--ops", "-o", text(&sheet)]);
    assert_eq!(&fs::read(&sheet).unwrap()[..8], b"\x89PNG\r\n\x1a\n");
    fine(&[
        "preview",
        "--data",
        PHOTOS,
        "--recipe",
        text(&recipe),
        "-o",
        text(&grid),
    ]);
    let image = image::open(&grid).unwrap().to_rgb8();
    assert!(
        image.width() > 3 * 112 && image.height() > 3 * 52,
        "{:?}",
        image.dimensions()
    );
    assert!(image.pixels().any(|pixel| pixel.0 == [230; 3]), "captions");

    let explained = fine(&[
        "explain",
        "--data",
        PHOTOS,
        "--recipe",
        text(&recipe),
        "--sample",
        "3",
    ]);
    for part in [
        "sample 3 (nature/sunset",
        "crop left=",
        "resize width=32 height=32 filter=bilinear",
        "Class(0)",
        "  mix      batch ",
    ] {
        assert!(explained.contains(part), "no {part} in {explained}");
    }
    // An image and its mask beside it for each slot.
    assert!(image.width() > 3 * (2 * 32 + 4), "{:?}", image.dimensions());
    let mixed = fine(&[
        "explain",
        "--data",
        PHOTOS,
        "--recipe",
        text(&recipe),
        "--sample",
        "3",
        "--json",
    ]);
    let mixed: serde_json::Value = serde_json::from_str(&mixed).unwrap();
    assert_eq!(mixed["mixes"].as_array().unwrap().len(), 1, "{mixed}");
    let json = fine(&[
        "explain", "--data", PHOTOS, "--preset", "imagenet", "--sample", "3", "--json",
    ]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (json["width"].as_u64(), json["height"].as_u64()),
        (Some(640), Some(427))
    );

    assert!(
        json["views"][0]["steps"][0]
            .as_str()
            .unwrap()
            .starts_with("crop left="),
        "{json}"
    );

    let (input, output) = (folder.path().join("in.png"), folder.path().join("out.png"));
    image::RgbImage::from_fn(3, 1, |x, _| image::Rgb([x as u8, 7, 9]))
        .save(&input)
        .unwrap();
    fine(&[
        "apply",
        "op = \"horizontal_flip\", p = 1.0",
        text(&input),
        text(&output),
    ]);
    let flipped = image::open(&output).unwrap().to_rgb8();
    assert_eq!(
        flipped.pixels().map(|pixel| pixel.0[0]).collect::<Vec<_>>(),
        [2, 1, 0]
    );
}

/// `degrees = { fixed = 10 }` turns every image by the same angle, which is seldom what is meant.
#[test]
fn preview_and_explain_say_which_draws_never_vary() {
    let folder = tempfile::tempdir().unwrap();
    let recipe = folder.path().join("recipe.toml");
    let png = folder.path().join("grid.png");
    let ops = r#"
        { op = "resize", size = [32, 32] },
        { op = "rotate", degrees = [-10, 10] },
        { op = "sequence", p = 0.5, ops = [{ op = "affine", shear_x = { fixed = 5 } }] },
    "#;
    fs::write(&recipe, format!("batch = 2\n[[view]]\nops = [{ops}]")).unwrap();
    let job = |command, rest: &[&str]| {
        let start = [command, "--data", PHOTOS, "--recipe", text(&recipe)];
        fine(&[&start[..], rest].concat())
    };
    let constant = "constant affine shear_x = { fixed = 5.0 }: the same for every image";
    let explained = job("explain", &["--sample", "3"]);
    let lines = explained.lines().filter(|line| line.contains("constant"));
    assert_eq!(lines.map(str::trim).collect::<Vec<_>>(), [constant]);
    assert_eq!(job("preview", &["-o", text(&png)]).trim(), constant);
    let json: serde_json::Value =
        serde_json::from_str(&job("explain", &["--sample", "3", "--json"])).unwrap();
    assert_eq!(
        json["views"][0]["constants"],
        serde_json::json!(["affine shear_x = { fixed = 5.0 }"])
    );
}

#[test]
fn preview_explain_and_digest_cover_every_view() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("multi.toml");
    let write = |size: &str| {
        let local = format!(
            "[[view]]\nname = \"local\"\ncount = 3\n\
             ops = [{{ op = \"center_crop\", size = {size} }}]"
        );
        let global = "[[view]]\nops = [{ op = \"center_crop\", size = 200 }]";
        std::fs::write(&path, format!("batch = 4\n{global}\n{local}\n")).unwrap();
    };
    let digest = || {
        fine(&[
            "digest",
            "--data",
            PHOTOS,
            "--recipe",
            text(&path),
            "--batches",
            "0..1",
        ])
    };
    write("40");
    let first = digest();
    write("{ stages = [[0, 48], [1, 56]] }");
    assert_ne!(digest(), first);
    let grid = folder.path().join("grid.png");
    for (epoch, height) in [("0", 48), ("1", 56)] {
        fine(&[
            "preview",
            "--data",
            PHOTOS,
            "--recipe",
            text(&path),
            "-o",
            text(&grid),
            "--epoch",
            epoch,
        ]);
        let image = image::open(&grid).unwrap();
        // Three small views stand in one column beside the large one, two slots in a row.
        assert!(image.width() >= 2 * (200 + height) && image.width() < 2 * (200 + 2 * height));
        let explained = fine(&[
            "explain",
            "--data",
            PHOTOS,
            "--recipe",
            text(&path),
            "--sample",
            "3",
            "--epoch",
            epoch,
        ]);
        for part in [
            "view     view 0, 200 x 200".to_string(),
            format!("view     local 3/3, {height} x {height}"),
            format!("value    center_crop size = {height}"),
        ] {
            assert!(explained.contains(&part), "no {part} in {explained}");
        }
    }
}

/// A recipe with tables for the top level, of images of 16 pixels.
fn small(folder: &Path, batch: usize, tables: &str) -> PathBuf {
    let path = folder.join(format!("small-{}.toml", tables.len()));
    let text = format!(
        "batch = {batch}\n{tables}\n[[view]]\nops = [ {{ op = \"resize\", size = [16, 16] }} ]\n\
         [output]\ndtype = \"u8\"\n"
    );
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn episodes_are_shown_explained_and_digested() {
    let dir = tempfile::tempdir().unwrap();
    let recipe = small(
        dir.path(),
        9,
        "[sampler]\nkind = \"episodes\"\nways = 3\nshots = 1\nqueries = 2\nbatches = 4",
    );
    let job = ["--data", PHOTOS, "--recipe", text(&recipe)];
    let run = |command: &str, more: &[&str]| fine(&[&[command], &job[..], more].concat());
    let all = run("digest", &[]);
    assert_eq!(all.lines().count(), 36);
    let parts: Vec<String> = (0..3)
        .map(|rank| {
            run(
                "digest",
                &[
                    "--ranks",
                    "3",
                    "--rank",
                    &rank.to_string(),
                    "--workers",
                    "1",
                ],
            )
        })
        .collect();
    let mut joined: Vec<&str> = parts.iter().flat_map(|part| part.lines()).collect();
    let mut whole: Vec<&str> = all.lines().collect();
    joined.sort_unstable();
    whole.sort_unstable();
    assert_eq!(joined, whole);
    let sample = all.lines().nth(4).unwrap().split(' ').nth(3).unwrap();
    let explained = run("explain", &["--sample", sample]);
    assert!(
        explained.contains("comes    batch 0, slot 4") && explained.contains(", query"),
        "{explained}"
    );
    let json: serde_json::Value =
        serde_json::from_str(&run("explain", &["--sample", sample, "--json"])).unwrap();
    assert!(
        json["visits"]
            .as_array()
            .unwrap()
            .iter()
            .any(|visit| visit["role"] == "query" && visit["slot"] == 4)
    );
    let png = dir.path().join("grid.png");
    run("preview", &["-o", text(&png)]);
    assert!(fs::metadata(&png).unwrap().len() > 1000);
}

#[test]
fn blends_and_second_passes_from_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let sources =
        "[[source]]\nname = \"real\"\nweight = 0.75\n[[source]]\nname = \"made\"\nweight = 0.25";
    let blended = small(dir.path(), 4, sources);
    let bench = fine(&[
        "bench",
        "--json",
        "--epochs",
        "1",
        "--data",
        PHOTOS,
        "--data",
        PHOTOS,
        "--recipe",
        text(&blended),
    ]);
    let last: serde_json::Value = serde_json::from_str(bench.lines().last().unwrap()).unwrap();
    let sources = last["sources"].as_array().unwrap();
    assert_eq!(
        (sources[0]["name"].as_str(), sources[1]["name"].as_str()),
        (Some("real"), Some("made"))
    );
    assert_eq!(
        (
            sources[0]["samples"].as_u64(),
            sources[1]["samples"].as_u64()
        ),
        (Some(30), Some(10))
    );
    let (code, complaint) = refused(&["digest", "--data", PHOTOS, "--recipe", text(&blended)]);
    assert_eq!(code, 2);
    assert!(
        complaint.contains("2 [[source]] tables for 1 sources"),
        "{complaint}"
    );

    let plain = small(dir.path(), 4, "");
    let pass = |list: &str| {
        let lines = fine(&[
            "digest",
            "--data",
            PHOTOS,
            "--recipe",
            text(&plain),
            "--samples",
            list,
        ]);
        lines
            .lines()
            .map(|line| line.split(' ').nth(3).unwrap().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(pass("7,0,3,9,2"), ["7", "0", "3", "9", "2"]);
    let list = dir.path().join("list");
    fs::write(&list, "4\n1\n").unwrap();
    assert_eq!(pass(&format!("@{}", text(&list))), ["4", "1"]);
    let (code, complaint) = refused(&[
        "digest",
        "--data",
        PHOTOS,
        "--recipe",
        text(&plain),
        "--samples",
        "1,x",
    ]);
    assert!(
        code == 2 && complaint.contains("\"x\" is not a sample number"),
        "{complaint}"
    );

    let agents = small(
        dir.path(),
        1,
        "[[select]]\nselect = \"by_class\"\nagents = 3",
    );
    let mut samples: Vec<String> = Vec::new();
    for agent in ["0", "1", "2"] {
        let lines = fine(&[
            "digest",
            "--data",
            PHOTOS,
            "--recipe",
            text(&agents),
            "--agent",
            agent,
        ]);
        samples.extend(
            lines
                .lines()
                .map(|line| line.split(' ').nth(3).unwrap().to_string()),
        );
    }
    samples.sort_unstable();
    assert_eq!(
        samples,
        (0..10).map(|id| id.to_string()).collect::<Vec<_>>()
    );
}

#[test]
fn inspect_tells_the_sizes_of_classes() {
    let value: serde_json::Value =
        serde_json::from_str(&fine(&["inspect", PHOTOS, "--json"])).unwrap();
    assert_eq!(
        value["class_size"],
        serde_json::json!({"min": 3, "mean": 3, "max": 4, "sum": 10})
    );
}

#[test]
fn annotations_are_explained_drawn_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    fs::create_dir(&data).unwrap();
    let image = repository()
        .join(PHOTOS)
        .join("nature/life_by_Aitzol_Berasategi.jpg");
    fs::copy(image, data.join("a.jpg")).unwrap();
    let json =
        |boxes: &str| format!(r#"{{"boxes": [{boxes}], "keypoints": [[320, 213, 2, 5, 1]]}}"#);
    fs::write(data.join("a.json"), json("[160, 106.5, 480, 319.5, 3]")).unwrap();
    let recipe = folder.path().join("recipe.toml");
    let text_of = "batch = 1\n[joint]\n[[view]]\nops = [{ op = \"resize\", size = [32, 64] }]\n";
    fs::write(&recipe, text_of).unwrap();
    let job = ["--data", text(&data), "--recipe", text(&recipe)];
    let told = fine(&[&["explain"], &job[..], &["--sample", "0"]].concat());
    assert!(
        told.contains("box      1: class 3, 16.0 8.0 to 48.0 24.0"),
        "{told}"
    );
    assert!(
        told.contains("keypoint 5 of 1: 32.0 16.0, visible 2"),
        "{told}"
    );

    let png = folder.path().join("preview.png");
    let pixels = |png: &Path| {
        let decoder = png::Decoder::new(std::io::BufReader::new(fs::File::open(png).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        (info.width as usize, pixels)
    };
    fine(&[&["preview"], &job[..], &["-o", text(&png)]].concat());
    let (width, drawn) = pixels(&png);
    // Four pixels lie between images; the fourth color is that of class 3.
    let at = |x: usize, y: usize| drawn[((4 + y) * width + 4 + x) * 3..][..3].to_vec();
    assert!(
        [(16, 8), (47, 8), (16, 23), (47, 23)]
            .iter()
            .all(|(x, y)| at(*x, *y) == [240, 200, 40])
    );
    assert_eq!(at(32, 16), [60, 210, 220]);
    assert!(at(15, 8) != [240, 200, 40] && at(20, 12) != [240, 200, 40]);

    fine(&["verify", text(&data)]);
    fs::write(data.join("a.json"), json("[480, 106.5, 160, 319.5, 3]")).unwrap();
    let output = output(&["verify", text(&data)]);
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.code() == Some(1) && report.contains("boxes[0]"),
        "{report}"
    );
}

#[test]
fn completions_name_every_command() {
    let script = fine(&["completions", "bash"]);
    for command in [
        "bench", "convert", "verify", "inspect", "digest", "preview", "explain", "apply",
    ] {
        assert!(script.contains(command), "{command}");
    }
}

#[test]
fn bad_input_has_a_clear_message_and_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let data = |name: &str, file: &str, bytes: &[u8]| {
        fs::create_dir_all(at(name).join("class")).unwrap();
        fs::write(at(name).join("class").join(file), bytes).unwrap();
        at(name)
    };
    let digest = |path: &Path| {
        refused(&[
            "digest",
            "--data",
            text(path),
            "--preset",
            "imagenet",
            "--batch",
            "1",
        ])
    };
    let expect = |(code, complaint): (i32, String), expected: i32, parts: &[&str]| {
        for part in parts {
            assert!(complaint.contains(part), "no \"{part}\" in: {complaint}");
        }
        assert_eq!(code, expected, "{complaint}");
    };
    let photo = fs::read(
        repository()
            .join(PHOTOS)
            .join("still/umang_by_Abhishek_Mudgal.jpg"),
    )
    .unwrap();

    expect(digest(&at("nowhere")), 1, &["nowhere", "No such file"]);
    fs::create_dir(at("empty")).unwrap();
    expect(
        digest(&at("empty")),
        2,
        &["empty", "not a data set", "class folders"],
    );
    expect(
        digest(&data("text", "a.jpg", b"just some text")),
        1,
        &["a.jpg", "not an image", "just some"],
    );
    expect(
        digest(&data("cut", "b.jpg", &photo[..9000])),
        1,
        &["b.jpg", "9000", "cut"],
    );
    expect(
        digest(&data("bomb", "c.png", &zeros_png())),
        1,
        &["c.png", "60000 x 60000", "limit"],
    );

    let shards = at("shards");
    fine(&["convert", PHOTOS, text(&shards)]);
    let shard = fs::read_dir(&shards)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "mill")
        })
        .unwrap();
    let mut bytes = fs::read(&shard).unwrap();
    bytes[70_000] ^= 4;
    fs::write(&shard, bytes).unwrap();
    let (code, report) = {
        let output = output(&["verify", text(&shards)]);
        (
            output.status.code().unwrap(),
            String::from_utf8(output.stdout).unwrap(),
        )
    };
    assert_eq!(code, 1);
    assert!(
        report.contains("record 0") && report.contains("1 bad sample"),
        "{report}"
    );

    #[cfg(feature = "arrow")]
    {
        let batch = make::plain(&make::photos());
        let renamed = arrow_array::RecordBatch::try_new(
            std::sync::Arc::new(arrow_schema::Schema::new(vec![
                batch.schema().field(0).clone().with_name("scan"),
                batch.schema().field(1).clone(),
            ])),
            batch.columns().to_vec(),
        )
        .unwrap();
        let path = at("renamed.arrow");
        fs::write(&path, make::arrow_file(&renamed, 10)).unwrap();
        expect(digest(&path), 2, &["image", "scan", "label"]);
    }

    let recipe = |text: &str| {
        fs::write(at("bad.toml"), text).unwrap();
        refused(&[
            "digest",
            "--data",
            PHOTOS,
            "--recipe",
            at("bad.toml").to_str().unwrap(),
        ])
    };
    let unknown =
        recipe("batch = 8\n[[view]]\nops = [\n  { op = \"random_resize_crop\", size = 8 },\n]\n");
    expect(
        unknown,
        2,
        &[
            "bad.toml",
            "line 4",
            "random_resize_crop",
            "did you mean \"random_resized_crop\"",
        ],
    );
    let zero = recipe("batch = 8\n[[view]]\nops = [ { op = \"center_crop\", size = 0 } ]\n");
    expect(
        zero,
        2,
        &["line 3", "size = 0", "expected 1 to 16384 pixels"],
    );
    let ranks = refused(&[
        "digest", "--data", PHOTOS, "--preset", "imagenet", "--batch", "10", "--rank", "0",
        "--ranks", "4",
    ]);
    expect(ranks, 2, &["4 ranks do not divide"]);
    expect(
        refused(&["bench", "--data", PHOTOS, "--preset", "imagnet"]),
        2,
        &["did you mean \"imagenet\""],
    );
    expect(refused(&["bench", "--data", PHOTOS]), 2, &["--preset"]);
    let op = "op = \"horizontal_flip\", p = 2.0";
    expect(
        refused(&["apply", op, "fixtures/README.md", "out.png"]),
        2,
        &["expected 0 to 1"],
    );
}

/// A PNG of 60,000 x 60,000 zeros: a header and one chunk, since nothing more is ever read.
fn zeros_png() -> Vec<u8> {
    let mut header = [
        &60_000u32.to_be_bytes()[..],
        &60_000u32.to_be_bytes(),
        &[8, 2, 0, 0, 0],
    ]
    .concat();
    header.splice(..0, *b"IHDR");
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
    png.extend(&header);
    png.extend([0; 4]);
    png.extend(b"\0\0\0\0IEND\xae\x42\x60\x82");
    png
}
