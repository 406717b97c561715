//! What people read.

use std::fmt::Write as _;

use super::{
    question::{Question, Verdict},
    record::Outcome,
};

/// The questions, with what each answer would mean.
pub fn list(questions: &[Question]) {
    for question in questions {
        let node = if question.needs_node { ", needs a pool with a node" } else { "" };
        println!("{} (about {} s{node})", question.title(), question.seconds);
        println!("    {}", question.asks);
        for (number, foreseen) in question.foreseen.iter().enumerate() {
            let assumed = if number == 0 { "assumed: " } else { "or:      " };
            println!("    {assumed}{} -> {}", foreseen.answer, foreseen.means);
        }
    }
    println!("{} questions; --against asks them", questions.len());
}

/// What is printed as soon as a question is answered.
pub fn line(outcome: &Outcome) -> String {
    format!("{}: {}: {}", outcome.question.title(), outcome.verdict.text(), outcome.answered)
}

/// The widest that a column of the table is; what is cut off is in the lines below it.
const WIDEST: usize = 44;

pub fn table(outcomes: &[Outcome]) -> String {
    let mut rows = vec![["rule", "assumed", "answered", "verdict", "request id"].map(String::from)];
    rows.extend(outcomes.iter().map(|outcome| {
        let answered = [outcome.question.assumed(), &outcome.answered].map(shortened);
        let [assumed, answered] = answered;
        let verdict = outcome.verdict.text().to_owned();
        [outcome.question.title(), assumed, answered, verdict, outcome.request_id().to_owned()]
    }));
    let mut text = String::new();
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            let width = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            write!(text, "{cell:width$}  ").ok();
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text + &explained(outcomes)
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= WIDEST {
        return text.to_owned();
    }
    text.chars().take(WIDEST - 3).collect::<String>() + "..."
}

/// What the answers mean that are not as assumed, and how many there are of each kind.
fn explained(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for outcome in outcomes {
        let Outcome { question, answered, verdict, .. } = outcome;
        match verdict {
            Verdict::AsAssumed | Verdict::Skipped => {}
            Verdict::Unclear => writeln!(text, "{}: unclear: {answered}", question.title()).unwrap_or(()),
            Verdict::Refuted => {
                let meaning = question.meaning(answered).unwrap_or_default();
                writeln!(text, "{}: {answered}: {meaning}", question.title()).unwrap_or(());
            }
        }
    }
    let count = |verdict| outcomes.iter().filter(|outcome| outcome.verdict == verdict).count();
    let verdicts = [Verdict::AsAssumed, Verdict::Refuted, Verdict::Unclear, Verdict::Skipped];
    let counts = verdicts.map(|verdict| format!("{} {}", count(verdict), verdict.text()));
    writeln!(text, "{}", counts.join(", ")).ok();
    text
}
