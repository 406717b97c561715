//! What the service shows of a pool.

use alloc::format;

use serde_json::{Value, json};

use crate::{
    Account, Node, Pool,
    autoscale::EvaluationError,
    node::NodeStateName,
    pool::{AutoScaleRun, AutoScaleSettings},
    rest::odata::model::{Name, name},
    rest::shown::{Properties, kept, pool_url, put, stamps, text},
};

/// A pool as `Pool - Get` shows it.
pub(super) fn pool(account: &Account, pool: &Pool) -> Properties {
    let specification = pool.specification();
    let (counts, target) = (account.node_counts(pool.id()), pool.target());
    let mut shown = specification.other.clone();
    put(&mut shown, name!("id"), text(pool.id()));
    put(&mut shown, name!("url"), Value::String(pool_url(account.url(), pool.id())));
    stamps(&mut shown, pool.stamps(), pool.stamps().created(), pool.state());
    put(&mut shown, name!("allocationState"), text(pool.allocation_state()));
    put(&mut shown, name!("allocationStateTransitionTime"), text(pool.allocation_state_transition_time()));
    put(&mut shown, name!("resizeTimeout"), pool.resize_timeout().map(text)); // P7
    shown.entry(name!("resizeTimeout").as_str()).or_insert_with(|| "PT15M".into());
    put(&mut shown, name!("currentDedicatedNodes"), json!(counts.dedicated));
    put(&mut shown, name!("currentLowPriorityNodes"), json!(counts.low_priority));
    put(&mut shown, name!("targetDedicatedNodes"), json!(target.dedicated));
    put(&mut shown, name!("targetLowPriorityNodes"), json!(target.low_priority));
    put(&mut shown, name!("enableAutoScale"), json!(pool.auto_scale().is_some()));
    if let Some(auto_scale) = pool.auto_scale() {
        let AutoScaleSettings { formula, evaluation_interval } = auto_scale.settings();
        put(&mut shown, name!("autoScaleFormula"), text(formula));
        put(&mut shown, name!("autoScaleEvaluationInterval"), text(evaluation_interval.get()));
        let run = auto_scale.run().map(|run| Value::Object(auto_scale_run(run)));
        put(&mut shown, name!("autoScaleRun"), run);
    }
    shown.entry(name!("enableInterNodeCommunication").as_str()).or_insert_with(|| json!(false));
    put(&mut shown, name!("taskSlotsPerNode"), json!(specification.task_slots_per_node));
    put(&mut shown, name!("maxTasksPerNode"), json!(specification.task_slots_per_node));
    let mut policy = kept(&mut shown, name!("taskSchedulingPolicy"));
    put(&mut policy, name!("nodeFillType"), text(specification.node_fill_type));
    put(&mut shown, name!("taskSchedulingPolicy"), Value::Object(policy));
    shown
}

/// An evaluation of a formula (P16).
pub(super) fn auto_scale_run(run: &AutoScaleRun) -> Properties {
    let mut shown = Properties::new();
    put(&mut shown, name!("timestamp"), text(run.timestamp));
    put(&mut shown, name!("results"), Value::String(run.results.clone()));
    put(&mut shown, name!("error"), run.error.as_ref().map(|error| Value::Object(evaluation_error(error))));
    shown
}

fn evaluation_error(error: &EvaluationError) -> Properties {
    let (code, message) = if error.is_insufficient_data {
        ("InsufficientSampleData", "Autoscale evaluation failed due to insufficient sample data")
    } else {
        ("AutoScalingFormulaEvaluationError", "Autoscale evaluation failed due to an error in the formula")
    };
    let mut shown = Properties::new();
    put(&mut shown, name!("code"), json!(code));
    put(&mut shown, name!("message"), json!(message));
    let value = json!({ (name!("name")): "Message", (name!("value")): format!("{error}") });
    put(&mut shown, name!("values"), json!([value]));
    shown
}

/// The nodes of a pool by state, as `Account - List Pool Node Counts` shows them (P8).
pub(super) fn node_counts(account: &Account, pool: &Pool) -> Properties {
    let mut shown = Properties::new();
    put(&mut shown, name!("poolId"), text(pool.id()));
    put(&mut shown, name!("dedicated"), Value::Object(counts_of_kind(account, pool, true)));
    put(&mut shown, name!("lowPriority"), Value::Object(counts_of_kind(account, pool, false)));
    shown
}

fn counts_of_kind(account: &Account, pool: &Pool, dedicated: bool) -> Properties {
    let states = || {
        let nodes = account.nodes_of(pool.id()).filter(move |node| node.is_dedicated() == dedicated);
        nodes.map(Node::state_name)
    };
    let mut shown = Properties::new();
    // States of the service that nodes in this crate never have.
    let others =
        [name!("creating"), name!("startTaskFailed"), name!("waitingForStartTask"), name!("upgradingOS")];
    for name in others {
        put(&mut shown, name, json!(0));
    }
    for state in NodeStateName::ALL {
        let count = states().filter(|found| found == state).count();
        put(&mut shown, count_name(*state), json!(count));
    }
    put(&mut shown, name!("total"), json!(states().count()));
    shown
}

fn count_name(state: NodeStateName) -> Name {
    match state {
        NodeStateName::Idle => name!("idle"),
        NodeStateName::Running => name!("running"),
        NodeStateName::Offline => name!("offline"),
        NodeStateName::Rebooting => name!("rebooting"),
        NodeStateName::Reimaging => name!("reimaging"),
        NodeStateName::Deallocating => name!("deallocating"),
        NodeStateName::Deallocated => name!("deallocated"),
        NodeStateName::Starting => name!("starting"),
        NodeStateName::LeavingPool => name!("leavingPool"),
        NodeStateName::Unknown => name!("unknown"),
        NodeStateName::Unusable => name!("unusable"),
        NodeStateName::Preempted => name!("preempted"),
    }
}
