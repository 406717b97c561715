//! Plays episodes: the project's own, and those of the shared collection where it is there.

#[allow(
    dead_code,
    clippy::wildcard_enum_match_arm,
    reason = "the player is an example's; it is not all used here"
)]
#[path = "../examples/episode/mod.rs"]
mod episode;

use std::{fs, path::PathBuf};

use episode::{Episode, Outcome, Player};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Plays the steps of an episode, all or those before the first that `ends` it. Says what differs.
fn play(text: &str, ends: impl Fn(&str) -> bool) {
    let episode = Episode::parse(text).unwrap();
    let played = episode.steps.iter().position(|step| ends(&step.to_string())).unwrap_or(episode.steps.len());
    assert!(played > 0, "nothing to play: {}", episode.says);
    let failures: Vec<String> = Player::new(&episode)
        .play(&episode)
        .into_iter()
        .take(played)
        .filter_map(|(number, outcome)| match outcome {
            Outcome::Passed { .. } => None,
            Outcome::Failed(why) => Some(format!("step {number}: {why}")),
        })
        .collect();
    assert!(failures.is_empty(), "{}\n{}", episode.says, failures.join("\n"));
}

/// An episode of the shared collection; `None` where the collection is not there.
fn shared(name: &str) -> Option<String> {
    let folder = root().join("../shared/episodes");
    if !folder.is_dir() {
        println!("{name} is passed over: there is no {}", folder.display());
        return None;
    }
    let path = folder.join(name);
    Some(fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

#[test]
fn the_projects_own_episode_passes() {
    play(&fs::read_to_string(root().join("examples/episodes/how-a-job-ends.json")).unwrap(), |_| false);
}

#[test]
fn conditional_headers_pass() {
    if let Some(text) = shared("conditions.json") {
        play(&text, |_| false);
    }
}

#[test]
fn a_running_job_is_terminated() {
    if let Some(text) = shared("terminate-running.json") {
        play(&text, |_| false);
    }
}

/// Everything before the deletion, an operation that is not there yet.
#[test]
fn a_forced_termination_on_an_empty_pool_passes() {
    if let Some(text) = shared("terminate-forced-empty-pool-2025.json") {
        assert!(text.contains("\"DELETE\""));
        play(&text, |step| step.starts_with("DELETE "));
    }
}
