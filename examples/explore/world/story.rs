//! How a world came to be, as an episode that `cargo run --example replay -- FILE` plays.

use azbatch::{
    job::{ReportEvent, Unit},
    node::NodeEvent,
    testing::Call,
};
use serde_json::{Map, Value, json};

use super::{Service, actions::Action};

impl Service {
    /// The episode of these actions, from an empty account on.
    pub fn episode(&self, says: &str, actions: &[Action]) -> String {
        let steps: Vec<Value> = self.beginning.iter().chain(actions).map(step).collect();
        let episode = json!({
            "name": "explored",
            "source": "composed by the example explore",
            "says": says,
            "account": Self::URL,
            "steps": steps,
        });
        format!("{episode:#}\n")
    }
}

fn step(action: &Action) -> Value {
    let (kind, what) = what(action);
    json!({ "at": action.at.to_string(), kind: what })
}

/// The kind of a step, and what it says of the call.
fn what(action: &Action) -> (&'static str, Value) {
    if let Some(request) = action.call.request(action.at) {
        let text = |bytes: &[u8]| Value::from(String::from_utf8_lossy(bytes));
        let headers: Map<_, _> =
            request.headers.iter().map(|(name, value)| (name.clone(), text(value))).collect();
        let (method, target, body) = (&request.method, &request.target, text(&request.body));
        return ("request", json!({ "method": method, "target": target, "headers": headers, "body": body }));
    }
    if let Call::Assign(job, task, node) = &action.call {
        ("assign", json!({ "job": job.as_str(), "task": task.as_str(), "node": node.as_str() }))
    } else if let Call::Report(report) = &action.call {
        ("report", report_step(report))
    } else if let Call::NodeEvent(node, event) = &action.call {
        ("node", json!({ "id": node.as_str(), "event": event_name(*event) }))
    } else if let Call::AddNode(pool, node) = &action.call {
        ("node", json!({ "id": node.as_str(), "event": "added", "pool": pool.as_str() }))
    } else {
        ("tick", true.into())
    }
}

fn report_step(report: &azbatch::Report) -> Value {
    let run = &report.run;
    let mut step = json!({ "job": run.job.as_str(), "node": run.node.as_str() });
    match &run.unit {
        Unit::Preparation => step["unit"] = "preparation".into(),
        Unit::Release => step["unit"] = "release".into(),
        Unit::Task(task) => {
            step["unit"] = "task".into();
            step["task"] = task.as_str().into();
        }
    }
    match &report.event {
        ReportEvent::Started => step["event"] = "started".into(),
        ReportEvent::Ended(ended) => {
            step["event"] = "ended".into();
            step["exitCode"] = ended.exit_code.into();
        }
    }
    step
}

fn event_name(event: NodeEvent) -> &'static str {
    match event {
        NodeEvent::Rebooted => "rebooted",
        NodeEvent::Reimaged => "reimaged",
        NodeEvent::Removed => "removed",
        NodeEvent::Preempted => "preempted",
        NodeEvent::Lost => "lost",
        NodeEvent::Unusable => "unusable",
        NodeEvent::Returned => "returned",
        NodeEvent::Deallocated => "deallocated",
        NodeEvent::Started => "started",
    }
}
