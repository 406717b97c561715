//! What the fuzz targets were started from and what they found, as plain tests.

#![allow(clippy::format_push_string, reason = "the texts are short")]

use std::{fs, path::PathBuf};

use azbatch::testing::Sequence;

#[path = "../../fuzz/src/lib.rs"]
#[allow(unreachable_pub, reason = "the fuzz targets take it as a crate")]
pub(crate) mod fuzz;

/// The corpus files of a target, by name.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).expect("the corpus");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files.into_iter().map(|file| (file.clone(), fs::read(file).expect("a file"))).collect()
}

/// Prefixes too, since what is cut off is an input like any other.
fn run(target: &str, check: fn(&[u8])) {
    for (file, data) in corpus(target) {
        println!("{}", file.display());
        let step = (data.len() / 50).max(7);
        for end in (0..data.len()).rev().step_by(step).chain([data.len()]) {
            check(&data[..end]);
        }
    }
}

/// The seeds of `requests` are bytes; this is what they mean.
#[test]
fn sequences_as_text() {
    let mut text = String::new();
    for (file, data) in corpus("requests") {
        let sequence = Sequence::from_bytes(&data);
        assert_eq!(sequence.to_bytes(), data, "{} is longer than a sequence", file.display());
        let name = file.file_name().unwrap().to_string_lossy();
        text += &format!("{name}\n{sequence}\n");
    }
    insta::assert_snapshot!("sequences", text);
}

#[test]
fn bytes() {
    run("bytes", fuzz::bytes);
}

#[test]
fn requests() {
    run("requests", fuzz::requests);
}

#[test]
fn conditions() {
    run("conditions", fuzz::conditions);
}

#[test]
fn dates() {
    run("dates", fuzz::dates);
}

#[test]
fn filters() {
    run("filters", fuzz::filters);
}

#[cfg(feature = "serde")]
#[test]
fn stored() {
    run("stored", fuzz::stored);
}
