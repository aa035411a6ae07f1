//! kill -9 at any moment.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use feedmill::shard::MANIFEST;
use feedmill::verify::{Options, verify_shards};

use crate::child::{run, wait};
use crate::feedmill;
use crate::util::{Random, files, make, mixed};

const ROUNDS: u64 = 10;
const KILLS: u64 = 5;

/// Nothing under a final name may fail to verify.
fn check(dst: &Path) {
    let verify = |path: &Path| {
        let report =
            verify_shards(path, &Options::default(), &AtomicBool::new(false), &|_| {}).unwrap();
        assert!(report.is_sound(), "{}: {report:?}", path.display());
    };
    if !dst.exists() {
        return;
    }
    for name in files(dst).keys().filter(|name| name.ends_with(".mill")) {
        verify(&dst.join(name));
    }
    if dst.join(MANIFEST).exists() {
        verify(dst);
    }
}

fn options(random: &mut Random) -> Vec<String> {
    let mut options = Vec::new();
    let mut add = |name: &str, value: String| options.extend([name.to_owned(), value]);
    add("--shard-size", format!("{}KiB", 2 + random.below(40)));
    if random.below(2) == 0 {
        add("--max-side", (10 + random.below(30)).to_string());
    }
    match random.below(3) {
        0 => add("--quality", (30 + random.below(70)).to_string()),
        1 => options.push("--raw".to_owned()),
        _ => {}
    }
    if random.below(2) == 0 {
        options.push("--skip-bad".to_owned());
    }
    options
}

#[test]
fn a_conversion_killed_at_random_moments_ends_with_the_bytes_of_an_undisturbed_one() {
    let mut random = Random::seeded("kill -9");
    let folder = tempfile::tempdir().unwrap();
    let src = folder.path().join("src");
    make(&mixed(300), &src, |options| options).unwrap();
    let mut runs = 0;
    for round in 0..ROUNDS {
        let (whole, dst) = (folder.path().join("whole"), folder.path().join("dst"));
        let options = options(&mut random);
        println!("round {round}: {options:?}");
        let convert = |dst: &Path, jobs: u64| {
            let mut command = feedmill();
            command
                .arg("convert")
                .args(&options)
                .args(["--jobs", &jobs.to_string()])
                .args([&src, dst]);
            command
        };
        let start = Instant::now();
        let ended = run(&mut convert(&whole, 1));
        assert!(ended.status.success(), "{options:?}: {ended:?}");
        let mut span = start.elapsed().as_micros() as u64;
        let mut killed = 0;
        while killed < KILLS {
            runs += 1;
            assert!(
                runs < 20 * ROUNDS * KILLS,
                "hardly a kill hits a running conversion"
            );
            let mut child = convert(&dst, 1 + random.below(4))
                .arg("--resume")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_micros(random.below(span)));
            child.kill().unwrap();
            let ended = wait(&mut child, "a killed conversion");
            check(&dst);
            if ended.signal() == Some(libc::SIGKILL) {
                killed += 1;
            } else {
                // It was faster. Begin anew, and kill sooner.
                assert!(ended.success(), "{options:?}: {ended:?}");
                std::fs::remove_dir_all(&dst).unwrap();
                span = (span * 2 / 3).max(1000);
            }
        }
        let ended = run(convert(&dst, 1 + random.below(4)).arg("--resume"));
        assert!(ended.status.success(), "{options:?}: {ended:?}");
        let (found, expected) = (files(&dst), files(&whole));
        assert_eq!(
            found.keys().collect::<Vec<_>>(),
            expected.keys().collect::<Vec<_>>(),
            "{options:?}"
        );
        for (name, bytes) in &expected {
            assert!(found[name] == *bytes, "{options:?}: {name} differs");
        }
        check(&dst);
        std::fs::remove_dir_all(&whole).unwrap();
        std::fs::remove_dir_all(&dst).unwrap();
    }
    println!("{} kills in {runs} runs", ROUNDS * KILLS);
}
