//! The JSON schema of episodes says the same as the reader.

#![allow(clippy::needless_pass_by_value, reason = "the values are made in the calls")]

use std::fs;

use azbatch::testing::strategies;
use boon::{Compiler, SchemaIndex, Schemas};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    episode::Episode,
    episodes::{own_episodes, root, shared_episodes},
    recorder::recorded,
    skipped,
};

struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    fn read() -> Self {
        let text = fs::read_to_string(root().join("examples/episode/schema.json")).unwrap();
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("schema.json", serde_json::from_str(&text).unwrap()).unwrap();
        let index = compiler.compile("schema.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn check(&self, text: &str) -> Result<(), String> {
        let value: Value = serde_json::from_str(text).unwrap();
        self.schemas.validate(&value, self.index).map_err(|error| format!("{error:#}"))
    }
}

#[test]
fn all_episodes_are_as_the_schema_says() {
    let schema = Schema::read();
    let shared = shared_episodes().unwrap_or_else(|| {
        skipped("the shared episodes, which are not here");
        Vec::new()
    });
    for (name, text) in own_episodes().into_iter().chain(shared) {
        schema.check(&text).unwrap_or_else(|why| panic!("{name}: {why}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn recordings_are_as_the_schema_says(
        sequence in strategies::sequence(40),
        requests in proptest::collection::vec(strategies::request(), 0..4),
    ) {
        let (mut recorder, _) = recorded(&sequence);
        for request in requests {
            let _ = request.with(|request| recorder.answer(request, sequence.start()));
        }
        let checked = Schema::read().check(&recorder.to_string());
        prop_assert!(checked.is_ok(), "{}", checked.unwrap_err());
    }
}

fn episode(step: Value) -> String {
    json!({ "name": "n", "source": "s", "account": "https://a", "steps": [step] }).to_string()
}

/// Both accept a step of each kind, with every member that it can have.
#[test]
fn schema_and_reader_accept_the_same() {
    let (schema, at) = (Schema::read(), "2026-02-10T08:00:00.5Z");
    let failure = json!({ "at": "fileupload", "code": "c", "message": "m" });
    let report = json!({ "job": "j", "node": "n", "unit": "task", "task": "t", "run": 4, "event": "ended" });
    let with = |value: &Value, name: &str, member: Value| {
        let mut value = value.clone();
        value[name] = member;
        value
    };
    for step in [
        json!({ "at": at, "says": "why", "rules": ["E5", "R-get-*"], "tick": true }),
        json!({ "at": at, "schedule": true }),
        json!({ "at": at, "assign": { "job": "j", "task": "t", "node": "n" }, "refused": "r" }),
        json!({ "at": at, "report": report }),
        json!({ "at": at, "report": with(&report, "exitCode", json!(-1)) }),
        json!({ "at": at, "report": with(&report, "failure", failure) }),
        json!({ "at": at, "report": { "job": "j", "node": "n", "unit": "preparation", "event": "started" } }),
        json!({ "at": at, "node": { "id": "n", "event": "unusable" } }),
        json!({ "at": at, "node": { "id": "n", "event": "added", "pool": "p" }, "refused": "r" }),
        json!({ "at": at, "node": { "id": "n", "event": "added", "pool": "p", "slots": 3 } }),
        json!({ "at": at, "node": { "id": "n", "event": "leaving", "pool": "p", "tasks": "terminate" } }),
        json!({ "at": at, "remote_login": { "node": "n", "address": "::1", "port": 22 } }),
        json!({ "at": at, "auto_pool": { "job": "j", "pool": "p" }, "refused": "r" }),
        json!({ "at": at, "auto_pool": { "job": "j", "failure": {
            "code": "AutoPoolCreationFailedWithQuotaReached", "message": "m" } } }),
        json!({ "at": at, "note": "words" }),
        json!({ "at": at, "request": { "method": "GET", "target": "/", "body": { "text": "ab", "times": 3 } } }),
        json!({ "at": at, "received": at, "request_id": "01234567-89ab-cdef-0123-456789abcdef",
            "request": { "method": "GET", "target": "/", "headers": { "a": ["b", { "hex": "ff" }], "c": "d" },
                "body": { "hex": "00ff" } },
            "expect": { "status": 200, "headers": { "a": "b" }, "absent": ["c"], "code": "d",
                "contains": { "e": 1 } } }),
    ] {
        let text = episode(step);
        let accepted = (schema.check(&text), Episode::parse(&text).map(|_| ()));
        assert_eq!(accepted, (Ok(()), Ok(())), "{text}");
    }
}

#[test]
fn schema_and_reader_refuse_the_same() {
    let (schema, at) = (Schema::read(), "2026-02-10T08:00:00Z");
    for step in [
        json!({ "tick": true }),
        json!({ "at": "yesterday", "tick": true }),
        json!({ "at": at }),
        json!({ "at": at, "tick": false }),
        json!({ "at": at, "tick": true, "schedule": true }),
        json!({ "at": at, "tick": true, "refused": "r" }),
        json!({ "at": at, "tick": true, "rules": "E5" }),
        json!({ "at": at, "assign": { "job": "j", "task": "t" } }),
        json!({ "at": at, "report": { "job": "j", "node": "n", "unit": "task", "event": "started" } }),
        json!({ "at": at, "report": { "job": "j", "node": "n", "unit": "release", "event": "started",
            "exitCode": 1 } }),
        json!({ "at": at, "node": { "id": "n", "event": "exploded" } }),
        json!({ "at": at, "node": { "id": "n", "event": "added" } }),
        json!({ "at": at, "node": { "id": "n", "event": "lost", "pool": "p" } }),
        json!({ "at": at, "remote_login": { "node": "n", "address": "::1", "port": 65536 } }),
        json!({ "at": at, "auto_pool": { "job": "j" } }),
        json!({ "at": at, "request": { "target": "/" } }),
        json!({ "at": at, "request": { "method": "GET", "target": "/", "body": { "hex": "f" } } }),
        json!({ "at": at, "request": { "method": "GET", "target": "/", "body": { "text": "a" } } }),
        json!({ "at": at, "request": { "method": "GET", "target": "/", "body": { "text": "a", "times": 1e9 } } }),
        json!({ "at": at, "request": { "method": "GET", "target": "/" }, "request_id": "1" }),
        json!({ "at": at, "request": { "method": "GET", "target": "/" }, "expect": { "stauts": 1 } }),
        json!({ "at": at, "request": { "method": "GET", "target": "/" },
            "expect": { "body": "", "contains": 1 } }),
    ] {
        let text = episode(step);
        let refused = (schema.check(&text).is_err(), Episode::parse(&text).is_err());
        assert_eq!(refused, (true, true), "{text}");
    }
}
