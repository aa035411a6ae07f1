//! The commands: what they print, how they end.

use std::process::Stdio;

use serde_json::Value;

use crate::child::{finish, run};
use crate::feedmill;
use crate::util::{files, make, mixed};

fn json(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect()
}

#[test]
fn convert_verify_and_inspect_agree() {
    let folder = tempfile::tempdir().unwrap();
    let (src, dst) = (folder.path().join("src"), folder.path().join("dst"));
    make(&mixed(30), &src, |options| options).unwrap();
    let ended = run(feedmill()
        .args(["convert", "--shard-size", "4KiB"])
        .args([&src, &dst]));
    assert!(ended.status.success() && ended.err.is_empty(), "{ended:?}");
    assert!(ended.out.contains("30 samples"), "{ended:?}");
    let ended = run(feedmill()
        .args(["verify", "--pixels", "--jobs", "2", "--json"])
        .arg(&dst));
    assert!(ended.status.success(), "{ended:?}");
    let lines = json(&ended.out);
    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["samples"], &lines[0]["bad_samples"]),
        (&30.into(), &0.into())
    );

    let all = &json(&run(feedmill().args(["inspect", "--json"]).arg(&dst)).out)[0];
    assert_eq!(
        (&all["form"], &all["samples"]),
        (&"shards".into(), &30.into())
    );
    assert_eq!(
        (&all["codecs"]["jpeg"], &all["codecs"]["png"]),
        (&23.into(), &7.into())
    );
    assert_eq!(all["classes"], serde_json::json!(["a", "b", "c"]));
    assert_eq!(
        (&all["width"]["min"], &all["width"]["max"]),
        (&8.into(), &36.into())
    );

    let one = &json(
        &run(feedmill()
            .args(["inspect", "--json", "--sample", "3"])
            .arg(&dst))
        .out,
    )[0];
    assert_eq!(
        (&one["name"], &one["codec"]),
        (&"klasse 0/bild-3 é.jpg".into(), &"png".into())
    );
    assert_eq!((&one["width"], &one["height"]), (&29.into(), &9.into()));
    assert_eq!(one["crc32c"].as_str().unwrap().len(), 8);

    let shard = &json(
        &run(feedmill()
            .args(["inspect", "--json"])
            .arg(dst.join("shard-00001.mill")))
        .out,
    )[0];
    assert_eq!(shard["header"]["part"], 1);
    assert_eq!(shard["header"]["conversion"].as_str().unwrap().len(), 32);
    let text = run(feedmill().arg("inspect").arg(dst.join("shard-00001.mill"))).out;
    assert!(
        text.contains("form  shards") && text.contains("part  1"),
        "{text}"
    );
}

#[test]
fn verify_lists_what_is_bad_and_exits_1() {
    let folder = tempfile::tempdir().unwrap();
    let src = folder.path().join("src");
    make(&mixed(30), &src, |options| options).unwrap();
    let path = src.join("shard-00001.mill");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[80] ^= 4;
    std::fs::write(&path, bytes).unwrap();
    let ended = run(feedmill().args(["verify", "--json"]).arg(&src));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    let lines = json(&ended.out);
    assert_eq!(lines.len(), 2);
    assert_eq!(
        (&lines[0]["bad"], &lines[0]["kind"]),
        (&"sample".into(), &"corrupt".into())
    );
    let ended = run(feedmill().arg("verify").arg(&src));
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.out.contains("shard-00001.mill: record 0") && ended.out.contains("1 bad samples"),
        "{ended:?}"
    );
    // A bad image stops a conversion, by name.
    let ended = run(feedmill()
        .arg("convert")
        .args([&src, &folder.path().join("dst")]));
    assert_eq!(ended.status.code(), Some(1));
    assert!(
        ended.err.contains("shard-00001.mill: record 0"),
        "{ended:?}"
    );
    let ended = run(feedmill()
        .args(["convert", "--skip-bad"])
        .args([&src, &folder.path().join("dst2")]));
    assert!(ended.status.success(), "{ended:?}");
    assert!(
        ended.err.contains("left out sample") && ended.out.contains("29 samples"),
        "{ended:?}"
    );
}

#[test]
fn wrong_usage_exits_2_and_missing_data_1() {
    let folder = tempfile::tempdir().unwrap();
    let src = folder.path().join("src");
    make(&mixed(3), &src, |options| options).unwrap();
    let wrong: &[&[&str]] = &[
        &[],
        &["convert"],
        &["convert", "a", "b", "--raw", "--quality", "5"],
        &["convert", "a", "b", "--quality", "0"],
        &["convert", "a", "b", "--quality", "101"],
        &["convert", "a", "b", "--max-side", "0"],
        &["convert", "a", "b", "--shard-size", "12parsecs"],
        &["convert", "a", "b", "--jobs", "0"],
        &["verify"],
        &["completions", "tcl"],
    ];
    for args in wrong {
        let ended = run(feedmill().args(*args));
        assert_eq!(ended.status.code(), Some(2), "{args:?}: {ended:?}");
        assert!(ended.out.is_empty(), "{args:?}: {ended:?}");
    }
    let ended = run(feedmill().arg("convert").arg(&src).arg(&src));
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    assert!(ended.err.contains("not empty"), "{ended:?}");
    let ended = run(feedmill().args(["inspect", "--sample", "3"]).arg(&src));
    assert_eq!(ended.status.code(), Some(2), "{ended:?}");
    let ended = run(feedmill().arg("verify").arg(folder.path().join("none")));
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.err.contains("none"), "{ended:?}");
    assert_eq!(
        files(folder.path().join("src").as_path()).len(),
        2,
        "nothing was touched"
    );
}

#[test]
fn a_closed_standard_output_ends_a_command_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let src = folder.path().join("src");
    make(&mixed(3), &src, |options| options).unwrap();
    for args in [
        &["inspect"][..],
        &["verify"],
        &["inspect", "--json"],
        &["completions"],
    ] {
        let mut command = feedmill();
        command.args(args);
        if args == ["completions"] {
            command.arg("bash")
        } else {
            command.arg(&src)
        };
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        command.stdout(Stdio::from(writer));
        let ended = finish(command.spawn().unwrap(), "a command without a reader");
        assert_eq!(ended.status.code(), Some(0), "{args:?}: {ended:?}");
        assert_eq!(ended.err, "", "{args:?}");
    }
}

#[test]
fn completions_exist_for_the_usual_shells() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = run(feedmill().args(["completions", shell]));
        assert!(
            ended.status.success() && ended.out.contains("shard-size"),
            "{shell}"
        );
    }
}
