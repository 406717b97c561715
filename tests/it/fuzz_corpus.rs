//! What the fuzz targets were started from and what they found, as plain tests.

use std::{fs, path::PathBuf};

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

/// Every prefix too, since what is cut off is an input like any other.
fn run(target: &str, check: fn(&[u8])) {
    for (file, data) in corpus(target) {
        println!("{}", file.display());
        for end in (0..data.len()).rev().step_by(7).chain([data.len()]) {
            check(&data[..end]);
        }
    }
}

#[test]
fn bytes() {
    run("bytes", fuzz::bytes);
}

#[test]
fn requests() {
    run("requests", fuzz::requests);
}
