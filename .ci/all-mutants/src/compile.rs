//! Compiles the sources with their mutants, and leaves out those that do not compile.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fs, io,
    ops::Range,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::{
    instrument::{Instrumented, instrument},
    mutants::{self, Mutant, Number},
};

/// How often at most some are left out and the rest is compiled again.
const MAX_ROUNDS: usize = 40;

/// What came of compiling.
#[derive(Default)]
pub struct Compiled {
    /// The test programs.
    pub programs: Vec<PathBuf>,
    /// These do not compile.
    pub unviable: BTreeSet<Number>,
    /// These are not in the programs: they must be tried one by one.
    pub left: BTreeSet<Number>,
    /// What these change may be computed while compiling.
    pub constant: BTreeSet<Number>,
    /// The files as they were.
    sources: BTreeMap<String, String>,
}

impl Compiled {
    /// Gives the tree back the files as they were.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn restore(&self, tree: &Path) -> Result<(), io::Error> {
        self.sources.iter().try_for_each(|(file, source)| fs::write(tree.join(file), source))
    }

    /// The test programs with one mutant alone; `None` if it does not compile. The tree must have been restored.
    ///
    /// # Errors
    /// A file cannot be written, or the compiler cannot be run.
    pub fn alone(&self, tree: &Path, mutant: &Mutant) -> Result<Option<Vec<PathBuf>>, Box<dyn Error>> {
        let source = &self.sources[&mutant.file];
        fs::write(tree.join(&mutant.file), mutant.alone_in(source))?;
        let programs = tests(tree)?.ok();
        fs::write(tree.join(&mutant.file), source)?;
        Ok(programs)
    }
}

/// Writes the sources with all wanted mutants that compile into the tree, and compiles its tests.
///
/// # Errors
/// A file cannot be read or written, or the sources do not compile for another reason than a mutant.
pub fn compile(
    tree: &Path,
    mutants: &[Mutant],
    is_wanted: impl Fn(Number) -> bool,
) -> Result<Compiled, Box<dyn Error>> {
    let files = mutants::by_file(mutants);
    let read = |file: &&str| Ok(((*file).to_owned(), fs::read_to_string(tree.join(file))?));
    let sources = files.keys().map(read).collect::<Result<_, io::Error>>()?;
    let mut compiled = Compiled { sources, ..Compiled::default() };
    // `return` needs the very type that such a function hides; a whole body would not.
    let wanted = || (0..mutants.len()).filter(|number| is_wanted(*number));
    compiled.left = wanted().filter(|number| mutants[*number].hides_its_type()).collect();
    compiled.unviable = wanted().filter(|number| mutants[*number].leaks_in_iterator()).collect();
    for _ in 0..MAX_ROUNDS {
        let mut written = BTreeMap::new();
        for (file, numbers) in &files {
            let wanted: Vec<_> = numbers
                .iter()
                .filter(|number| is_wanted(**number))
                .filter(|number| !compiled.unviable.contains(number) && !compiled.left.contains(number))
                .map(|number| (*number, &mutants[*number]))
                .collect();
            let with_mutants =
                instrument(&compiled.sources[*file], &wanted).map_err(|error| format!("{file}: {error}"))?;
            // A chain with `let` has no place for its mutants, which do not compile.
            for number in &with_mutants.without_place {
                let chain = mutants[*number].replacement == "||";
                if chain { &mut compiled.unviable } else { &mut compiled.left }.insert(*number);
            }
            compiled.constant.extend(&with_mutants.constant);
            fs::write(tree.join(file), &with_mutants.text)?;
            written.insert(*file, with_mutants);
        }
        let errors = match tests(tree)? {
            Ok(programs) => {
                compiled.programs = programs;
                return Ok(compiled);
            }
            Err(errors) => errors,
        };
        leave_out(&errors, &written, &mut compiled)?;
        eprintln!(
            "{} errors; so far {} do not compile, {} are to be tried one by one",
            errors.len(),
            compiled.unviable.len(),
            compiled.left.len()
        );
    }
    Err("it still does not compile".into())
}

/// Where the compiler found an error, and what it says.
struct Fault {
    file: String,
    bytes: Range<usize>,
    text: String,
}

/// The test programs, or where they do not compile.
fn tests(tree: &Path) -> Result<Result<Vec<PathBuf>, Vec<Fault>>, Box<dyn Error>> {
    let output = Command::new("cargo")
        .args([
            "test",
            "--no-run",
            "--quiet",
            "--profile",
            "all-mutants",
            "--all-features",
            "--package",
            "azbatch",
        ])
        .args(["--lib", "--test", "it", "--message-format", "json"])
        .current_dir(tree)
        .stderr(Stdio::inherit())
        .output()?;
    let (mut programs, mut faults) = (Vec::new(), Vec::new());
    for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let message: Value = serde_json::from_slice(line)?;
        if let Some(program) = message["executable"].as_str() {
            programs.push(program.into());
        }
        if message["message"]["level"] == "error" {
            let spans = message["message"]["spans"].as_array().into_iter().flatten();
            for span in spans.filter(|span| span["is_primary"] == true) {
                let byte =
                    |name: &str| span[name].as_u64().and_then(|byte| byte.try_into().ok()).unwrap_or(0);
                let file = span["file_name"].as_str().unwrap_or_default().to_owned();
                let text = message["message"]["rendered"].as_str().unwrap_or_default().to_owned();
                faults.push(Fault { file, bytes: byte("byte_start")..byte("byte_end"), text });
            }
        }
    }
    Ok(if output.status.success() { Ok(programs) } else { Err(faults) })
}

/// Leaves out each mutant in which there is an error; and if it is in the code around mutants, all of these.
fn leave_out(
    faults: &[Fault],
    written: &BTreeMap<&str, Instrumented>,
    compiled: &mut Compiled,
) -> Result<(), Box<dyn Error>> {
    let before = compiled.unviable.len() + compiled.left.len();
    for fault in faults {
        let Some(file) = written.get(fault.file.as_str()) else {
            return Err(format!("an error that no mutant caused:\n{}", fault.text).into());
        };
        let around = |place: &Range<usize>| place.start <= fault.bytes.start && fault.bytes.end <= place.end;
        let inner = |range: &Range<usize>| range.end - range.start;
        let mutant =
            file.places.iter().filter(|(place, _)| around(place)).min_by_key(|(place, _)| inner(place));
        let site = file.sites.iter().filter(|(place, _)| around(place)).min_by_key(|(place, _)| inner(place));
        match (mutant, site) {
            (Some((_, number)), _) => {
                compiled.unviable.insert(*number);
            }
            (None, Some((_, numbers))) => compiled.left.extend(numbers),
            (None, None) => return Err(format!("an error that no mutant caused:\n{}", fault.text).into()),
        }
    }
    if compiled.unviable.len() + compiled.left.len() == before {
        return Err("it does not compile, for a reason that the compiler does not place".into());
    }
    Ok(())
}
