use azbatch::{
    node::NodeEvent,
    rest::{Guid, OwnedRequest},
};

use super::*;
use crate::{command::Outcome, machine::Replicated as _, raft::Membership};

const LAG: TimeSpan = TimeSpan::from_secs(1);

fn at(second: u64) -> Timestamp {
    Timestamp::parse_iso8601("2026-02-10T08:00:00Z").unwrap().saturating_add(TimeSpan::from_secs(second))
}

/// An account with a node that has a task of 60 seconds to run.
struct World {
    held: Held<Replica>,
    nodes: Nodes,
}

impl World {
    fn new() -> Self {
        let replica = Replica::new("https://contoso.westus.batch.azure.com");
        let held = Held { state: replica, last_applied: None, membership: Membership::default() };
        let nodes = Nodes::take_over(&held, LAG, &Trace::default());
        let mut world = Self { held, nodes };
        let added = world.held.state.account.add_unmanaged_node(
            &"pool".parse().unwrap(),
            &"node".parse().unwrap(),
            1,
            at(0),
        );
        assert!(added.is_ok());
        world.apply(0, request("/jobs", r#"{"id":"job","poolInfo":{"poolId":"pool"}}"#));
        world.apply(0, request("/jobs/job/tasks", r#"{"id":"task","commandLine":"sleep 60"}"#));
        world
    }

    fn apply(&mut self, second: u64, input: Input) {
        let applied = self.held.state.apply(Command { at: at(second), input });
        if let Outcome::Answer(answer) = &applied.outcome {
            assert_eq!(answer.status, 201, "{answer:?}");
        }
        if let Some(happened) = applied.event {
            self.nodes.follow(&self.held, happened);
        }
    }

    /// Applies all that happens up to a time, and returns it without the ticks.
    fn run(&mut self, until: u64) -> Vec<Input> {
        let mut all = Vec::new();
        for second in 0..=until {
            let due = self.nodes.take_due(at(second));
            for input in due {
                self.apply(second, input.clone());
                all.push(input);
            }
        }
        all.retain(|input| *input != Input::Tick);
        all
    }

    /// What the next leader begins with.
    fn change_leader(&mut self) {
        self.nodes = Nodes::take_over(&self.held, LAG, &Trace::default());
    }
}

fn request(target: &str, body: &str) -> Input {
    Input::Request(OwnedRequest {
        method: "POST".into(),
        target: format!("{target}?api-version=2024-07-01.20.0"),
        headers: vec![("content-type".into(), b"application/json".into())],
        body: body.into(),
        received: at(0),
        request_id: Guid::from_u128(1),
    })
}

fn reports(inputs: &[Input]) -> Vec<String> {
    inputs
        .iter()
        .map(|input| {
            let Input::Report(report) = input else { panic!("{input:?}") };
            report.to_string()
        })
        .collect()
}

#[test]
fn a_new_leader_continues_what_has_started() {
    let mut world = World::new();
    assert_eq!(reports(&world.run(30)).len(), 1, "it has started");
    world.change_leader();
    assert_eq!(world.run(59), [], "it is not started again");
    let ended = world.run(70);
    assert_eq!(reports(&ended).len(), 1, "{ended:?}");
    let task = world.held.state.account.task(&"job".parse().unwrap(), &"task".parse().unwrap()).unwrap();
    let outcome = format!("{:?}", task.state());
    assert!(outcome.contains("Completed"), "{outcome}");
}

#[test]
fn a_new_leader_starts_what_nobody_has_reported_as_the_same_run() {
    let mut world = World::new();
    let told = loop {
        // The scheduler has given the task to the node, and the leader is gone before the node reports.
        for input in world.nodes.take_due(at(5)) {
            if input == Input::Tick {
                world.apply(5, input);
            }
        }
        let outstanding = world.held.state.account.outstanding();
        if !outstanding.is_empty() {
            break outstanding;
        }
    };
    world.change_leader();
    assert_eq!(world.held.state.account.outstanding(), told, "the run has the same number");
    let inputs = world.run(100);
    assert_eq!(reports(&inputs).len(), 2, "{inputs:?}");
    assert_eq!(world.held.state.account.outstanding(), []);
}

#[test]
fn a_silent_node_reports_when_it_returns() {
    let mut world = World::new();
    world.run(30);
    let event = |event| Input::NodeEvent { node: "node".parse().unwrap(), event };
    world.apply(31, event(NodeEvent::Lost));
    world.change_leader();
    assert_eq!(world.run(100), [], "its task ends, but nobody is told");
    world.apply(101, event(NodeEvent::Returned));
    assert_eq!(reports(&world.run(102)).len(), 1);
}
