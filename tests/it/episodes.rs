//! Plays episodes: the project's own, and those of the shared collection where it is there.

use crate::{episode, skipped};

use std::{ffi::OsStr, fs, path::PathBuf};

use episode::{Episode, Outcome, Player};

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Plays an episode to its end, and lists the steps that differ from what it expects.
fn failures(name: &str, text: &str) -> Vec<String> {
    let episode = match Episode::parse(text) {
        Ok(episode) => episode,
        Err(error) => return vec![error],
    };
    assert!(!episode.steps.is_empty(), "{name} has no steps");
    let outcomes = Player::new(&episode).play(&episode);
    let failed = outcomes.iter().filter_map(|(number, outcome)| match outcome {
        Outcome::Passed { .. } => None,
        Outcome::Failed(why) => Some(format!("step {number}: {why}")),
    });
    failed.collect()
}

fn play(name: &str, text: &str) {
    let failed = failures(name, text);
    assert!(failed.is_empty(), "{name}\n{}", failed.join("\n"));
}

/// The project's own episodes, by name.
pub fn own_episodes() -> Vec<(String, String)> {
    let entries = fs::read_dir(root().join("examples/episodes")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = paths
        .filter(|path| path.extension() == Some(OsStr::new("json")))
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap()))
        .collect();
    found.sort();
    assert!(found.len() >= 14, "only {} episodes are there", found.len());
    found
}

#[test]
fn the_projects_own_episodes_pass() {
    for (name, text) in own_episodes() {
        play(&name, &text);
    }
}

/// Each expected status of each episode counts: with another one the episode fails at that step.
#[test]
fn every_expected_status_is_compared() {
    for (name, text) in own_episodes() {
        for (place, key) in text.match_indices("\"status\": ") {
            if text[place + key.len()..].starts_with('"') {
                continue; // A status in a body.
            }
            let digits = place + key.len()..place + key.len() + 3;
            let mut changed = text.clone();
            changed.replace_range(digits, "299");
            let failed = failures(&name, &changed);
            assert_eq!(failed.len(), 1, "{name}: {failed:?}");
            assert!(failed[0].contains("expected 299"), "{name}: {failed:?}");
        }
    }
}

/// The shared episodes, by name; `None` if they are not here.
pub fn shared_episodes() -> Option<Vec<(String, String)>> {
    let folder = fs::read_dir(root().join("../shared/episodes")).ok()?;
    let paths = folder.map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| path.extension() == Some(OsStr::new("json")));
    let found: Vec<_> =
        paths.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect();
    assert!(found.len() >= 8, "only {} episodes are there", found.len());
    Some(found)
}

#[test]
fn the_shared_episodes_pass_whole() {
    let Some(episodes) = shared_episodes() else {
        skipped("the shared episodes, which are not here");
        return;
    };
    for (name, text) in episodes {
        play(&name, &text);
    }
}

#[test]
fn an_episode_that_differs_is_reported() {
    let text = include_str!("../../examples/episodes/how-a-job-ends.json")
        .replace("\"status\": 201", "\"status\": 200");
    let episode = Episode::parse(&text).unwrap();
    let first = &Player::new(&episode).play(&episode)[0];
    assert!(matches!(first, (1, Outcome::Failed(why)) if why.to_string().contains("expected 200, came 201")));
}

/// E2, N4, E4: what `--why` prints, in the middle of an episode and at its end.
#[test]
fn an_episode_says_what_has_not_happened_and_why() {
    let text = include_str!("../../examples/episodes/a-lost-node-holds-an-ending-job.json");
    let episode = Episode::parse(text).unwrap();
    let mut player = Player::new(&episode);
    let mut told: Vec<String> = Vec::new();
    for step in &episode.steps {
        assert!(matches!(player.step(step), Outcome::Passed { .. }));
        let reasons = player.reasons(step.at());
        told.extend(reasons.into_iter().filter(|line| !told.contains(line)).collect::<Vec<_>>());
    }
    assert_eq!(
        told,
        [
            "job film has not ended: onAllTasksComplete is noaction, so the end of its tasks does not end it",
            "task frame-1 of job film is not running: waiting for the scheduler, which can give it to node \
             tvmps_left_d",
            "job film has not ended: waiting for task frame-1 to stop on node tvmps_left_d, which does not answer",
            "job film has not ended: nothing holds it up, so it moves on at the next tick",
        ]
    );
}

#[test]
fn an_episode_with_unknown_fields_is_refused() {
    let text = include_str!("../../examples/episodes/how-a-job-ends.json");
    for (old, new) in [
        ("\"says\":", "\"tells\":"),
        ("\"setup\":", "\"steup\":"),
        ("\"slots\": 1", "\"slots\": \"1\""),
        ("\"pool\": \"studio\"", "\"pool\": \"studio\", \"colour\": \"red\""),
        ("\"status\": 201", "\"status\": \"201\""),
        ("\"status\": 201", "\"stauts\": 201"),
        ("\"tick\": true", "\"tick\": 1"),
        ("\"body\": \"", "\"text\": \""),
        ("\"exitCode\": 137", "\"exitCode\": \"137\""),
    ] {
        assert!(text.contains(old), "{old}");
        assert!(Episode::parse(&text.replacen(old, new, 1)).is_err(), "{new}");
    }
}
