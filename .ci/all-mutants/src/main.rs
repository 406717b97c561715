//! Mutation testing of the whole crate within an hour or two.
//!
//! cargo-mutants compiles each of more than 4,000 mutants by itself, half a minute each. Here one build contains all
//! of them, each behind a switch; a first run of each test notes which mutants it reaches; and then, with one
//! mutant on at a time, the tests that reach it run until one fails. Which mutants there are is what
//! `cargo mutants --list` says. Those that cannot be in one build with the others, or whose code only the compiler
//! runs, are tried one by one at the end. `.ci/mutants all` runs it.

mod compile;
mod instrument;
mod mutants;
mod outcomes;
mod run;

use std::{
    env,
    error::Error,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Mutex,
    thread,
    time::Instant,
};

use mutants::Number;
use outcomes::{Outcome, Outcomes};
use run::{each, lock};

const USAGE: &str = "all-mutants all|again TREE LIST FOLDER

TREE is a copy of the sources, which is changed; LIST is what cargo-mutants lists as JSON; FOLDER is where outcomes.tsv
goes. `again` tries only what an earlier run has not settled: mutants that were missed, and new ones.";

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = env::args_os().skip(1).map(PathBuf::from).collect();
    let [mode, tree, list, folder] = arguments.as_slice() else {
        eprintln!("{USAGE}");
        return ExitCode::FAILURE;
    };
    let result = match mode.to_str() {
        Some("all") => all(false, tree, list, folder),
        Some("again") => all(true, tree, list, folder),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn all(again: bool, tree: &Path, list: &Path, folder: &Path) -> Result<(), Box<dyn Error>> {
    let mutants = mutants::read(list)?;
    let settled = if again { outcomes::read_settled(folder, &mutants)? } else { Outcomes::new() };
    let threads = thread::available_parallelism()?.get();
    let begun = Instant::now();
    let compiled = compile::compile(tree, &mutants, |number| !settled.contains_key(&number))?;
    eprintln!("compiled after {} s", begun.elapsed().as_secs());
    let reach = run::reach(tree, &compiled.programs, folder, threads)?;
    eprintln!("{} tests, run one by one after {} s", reach.tests.len(), begun.elapsed().as_secs());

    let mut outcomes = settled;
    let mut tried = Vec::new();
    for number in (0..mutants.len()).filter(|number| !outcomes.contains_key(number)).collect::<Vec<_>>() {
        // What only the compiler computes is never reached, whatever tests there are.
        let is_constant = compiled.constant.contains(&number) && !reach.by_mutant.contains_key(&number);
        if compiled.unviable.contains(&number) {
            outcomes.insert(number, (Outcome::Unviable, String::new()));
        } else if is_constant || compiled.left.contains(&number) {
            outcomes.insert(number, (Outcome::Left, String::new()));
        } else {
            tried.push(number);
        }
    }
    tried.sort_by_key(|number| reach.time(*number)); // The quick ones first, so that a break leaves much done.
    let outcomes = Mutex::new(outcomes);
    each(threads, tried.len(), |index| {
        let number = tried[index];
        let (outcome, test) = reach.outcome(tree, number);
        if outcome == Outcome::Missed {
            println!("no test notices: {}", mutants[number].name);
        }
        lock(&outcomes).insert(number, (outcome, test.unwrap_or_default().to_owned()));
        if (index + 1).is_multiple_of(200) {
            eprintln!("{} of {} after {} s", index + 1, tried.len(), begun.elapsed().as_secs());
        }
    });
    let mut outcomes = outcomes.into_inner()?;
    outcomes::write(folder, &mutants, &outcomes)?; // So that a break leaves that much.

    let left: Vec<Number> = outcomes
        .iter()
        .filter(|(_, (outcome, _))| *outcome == Outcome::Left)
        .map(|(number, _)| *number)
        .collect();
    eprintln!("{} are left to be tried one by one after {} s", left.len(), begun.elapsed().as_secs());
    compiled.restore(tree)?;
    for number in left {
        let (outcome, test) = match compiled.alone(tree, &mutants[number])? {
            Some(programs) => reach.outcome_of(tree, &programs),
            None => (Outcome::Unviable, None),
        };
        if outcome == Outcome::Missed {
            println!("no test notices: {}", mutants[number].name);
        }
        outcomes.insert(number, (outcome, test.unwrap_or_default().to_owned()));
        outcomes::write(folder, &mutants, &outcomes)?;
    }
    eprintln!("done after {} s", begun.elapsed().as_secs());
    Ok(())
}
