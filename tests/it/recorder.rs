//! `azbatch::episode`: what is recorded can be replayed, to the byte of each answer.

#![allow(clippy::wildcard_enum_match_arm, reason = "most calls are requests")]

use azbatch::{
    Account, Effect,
    episode::{NotNew, Recorder},
    node::RemoteLogin,
    rest::{self, Response},
    testing::{Call, Past, Refused, Sequence, Start, Step, strategies},
};
use proptest::prelude::*;

use crate::episode::{Action, Episode, Outcome, Player};

/// Makes the step on a recorded account; requests go over REST. Returns the answer to a request.
fn record(recorder: &mut Recorder, past: &mut Past, step: Step, now: azbatch::Timestamp) -> Option<Response> {
    let call = step.input().call(recorder.account(), past, now)?;
    if let Some(request) = call.request(now) {
        let mut other = recorder.account().clone();
        let answer = request.with(|request| recorder.answer(request, now));
        let expected = request.with(|request| rest::answer(&mut other, request, now));
        assert_eq!((&answer.response, &answer.effects), (&expected.response, &expected.effects));
        past.note(None, &answer.effects);
        return Some(answer.response);
    }
    let expected = call.make(&mut recorder.account().clone(), now);
    let came: Result<Vec<Effect>, Refused> = match &call {
        Call::Tick => Ok(recorder.tick(now)),
        Call::Schedule => Ok(recorder.schedule(now)),
        Call::Assign(job, task, node) => recorder.assign(job, task, node, now).map_err(Refused::from),
        Call::Report(report) => Ok(recorder.report(report, now)),
        Call::NodeEvent(node, event) => Ok(recorder.node_event(node, *event, now)),
        Call::AddNode(pool, node) => recorder.add_node(pool, node, now).map_err(Refused::from),
        Call::AddUnmanagedNode(pool, node, slots) => {
            recorder.add_unmanaged_node(pool, node, *slots, now).map_err(Refused::from)
        }
        Call::RemoveUnmanagedNode(pool, node, tasks) => {
            recorder.remove_unmanaged_node(pool, node, *tasks, now).map_err(Refused::from)
        }
        Call::AddAutoPool(job, pool) => recorder.add_auto_pool(job, pool, now).map_err(Refused::from),
        Call::RefuseAutoPool(job, failure) => Ok(recorder.refuse_auto_pool(job, failure, now)),
        // What only typed commands can say is not in an episode.
        _ => return None,
    };
    assert_eq!(came, expected, "the account's own method gives the same");
    let effects = came.unwrap_or_default();
    let report = if let Call::Report(report) = &call { Some(report) } else { None };
    past.note(report, &effects);
    None
}

/// The sequence as an episode, and the answers that were recorded.
pub fn recorded(sequence: &Sequence) -> (Recorder, Vec<Response>) {
    let account = Account::new("https://contoso.westus.batch.azure.com");
    let mut recorder = Recorder::new(account, "a sequence").unwrap();
    let (mut past, mut now, mut answers) = (Past::default(), sequence.start(), Vec::new());
    for step in sequence {
        now = step.clock().from(now, recorder.account());
        answers.extend(record(&mut recorder, &mut past, step, now));
    }
    (recorder, answers)
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn what_is_recorded_passes_to_the_byte(sequence in strategies::sequence(40)) {
        let (recorder, answers) = recorded(&sequence);
        let episode = Episode::parse(&recorder.to_string()).unwrap();
        prop_assert_eq!(episode.steps.len(), recorder.steps().len());
        let mut player = Player::new(&episode);
        let mut replayed = Vec::new();
        for step in &episode.steps {
            if let Outcome::Failed(why) = player.step(step) {
                prop_assert!(false, "{}", why);
            }
            if let Action::Request(_) = &step.action {
                replayed.extend(player.answer().cloned());
            }
        }
        prop_assert_eq!(replayed, answers);
        prop_assert!(player.account() == recorder.account());
    }

    /// Whatever a client sends can be written and read again: bytes that are no text, headers sent twice.
    #[test]
    fn any_request_can_be_recorded(
        sequence in strategies::sequence(20),
        request in strategies::request(),
    ) {
        let (mut recorder, _) = recorded(&sequence);
        let now = sequence.start();
        let answer = request.with(|request| recorder.answer(request, now));
        let episode = Episode::parse(&recorder.to_string()).unwrap();
        let mut player = Player::new(&episode);
        let outcomes = player.play(&episode);
        // 501 is an answer like any other here.
        if let Some((_, Outcome::Failed(why))) = outcomes.last() {
            prop_assert!(false, "{}", why);
        }
        prop_assert_eq!(player.answer(), Some(&answer.response));
    }
}

