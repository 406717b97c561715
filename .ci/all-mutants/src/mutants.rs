//! The mutants that `cargo mutants --list --json` names.

use std::{collections::BTreeMap, error::Error, fs, path::Path};

use serde::Deserialize;

/// A change of the code that a test should notice.
#[derive(Clone, Debug, Deserialize)]
pub struct Mutant {
    /// What it is called, with its place.
    pub name: String,
    pub file: String,
    pub genre: Genre,
    pub span: Span,
    /// What stands in place of the span.
    pub replacement: String,
    function: Option<Function>,
}

#[derive(Clone, Debug, Deserialize)]
struct Function {
    return_type: String,
}

impl Mutant {
    /// A source with this mutant in place of what it replaces.
    pub fn alone_in(&self, source: &str) -> String {
        let (start, end) = Lines::new(source).range(self.span);
        format!("{}{}{}", &source[..start], self.replacement, &source[end..])
    }

    /// Whether its function returns an iterator of a type without a name.
    pub fn returns_iterator(&self) -> bool {
        self.function.as_ref().is_some_and(|function| function.return_type.starts_with("-> impl Iterator"))
    }

    /// Whether it gives an iterator of `&mut` to things, where one of `&` is wanted: this does not compile.
    pub fn leaks_in_iterator(&self) -> bool {
        self.returns_iterator() && self.replacement.contains("leak(")
    }

    /// Whether its function returns some other type that only its body tells.
    pub fn hides_its_type(&self) -> bool {
        !self.returns_iterator()
            && self.function.as_ref().is_some_and(|function| function.return_type.contains("impl "))
    }
}
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub enum Genre {
    FnValue,
    BinaryOperator,
    UnaryOperator,
    MatchArm,
    MatchArmGuard,
    StructField,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Span {
    start: Position,
    end: Position,
}

/// Both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Position {
    line: usize,
    column: usize,
}

/// The number of a mutant: its place in the list.
pub type Number = usize;

pub fn read(path: &Path) -> Result<Vec<Mutant>, Box<dyn Error>> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// The numbers of the mutants of each file.
pub fn by_file(mutants: &[Mutant]) -> BTreeMap<&str, Vec<Number>> {
    let mut files: BTreeMap<&str, Vec<Number>> = BTreeMap::new();
    for (number, mutant) in mutants.iter().enumerate() {
        files.entry(&mutant.file).or_default().push(number);
    }
    files
}

/// Where the lines of a text begin, so that positions become byte offsets.
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The byte at a line, which counts from 1, and a column, which counts from 0.
    pub fn byte(&self, line: usize, column: usize) -> usize {
        let start = self.starts[line - 1];
        start + self.text[start..].chars().take(column).map(char::len_utf8).sum::<usize>()
    }

    pub fn range(&self, span: Span) -> (usize, usize) {
        let byte = |position: Position| self.byte(position.line, position.column - 1);
        (byte(span.start), byte(span.end))
    }
}
