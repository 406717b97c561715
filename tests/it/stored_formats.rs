//! Accounts stored in the past: those of this format are read for ever, others are refused.
//!
//! `stored/format-N.jsonl` has accounts that were stored in format N, one a line. A file never changes. If the format
//! does, `Account::STORED_FORMAT` is raised, and the first test writes a new file.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::fuzz_corpus::fuzz;

use azbatch::{
    Account,
    testing::{Sequence, strategies},
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::{Value, json};

/// The formats that have a file, with its lines.
fn files() -> Vec<(u32, Vec<String>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/stored");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| read(&entry.unwrap().path())).collect();
    files.sort();
    files
}

fn read(path: &Path) -> (u32, Vec<String>) {
    let name = path.file_stem().unwrap().to_str().unwrap();
    let format = name.strip_prefix("format-").and_then(|number| number.parse().ok());
    let lines = fs::read_to_string(path).unwrap().lines().map(String::from).collect();
    (format.expect("format-N.jsonl"), lines)
}

#[test]
fn this_format_has_a_file() {
    if files().iter().any(|(format, _)| *format == Account::STORED_FORMAT) {
        return;
    }
    let name = format!("format-{}.jsonl", Account::STORED_FORMAT);
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(&name);
    fs::write(&path, accounts_to_store().join("\n") + "\n").unwrap();
    panic!("copy {} to tests/it/stored/{name}", path.display());
}

#[test]
fn stored_accounts_of_this_format_are_read_and_stored_again_as_they_were() {
    let files = files();
    let (_, lines) = files.iter().find(|(format, _)| *format == Account::STORED_FORMAT).unwrap();
    assert!(lines.len() >= 10, "{} accounts", lines.len());
    for line in lines {
        let account: Account = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        account.check().unwrap();
        assert_eq!(serde_json::to_string(&account).unwrap(), *line);
    }
}

#[test]
fn stored_accounts_of_other_formats_are_refused() {
    for (format, lines) in files().iter().filter(|(format, _)| *format != Account::STORED_FORMAT) {
        for line in lines {
            let refusal = serde_json::from_str::<Account>(line).unwrap_err().to_string();
            assert!(refusal.starts_with(&other_format(*format)), "{refusal}");
        }
    }
}

#[test]
fn an_unknown_format_is_refused_before_anything_else() {
    let ours = Account::STORED_FORMAT;
    for format in [0, ours.wrapping_sub(1), ours + 1, u32::MAX] {
        let mut stored =
            serde_json::to_value(Account::new("https://contoso.westus.batch.azure.com")).unwrap();
        stored["account_format"] = json!(format);
        // A later version may have changed all of this.
        stored["force_timeout"] = json!({ "unit": "s", "value": 60 });
        stored["jobs"] = json!("elsewhere");
        let of_text = serde_json::from_str::<Account>(&stored.to_string()).unwrap_err().to_string();
        assert!(of_text.starts_with(&other_format(format)), "{of_text}");
        let of_value = serde_json::from_value::<Account>(stored).unwrap_err().to_string();
        assert_eq!(of_value, other_format(format));
    }
    let mut stored = serde_json::to_value(Account::new("https://contoso.westus.batch.azure.com")).unwrap();
    stored.as_object_mut().unwrap().remove("account_format");
    let refusal = serde_json::from_value::<Account>(stored).unwrap_err().to_string();
    assert_eq!(refusal, "missing field `account_format`");
}

fn other_format(format: u32) -> String {
    format!("stored in format {format}, but this version reads format {}", Account::STORED_FORMAT)
}

/// Accounts that between them have every name of a field and of a variant that many sequences lead to.
fn accounts_to_store() -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    let sequences = strategies::sequence(120);
    let mut known = BTreeSet::new();
    let mut accounts = Vec::new();
    for _ in 0..2_000 {
        let sequence: Sequence = sequences.new_tree(&mut runner).unwrap().current();
        let account = sequence.account();
        let before = known.len();
        collect_names(&serde_json::to_value(&account).unwrap(), &mut known);
        if known.len() > before {
            accounts.push(serde_json::to_string(&account).unwrap());
        }
    }
    accounts
}

fn collect_names(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                names.insert(name.clone());
                collect_names(value, names);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect_names(value, names)),
        // Variants without data. Times and ids have digits or hyphens.
        Value::String(text) if text.chars().all(|c| c.is_ascii_alphabetic()) => {
            names.insert(text.clone());
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A counter in a stored account can stand at its end. Then the account is refused, or the counter stays there: what
/// counts on would panic here, and what wraps would break a law.
#[test]
fn a_counter_at_its_end_is_refused_or_stays_there() {
    let files = files();
    let mut seen = BTreeMap::new();
    let (mut refused, mut read) = (BTreeSet::new(), BTreeSet::new());
    for line in files.iter().flat_map(|(_, lines)| lines) {
        let stored: Value = serde_json::from_str(line).unwrap();
        let mut pointers = Vec::new();
        collect_numbers(&stored, "", &mut pointers);
        for pointer in pointers {
            let name = pointer.rsplit('/').next().unwrap().to_owned();
            let times: &mut u32 = seen.entry(name.clone()).or_default();
            *times += 1;
            for end in [u64::from(u32::MAX), 1 << 53, i64::MAX.unsigned_abs(), u64::MAX] {
                if *times <= 3 {
                    let mut changed = stored.clone();
                    *changed.pointer_mut(&pointer).unwrap() = json!(end);
                    let is_read = serde_json::from_value::<Account>(changed.clone()).is_ok();
                    if is_read {
                        read.insert(name.clone())
                    } else {
                        refused.insert(name.clone())
                    };
                    fuzz::stored(changed.to_string().as_bytes());
                }
            }
        }
    }
    for counter in ["retry_count", "requeue_count", "total_tasks_run"] {
        assert!(read.contains(counter), "{counter} at its end is never read: {read:?}");
    }
    for counter in ["last_run", "next_sequence", "sequence", "taken_slots", "outstanding"] {
        assert!(refused.contains(counter), "{counter} at its end is never refused: {refused:?}");
    }
}

fn collect_numbers(value: &Value, pointer: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(name, value)| collect_numbers(value, &format!("{pointer}/{name}"), found));
        }
        Value::Array(values) => {
            let places = values.iter().enumerate();
            places.for_each(|(place, value)| collect_numbers(value, &format!("{pointer}/{place}"), found));
        }
        Value::Number(_) => found.push(pointer.to_owned()),
        Value::Null | Value::Bool(_) | Value::String(_) => {}
    }
}
