//! Mutation testing of the whole crate within an hour or two.
//!
//! cargo-mutants compiles each of more than 4,000 mutants by itself, half a minute each. Here one build contains all
//! of them, each behind a switch; a first run of each test notes which mutants it reaches; and then, with one
//! mutant on at a time, the tests that reach it run until one fails. Which mutants there are is what
//! `cargo mutants --list` says. `.ci/mutants all` runs it.

mod compile;
mod instrument;
mod mutants;
mod run;

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Mutex,
    time::Instant,
};

use run::{Outcome, each, lock};

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [tree, list, folder] = arguments.as_slice() else {
        eprintln!(
            "usage: all-mutants TREE LIST FOLDER: a copy of the sources to change, the list, where results go"
        );
        return ExitCode::FAILURE;
    };
    match all(tree, list, folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn all(tree: &Path, list: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let mutants = mutants::read(list)?;
    let threads = std::thread::available_parallelism()?.get();
    let begun = Instant::now();
    let compiled = compile::compile(tree, &mutants)?;
    eprintln!("compiled after {} s", begun.elapsed().as_secs());
    let reach = run::reach(tree, &compiled.programs, folder, threads)?;
    eprintln!("{} tests, run one by one after {} s", reach.tests.len(), begun.elapsed().as_secs());

    // What only the compiler computes is never reached, whatever tests there are.
    let is_left = |number: &usize| {
        compiled.left.contains(number)
            || (compiled.constant.contains(number) && !reach.by_mutant.contains_key(number))
    };
    let mut tried: Vec<_> =
        (0..mutants.len()).filter(|number| !compiled.unviable.contains(number) && !is_left(number)).collect();
    tried.sort_by_key(|number| reach.time(*number)); // The quick ones first, so that a break leaves much done.
    let outcomes = Mutex::new(BTreeMap::new());
    each(threads, tried.len(), |index| {
        let number = tried[index];
        let (outcome, test) = reach.outcome(tree, number);
        if outcome == Outcome::Missed {
            println!("no test notices: {}", mutants[number].name);
        }
        let mut outcomes = lock(&outcomes);
        outcomes.insert(number, (outcome, test));
        if outcomes.len().is_multiple_of(200) {
            eprintln!("{} of {} after {} s", outcomes.len(), tried.len(), begun.elapsed().as_secs());
        }
    });

    let outcomes = lock(&outcomes);
    let mut lines = String::new();
    for (number, mutant) in mutants.iter().enumerate() {
        let (outcome, test) = match outcomes.get(&number) {
            Some((Outcome::Caught, test)) => ("caught", *test),
            Some((Outcome::TimedOut, test)) => ("timeout", *test),
            Some((Outcome::Missed, test)) => ("missed", *test),
            None if compiled.unviable.contains(&number) => ("unviable", None),
            None => ("left", None),
        };
        lines.push_str(&format!(
            "{}\t{outcome}\t{}\t{}\n",
            mutant.file,
            mutant.name,
            test.unwrap_or_default()
        ));
    }
    fs::write(folder.join("outcomes.tsv"), lines)?;
    eprintln!("done after {} s", begun.elapsed().as_secs());
    Ok(())
}
