//! Questions to a real Batch account, by which an assumed rule is confirmed or refuted.
//!
//! To add a question, add it to a file in `questions`; a test says which rules have none.

#![allow(dead_code, reason = "tests look at what the example prints")]

mod cells;
mod conversation;
pub mod ledger;
pub mod options;
mod plan;
pub mod question;
pub mod questions;
pub mod record;
mod report;
pub mod unasked;

use std::{
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::against::{Service, now};
use conversation::{Conversation, Run, Stop};
use ledger::{Cleanup, Ledger};
use options::{Options, Target};
use plan::Plan;
use question::{Question, Verdict};
use record::{Destination, Outcome};

/// Everything was as assumed.
const AS_ASSUMED: u8 = 0;
/// A rule is refuted, an answer is unclear, or something could not be deleted.
const NOT_AS_ASSUMED: u8 = 1;
/// Nothing was asked.
const NOT_ASKED: u8 = 2;

/// What the example does, with these arguments.
pub fn main(arguments: impl Iterator<Item = String>) -> ExitCode {
    ExitCode::from(run(arguments))
}

/// The same, with the exit code as a number.
pub fn run(arguments: impl Iterator<Item = String>) -> u8 {
    let done = Options::parse(arguments).and_then(|options| {
        let questions = options.select(questions::all())?;
        match &options.target {
            None => {
                report::list(&questions);
                Ok(AS_ASSUMED)
            }
            Some(target) => ask(target, &options, questions),
        }
    });
    done.unwrap_or_else(|why| {
        eprintln!("{why}");
        NOT_ASKED
    })
}

fn ask(target: &Target, options: &Options, questions: Vec<Question>) -> Result<u8, String> {
    let service =
        Service::new(&target.url, &target.account, &target.key).map_err(|error| error.to_string())?;
    if service.is_readable_by_others() {
        eprintln!(
            "warning: {} is not encrypted, so others can read what is asked and answered",
            service.url()
        );
    }
    let stopped = Arc::new(AtomicBool::new(false));
    let on_signal = stopped.clone();
    // The second one ends the program as it would have.
    let handler = move || {
        if on_signal.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("stopping; what was made is being deleted, again ctrl-c leaves it");
    };
    ctrlc::set_handler(handler).map_err(|error| format!("ctrl-c cannot be caught: {error}"))?;

    let ledger = Ledger::new(now());
    let run = Run { service: &service, ledger: &ledger, pool: target.pool.as_deref(), stopped: &stopped };
    run.check()?;
    let destination = Destination::open(options.json.as_deref())?;
    let plan = Plan::new(&questions, target.pool.is_some());
    eprint!("{}", plan.says(&ledger, target.pool.as_deref()));

    if !target.pause.is_zero() {
        eprintln!("it begins in {} seconds; ctrl-c stops it", target.pause.as_secs());
    }
    if Conversation::new(run).pause(target.pause).is_err() {
        return Err("nothing was asked".into());
    }

    let cleanup = Cleanup::new(&service, &ledger);
    let mut outcomes = Vec::new();
    let mut questions = questions.into_iter();
    for question in questions.by_ref() {
        let outcome = put(&run, question);
        eprintln!("{}", report::line(&outcome));
        outcomes.push(outcome);
        if stopped.load(Ordering::Relaxed) {
            eprintln!("{} questions were not asked", questions.len());
            break;
        }
        cleanup.begin();
    }
    eprintln!("{}", ledger.made());
    let left = cleanup.finish();

    let mut table = report::table(&outcomes);
    table.extend(left.iter().map(|left| format!("{left}\n")));
    if destination.is_standard_output() {
        eprint!("{table}");
    } else {
        print!("{table}");
    }
    let written = destination.write(&target.secrets().record(&outcomes));
    if let Err(error) = &written {
        eprintln!("the record could not be written: {error}");
    }
    let refuted = |outcome: &Outcome| matches!(outcome.verdict, Verdict::Refuted | Verdict::Unclear);
    let interrupted = stopped.load(Ordering::Relaxed);
    let failed = interrupted || written.is_err() || !left.is_empty() || outcomes.iter().any(refuted);
    Ok(if failed { NOT_AS_ASSUMED } else { AS_ASSUMED })
}

/// Has the conversation about a question, and compares the answer with those that are foreseen.
fn put(run: &Run<'_>, question: Question) -> Outcome {
    let mut conversation = Conversation::new(*run);
    let (verdict, answered) = match question.has(&mut conversation) {
        Ok(answer) | Err(Stop::Stays(answer)) => (question.verdict(&answer), answer),
        Err(Stop::Skipped(why)) => (Verdict::Skipped, why),
        Err(Stop::Unclear(why)) => (Verdict::Unclear, why),
    };
    Outcome { verdict, answered, exchanges: conversation.exchanges, question }
}
