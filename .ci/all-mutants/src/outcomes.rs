//! What came of each mutant, in a file with a line for each.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use crate::mutants::{Mutant, Number};

/// What came of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A test failed.
    Caught,
    /// A test did not end.
    TimedOut,
    /// All tests passed.
    Missed,
    /// It does not compile.
    Unviable,
    /// It is to be tried by itself.
    Left,
}

impl Outcome {
    const NAMES: [(Self, &str); 5] = [
        (Self::Caught, "caught"),
        (Self::TimedOut, "timeout"),
        (Self::Missed, "missed"),
        (Self::Unviable, "unviable"),
        (Self::Left, "left"),
    ];

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(outcome, _)| *outcome == self).map_or("", |(_, name)| name)
    }
}

impl FromStr for Outcome {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::NAMES.iter().find(|(_, name)| *name == text);
        found.map(|(outcome, _)| *outcome).ok_or_else(|| format!("there is no outcome {text}"))
    }
}

/// The outcomes of some mutants, with the test that noticed each.
pub type Outcomes = BTreeMap<Number, (Outcome, String)>;

pub fn file(folder: &Path) -> PathBuf {
    folder.join("outcomes.tsv")
}

pub fn write(folder: &Path, mutants: &[Mutant], outcomes: &Outcomes) -> Result<(), Box<dyn Error>> {
    let mut lines = String::new();
    for (number, (outcome, test)) in outcomes {
        let Mutant { file, name, .. } = &mutants[*number];
        writeln!(lines, "{file}\t{}\t{name}\t{test}", outcome.name())?;
    }
    Ok(fs::write(file(folder), lines)?)
}

/// The outcomes of an earlier run that still count: of mutants that were noticed, or that do not compile. Mutants are
/// known by their names without their lines, which move. If there are others of this name than then, all are tried.
pub fn read_settled(folder: &Path, mutants: &[Mutant]) -> Result<Outcomes, Box<dyn Error>> {
    let text = fs::read_to_string(file(folder))?;
    let mut earlier: BTreeMap<(&str, &str), Vec<(Outcome, &str)>> = BTreeMap::new();
    for line in text.lines() {
        let [file, outcome, name, test] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(format!("not a line of outcomes: {line}").into());
        };
        earlier.entry((file, without_place(name))).or_default().push((outcome.parse()?, test));
    }
    let mut now: BTreeMap<(&str, &str), Vec<Number>> = BTreeMap::new();
    for (number, mutant) in mutants.iter().enumerate() {
        now.entry((&mutant.file, without_place(&mutant.name))).or_default().push(number);
    }
    let mut settled = Outcomes::new();
    for (name, numbers) in now {
        let earlier = earlier.get(&name).map(Vec::as_slice).unwrap_or_default();
        let is_open = |(outcome, _): &(Outcome, &str)| matches!(outcome, Outcome::Missed | Outcome::Left);
        if earlier.len() == numbers.len() && !earlier.iter().any(is_open) {
            let outcomes = earlier.iter().map(|(outcome, test)| (*outcome, (*test).to_owned()));
            settled.extend(numbers.into_iter().zip(outcomes));
        }
    }
    Ok(settled)
}

/// ` replace .. in ..` of `src/job.rs:12:9: replace .. in ..`.
fn without_place(name: &str) -> &str {
    name.splitn(4, ':').nth(3).unwrap_or(name)
}
