//! Replays episodes: conversations with a Batch service, written down step by step.
//!
//! With files as arguments it prints a line for each step that differs from what the file expects,
//! then `N passed, M failed`. Without files it replays an episode of the project's own and prints how its
//! job ends. After an episode that differs, and with `--why` after each, it prints why jobs have not ended
//! and why tasks are not running.

#[path = "episode/mod.rs"]
mod episode;

use std::{env, fs, process::ExitCode};

use azbatch::Effect;
use episode::{Episode, Outcome, Player};

const OWN: &str = include_str!("episodes/how-a-job-ends.json");

fn main() -> ExitCode {
    let (options, files): (Vec<String>, Vec<String>) =
        env::args().skip(1).partition(|argument| argument.starts_with("--"));
    if let Some(unknown) = options.iter().find(|option| *option != "--why") {
        eprintln!("there is no option {unknown}, only --why");
        return ExitCode::FAILURE;
    }
    let why = !options.is_empty();
    if files.is_empty() {
        return narrate(why);
    }
    let (mut passed, mut failed) = (0, 0);
    for file in &files {
        let text = fs::read_to_string(file).map_err(|error| error.to_string());
        match text.and_then(|text| Episode::parse(&text)) {
            Ok(episode) => {
                let mut player = Player::new(&episode);
                let failed_before = failed;
                for (number, outcome) in player.play(&episode) {
                    match outcome {
                        Outcome::Passed { .. } => passed += 1,
                        Outcome::Failed(why) => {
                            failed += 1;
                            println!("{file}: step {number}: {why}");
                        }
                    }
                }
                if why || failed > failed_before {
                    println!("{file}: in the end");
                    explain(&player, &episode);
                }
            }
            Err(error) => {
                failed += 1;
                println!("{file}: {error}");
            }
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Says what has not happened by the end of an episode, and why.
fn explain(player: &Player, episode: &Episode) {
    for reason in episode.steps.last().map(|step| player.reasons(step.at())).unwrap_or_default() {
        println!("   {reason}");
    }
}

/// Shows a newcomer how a job ends: every step, the facts and instructions (`->`) that follow from it, and
/// the states that are new after it (`==`).
fn narrate(why: bool) -> ExitCode {
    let episode = match Episode::parse(OWN) {
        Ok(episode) => episode,
        Err(error) => {
            println!("the project's own episode: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("{}\n", episode.says);
    let mut player = Player::new(&episode);
    let mut failed = 0;
    let mut before = Vec::new();
    for step in &episode.steps {
        println!("{}  {step}", step.clock_time());
        match player.step(step) {
            Outcome::Passed { effects } => {
                for effect in effects {
                    match effect {
                        Effect::Fact(fact) => println!("               {fact}"),
                        Effect::Instruction(instruction) => println!("            -> {instruction}"),
                    }
                }
            }
            Outcome::Failed(why) => {
                failed += 1;
                println!("            !! {why}");
            }
        }
        let states = player.states();
        for line in states.iter().filter(|line| !before.contains(*line)) {
            println!("            == {line}");
        }
        before = states;
    }
    if why || failed > 0 {
        println!();
        explain(&player, &episode);
    }
    println!("\n{} passed, {failed} failed", episode.steps.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
