use azbatch::{
    TimeSpan,
    node::NodeEvent,
    rest::Guid,
    testing::{Call, Past, Sequence, strategies},
};
use proptest::prelude::*;

use super::*;
use crate::raft::{decode, encode};

fn at(second: u64) -> Timestamp {
    Timestamp::parse_iso8601("2026-02-10T08:00:00Z").unwrap().saturating_add(TimeSpan::from_secs(second))
}

fn replica() -> Replica {
    let mut replica = Replica::new("https://contoso.westus.batch.azure.com");
    for node in ["node-a", "node-b"] {
        let added =
            replica.account.add_unmanaged_node(&"pool-1".parse().unwrap(), &node.parse().unwrap(), 3, at(0));
        assert!(added.is_ok());
    }
    replica
}

fn request(method: &str, target: &str, body: &str, received: Timestamp) -> Input {
    Input::Request(OwnedRequest {
        method: method.into(),
        target: format!("{target}?api-version=2024-07-01.20.0"),
        headers: vec![("content-type".into(), b"application/json; odata=minimalmetadata".into())],
        body: body.into(),
        received,
        request_id: Guid::from_u128(7),
    })
}

/// What is replicated for a call; `None` for what no command is for.
#[allow(clippy::wildcard_enum_match_arm, reason = "all the others are requests, or nothing")]
fn input(call: &Call, now: Timestamp) -> Option<Input> {
    Some(match call {
        Call::Tick | Call::Schedule => Input::Tick,
        Call::Report(report) => Input::Report(report.clone()),
        Call::NodeEvent(node, event) => Input::NodeEvent { node: node.clone(), event: *event },
        Call::AddNode(pool, _) => Input::AddNode { pool: pool.clone(), dedicated: true },
        Call::AddAutoPool(job, _) => Input::AddPool { job: job.clone(), unique: "1".into() },
        other => Input::Request(other.request(now)?),
    })
}

/// The commands of a sequence, with a clock that jumps and goes back, and what came of each.
fn play(replica: &mut Replica, sequence: &Sequence) -> Vec<(Command, Outcome)> {
    let (mut now, mut played) = (sequence.start(), Vec::new());
    for step in sequence {
        now = step.clock().from(now, &replica.account);
        let call = step.input().call(&replica.account, &Past::default(), now);
        let Some(input) = call.and_then(|call| input(&call, now)) else { continue };
        let command = Command { at: now, input };
        let before = replica.instant;
        let outcome = replica.apply(command.clone()).outcome;
        assert!(replica.instant >= before && replica.instant >= now);
        played.push((command, outcome));
    }
    played
}

proptest! {
    #[test]
    fn the_same_commands_make_the_same_account_everywhere(
        sequence in strategies::sequence(60),
        restored_after in 0_usize..60,
    ) {
        let mut leader = replica();
        let played = play(&mut leader, &sequence);
        prop_assert_eq!(leader.account.check(), Ok(()));
        // A follower reads the commands from its log, and was restored from a snapshot on the way.
        let mut follower = replica();
        for (number, (command, outcome)) in played.into_iter().enumerate() {
            if number == restored_after {
                follower = Replica::restore(&follower.store().unwrap()).unwrap();
            }
            let command: Command = decode(&encode(&command).unwrap()).unwrap();
            let here = follower.apply(command).outcome;
            let sent: Outcome = decode(&encode(&outcome).unwrap()).unwrap();
            prop_assert_eq!(&sent, &outcome);
            prop_assert_eq!(here, outcome);
        }
        prop_assert_eq!(follower.store(), leader.store());
    }

    #[test]
    fn any_request_is_answered_the_same_from_the_log(request in strategies::request()) {
        let command = Command { at: request.received, input: Input::Request(request) };
        let read: Command = decode(&encode(&command).unwrap()).unwrap();
        prop_assert_eq!(&read, &command);
        prop_assert_eq!(replica().apply(read).outcome, replica().apply(command).outcome);
    }
}

#[test]
fn time_never_goes_back_and_a_request_does_not_time_out_for_it() {
    let mut replica = replica();
    replica.apply(Command { at: at(3600), input: Input::Tick });
    // The new leader's clock is an hour behind.
    let input = request("POST", "/jobs", r#"{"id":"job","poolInfo":{"poolId":"pool-1"}}"#, at(9));
    let Outcome::Answer(answer) = replica.apply(Command { at: at(10), input }).outcome else { panic!() };
    assert_eq!((answer.status, answer.at), (201, at(3600)));
    assert_eq!(replica.instant, at(3600));
    let job = replica.account.job(&"job".parse().unwrap()).unwrap();
    assert_eq!(job.creation_time(), at(3599), "it waited for a second, as by its own leader's clock");
}

#[test]
fn nodes_are_added_until_the_pool_has_enough() {
    let mut replica = replica();
    let body = r#"{"id":"pool","vmSize":"small","targetDedicatedNodes":2,"virtualMachineConfiguration":{
        "imageReference":{"publisher":"p","offer":"o","sku":"s"},"nodeAgentSKUId":"a"}}"#;
    let applied = replica.apply(Command { at: at(1), input: request("POST", "/pools", body, at(1)) });
    assert_eq!(applied.event.unwrap().instructions.len(), 1);
    let add =
        || Command { at: at(2), input: Input::AddNode { pool: "pool".parse().unwrap(), dedicated: true } };
    for expected in [true, true, false] {
        assert_eq!(replica.apply(add()).outcome, Outcome::Changed(expected));
    }
    assert_eq!(replica.account.nodes_of(&"pool".parse().unwrap()).count(), 2);
}

#[test]
fn what_happened_to_a_node_is_said_only_if_it_changed_something() {
    let mut replica = replica();
    let node: azbatch::NodeId = "node-a".parse().unwrap();
    let event = |event| Command { at: at(1), input: Input::NodeEvent { node: node.clone(), event } };
    let happened = replica.apply(event(NodeEvent::Lost)).event.unwrap();
    assert_eq!(happened.to_node, Some((node.clone(), NodeEvent::Lost)));
    assert_eq!(replica.apply(event(NodeEvent::Lost)).event, None);
}

#[test]
fn an_account_of_another_format_is_not_restored() {
    let stored = String::from_utf8(replica().store().unwrap()).unwrap();
    let other = stored.replace(r#""account_format":1"#, r#""account_format":2"#);
    assert_ne!(stored, other);
    assert!(Replica::restore(other.as_bytes()).unwrap_err().contains("format 2"));
}
