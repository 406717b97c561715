//! How a world came to be, as an episode that `cargo run --example replay -- FILE` plays.

use azbatch::{
    Account,
    episode::{CLOSING, Opening, Step},
    testing::Call,
};

use super::{Service, actions::Action};

impl Service {
    /// The episode of these actions, from an empty account on. It ends with a note, and expects nothing.
    pub fn episode(&self, says: &str, actions: &[Action]) -> String {
        let opening = Opening::new("explored", &Account::new(Self::URL)).expect("a new account");
        let all = || self.beginning.iter().chain(actions);
        let note = all().last().map(|last| Step::note(says, last.at));
        let steps: Vec<String> = all().map(step).chain(note).map(|step| step.to_string()).collect();
        format!("{opening}{}{CLOSING}", steps.join(",\n"))
    }
}

fn step(Action { call, at, .. }: &Action) -> Step {
    if let Some(request) = call.request(*at) {
        request.with(|request| Step::request_only(request, *at))
    } else if let Call::Assign(job, task, node) = call {
        Step::assign(job, task, node, None, *at)
    } else if let Call::Report(report) = call {
        Step::report(report, *at)
    } else if let Call::NodeEvent(node, event) = call {
        Step::node_event(node, *event, *at)
    } else if let Call::AddNode(pool, node) = call {
        Step::add_node(pool, node, None, *at)
    } else {
        Step::tick(*at)
    }
}
