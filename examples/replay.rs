//! Replays episodes: conversations with a Batch service, written down step by step.
//!
//! With files as arguments it prints a line for each step that differs from what the file expects,
//! then `N passed, M failed`. Without arguments it replays an episode of the project's own and prints
//! how its job ends.

#[path = "episode/mod.rs"]
mod episode;

use std::{env, fs, process::ExitCode};

use azbatch::Effect;
use episode::{Episode, Outcome, Player};

const OWN: &str = include_str!("episodes/how-a-job-ends.json");

fn main() -> ExitCode {
    let files: Vec<String> = env::args().skip(1).collect();
    if files.is_empty() {
        return narrate();
    }
    let (mut passed, mut failed) = (0, 0);
    for file in &files {
        let text = fs::read_to_string(file).map_err(|error| error.to_string());
        match text.and_then(|text| Episode::parse(&text)) {
            Ok(episode) => {
                for (number, outcome) in Player::new(&episode).play(&episode) {
                    match outcome {
                        Outcome::Passed { .. } => passed += 1,
                        Outcome::Failed(why) => {
                            failed += 1;
                            println!("{file}: step {number}: {why}");
                        }
                    }
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

/// Shows a newcomer how a job ends: every step, the facts and instructions (`->`) that follow from it, and
/// the states that are new after it (`==`).
fn narrate() -> ExitCode {
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
    println!("\n{} passed, {failed} failed", episode.steps.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
