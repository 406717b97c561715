//! Which rules the project's own episodes show: all that can be seen from outside.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    episode::{Action, Episode},
    episodes::own_episodes,
    evidence::Rules,
};

/// Rules that no request and no answer shows, and why.
const UNSEEN: [(&str, &str); 14] = [
    ("S3", "A deadline is for the host. Clients do not see it."),
    ("I5", "Effects are for the host. That an episode always plays in the same way is the first half of it."),
    ("V2", FILES),
    ("V4", FILES),
    ("V5", FILES),
    ("V6", FILES),
    ("V7", FILES),
    ("V8", FILES),
    ("U2", AUTHORIZATION),
    ("U3", AUTHORIZATION),
    ("U4", AUTHORIZATION),
    ("U5", AUTHORIZATION),
    ("U6", AUTHORIZATION),
    ("U7", AUTHORIZATION),
];
const FILES: &str = "Files come from the disk of a node, and an episode has none.";
const AUTHORIZATION: &str = "An episode is played without authorization.";

/// The rules that are named by the steps of each episode which expect something.
///
/// One such step is enough for a rule. Whether it expects what the rule says, and all of it, is not checked here.
fn shown() -> BTreeMap<String, BTreeSet<String>> {
    let mut shown: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, text) in own_episodes() {
        for step in Episode::parse(&text).unwrap().steps {
            let expects = if let Action::Request(request) = &step.action {
                !request.expect.is_empty()
            } else {
                step.refused.is_some()
            };
            for rule in step.rules.into_iter().filter(|_| expects) {
                shown.entry(rule).or_default().insert(name.clone());
            }
        }
    }
    shown
}

#[test]
fn every_rule_is_shown_or_cannot_be_seen() {
    let (rules, shown) = (Rules::read(), shown());
    let unseen: BTreeSet<&str> = UNSEEN.iter().map(|(rule, _)| *rule).collect();
    let missing: Vec<&String> = rules
        .single
        .keys()
        .filter(|rule| !shown.contains_key(*rule) && !unseen.contains(rule.as_str()))
        .collect();
    assert_eq!(missing, Vec::<&String>::new(), "no episode shows them");
    let seen: Vec<&&str> = unseen.iter().filter(|rule| shown.contains_key(**rule)).collect();
    assert_eq!(seen, Vec::<&&str>::new(), "an episode shows them");
    let unknown: Vec<&&str> = unseen.iter().filter(|rule| !rules.single.contains_key(**rule)).collect();
    assert_eq!(unknown, Vec::<&&str>::new(), "there are no such rules");
}

/// Also in steps that expect nothing.
#[test]
fn episodes_name_no_unknown_rule() {
    let rules = Rules::read();
    for (name, text) in own_episodes() {
        for (number, step) in (1..).zip(Episode::parse(&text).unwrap().steps) {
            for rule in step.rules {
                assert!(!rules.named_by(&rule).is_empty(), "{name}: step {number}: {rule} is no rule");
            }
        }
    }
}

/// Nothing in this folder was recorded from the service.
#[test]
fn the_projects_own_episodes_say_where_they_come_from() {
    for (name, text) in own_episodes() {
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let file = name.rsplit('/').next().unwrap().trim_end_matches(".json");
        assert_eq!(document["name"], file, "{name}");
        assert!(document["source"].as_str().unwrap().starts_with("composed"), "{name}");
        assert!(document["says"].as_str().is_some_and(|says| says.ends_with('.')), "{name}");
    }
}
