//! Effects in words: what a log of them says.

use std::collections::BTreeSet;

use azbatch::{
    Effect,
    testing::{Driver, strategies},
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

/// One line for each way in which an effect can be written: its kind, its words, and what it is about.
#[test]
fn effects_in_words() {
    let mut runner = TestRunner::deterministic();
    let sequences = strategies::sequence(120);
    let mut lines = BTreeSet::new();
    for _ in 0..1_500 {
        let sequence = sequences.new_tree(&mut runner).unwrap().current();
        let mut driver = Driver::new(sequence.start());
        for step in &sequence {
            lines.extend(driver.step(step).effects().iter().map(line));
        }
    }
    insta::assert_snapshot!("effects", Vec::from_iter(lines).join("\n"));
}

fn line(effect: &Effect) -> String {
    let names = [
        ("TASK", effect.task().map(ToString::to_string)),
        ("JOB", effect.job().map(ToString::to_string)),
        ("NODE", effect.node().map(ToString::to_string)),
        ("POOL", effect.pool().map(ToString::to_string)),
    ];
    let about: Vec<_> = names.iter().filter(|(_, id)| id.is_some()).map(|(name, _)| *name).collect();
    let text = effect.to_string();
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let before = words.last().map_or("", String::as_str);
        words.push(placeholder(before, word, &names));
    }
    let name = match effect {
        Effect::Fact(fact) => fact.name(),
        Effect::Instruction(instruction) => instruction.name(),
    };
    format!("{name}: {} ({})", words.join(" "), about.join(", "))
}

/// Ids, names, numbers and instants differ from sequence to sequence.
fn placeholder(before: &str, word: &str, names: &[(&'static str, Option<String>)]) -> String {
    let bare = word.trim_matches([',', ':', '(', ')']);
    let known = names.iter().find(|(_, id)| id.as_deref() == Some(bare)).map(|(name, _)| *name);
    let placeholder = match before {
        "schedule" => Some("SCHEDULE"),
        "user" => Some("USER"),
        "(run" => Some("#"),
        _ => known.or(bare.contains(|c: char| c.is_ascii_digit()).then_some("#")),
    };
    placeholder.map_or_else(|| word.to_owned(), |name| word.replace(bare, name))
}