#[test]
fn a_used_account_is_not_recorded() {
    let (recorder, _) = recorded(&Sequence::new(Start::Usual, [[14, 0, 0, 0, 0, 0, 0, 0]]));
    assert_eq!(recorder.account().jobs().count(), 1);
    assert_eq!(Recorder::new(recorder.into_account(), "again").unwrap_err(), NotNew);
}

#[test]
fn a_login_is_recorded() {
    let (mut recorder, _) = recorded(&Sequence::new(Start::Usual, [[0; 8]; 0]));
    let now = azbatch::Timestamp::parse_iso8601("2026-02-10T08:00:00Z").unwrap();
    let (pool, node) = ("pool".parse().unwrap(), "n1".parse().unwrap());
    recorder.add_unmanaged_node(&pool, &node, 1, now).unwrap();
    let login = RemoteLogin { address: [127, 0, 0, 1].into(), port: 50_000 };
    let expected = recorder.account().clone().set_remote_login(&node, login);
    assert_eq!(recorder.set_remote_login(&node, login, now), expected);
    assert_eq!(expected.len(), 1);
}

/// What an account was set up with is part of its episode.
#[test]
fn the_setup_of_an_account_is_recorded() {
    let setup = r#"{
        "name": "set up", "source": "composed", "says": "Nothing.", "account": "https://contoso.westus.batch.azure.com",
        "setup": {
            "force_wait": "PT30S",
            "supported_images": [{
                "imageReference": { "publisher": "p", "offer": "o", "sku": "s", "version": "v" },
                "verificationType": "unverified", "nodeAgentSKUId": "agent", "capabilities": ["a", "b"],
                "osType": "linux", "batchSupportEndOfLife": "2027-02-10T08:00:00Z"
            }]
        }, "steps": []
    }"#;
    let url = "https://contoso.westus.batch.azure.com";
    let account = Episode::parse(setup).unwrap().new_account(url);
    assert_eq!(account.force_timeout(), azbatch::TimeSpan::from_secs(30));
    assert_eq!(account.supported_images().len(), 1);
    let mut recorder = Recorder::new(account.clone(), "set up").unwrap();
    recorder.tick(azbatch::Timestamp::MIN);
    assert_eq!(Episode::parse(&recorder.to_string()).unwrap().new_account(url), account);
}

/// A refusal is recorded with its code, and every answer with all headers but the id of the request.
#[test]
fn answers_are_recorded_with_their_headers_and_codes() {
    let (mut recorder, _) = recorded(&Sequence::new(Start::Usual, [[0; 8]; 0]));
    let now = azbatch::Timestamp::parse_iso8601("2026-02-10T08:00:00Z").unwrap();
    for (target, code) in
        [("/jobs?api-version=2024-07-01.20.0", None), ("/jobs/none", Some("MissingRequired"))]
    {
        let request = rest::Request {
            method: "GET",
            target,
            headers: &[("Accept", b"a"), ("Accept", b"b")],
            body: b"",
            received: now,
            request_id: rest::Guid::from_u128(7),
        };
        drop(recorder.answer(&request, now));
        let step: serde_json::Value =
            serde_json::from_str(&recorder.steps().last().unwrap().to_string()).unwrap();
        let expect = &step["expect"];
        assert!(expect["headers"]["DataServiceVersion"].is_string(), "{step}");
        assert!(expect["headers"].as_object().unwrap().keys().all(|name| name != "request-id"), "{step}");
        assert_eq!(expect["code"].as_str().map(|code| &code[.."MissingRequired".len()]), code, "{step}");
        assert_eq!(step["request"]["headers"]["Accept"], serde_json::json!(["a", "b"]));
    }
}
