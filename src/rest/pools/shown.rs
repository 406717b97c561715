//! What the service shows of a pool.

use crate::{
    Account, Node, Pool, TimeSpan,
    autoscale::EvaluationError,
    job::AutoPool,
    node::NodeStateName,
    pool::{AutoScaleRun, AutoScaleSettings, NodeCounts, NodeFillType, PoolState},
    rest::{
        odata::{
            model::{Name, name},
            shown::{Shown, Slot, fill},
        },
        shown::{partly_kept, pool_url, stamps},
    },
    task::Properties,
};

/// P7
const DEFAULT_RESIZE_TIMEOUT: TimeSpan = TimeSpan::from_mins(15);

/// A pool as `Pool - Get` shows it.
pub(super) fn pool(account: &Account, pool: &Pool, slot: &mut Slot<'_>) {
    let specification = pool.specification();
    let scaling = pool.auto_scale();
    fill!(slot {
        "id" => slot.text(pool.id().as_str()),
        "url" => slot.joined(&pool_url(account.url(), pool.id())),
        "state" => slot.text(pool.state().as_str()),
        "allocationState" => slot.text(pool.allocation_state().as_str()),
        "allocationStateTransitionTime" => slot.instant(pool.allocation_state_transition_time()),
        "resizeTimeout" => slot.duration(pool.resize_timeout()),
        "currentDedicatedNodes" => slot.integer(account.node_counts(pool.id()).dedicated),
        "currentLowPriorityNodes" => slot.integer(account.node_counts(pool.id()).low_priority),
        "enableAutoScale" => slot.boolean(scaling.is_some()),
        "autoScaleRun" => if let Some(run) = scaling.and_then(|scaling| scaling.run()) {
            slot.object(&|slot| auto_scale_run(run, slot));
        },
    });
    targets(pool.target(), slot);
    if let Some(scaling) = scaling {
        auto_scale(scaling.settings(), slot);
    }
    stamps(slot, pool.stamps(), pool.stamps().created(), PoolState::as_str);
    slots_and_policy(
        specification.task_slots_per_node,
        specification.node_fill_type,
        &specification.other,
        slot,
    );
    kept(&specification.other, slot);
}

/// The pool that a job asks for, as the job shows it (P19).
pub(in crate::rest) fn auto_pool(pool: &AutoPool, slot: &mut Slot<'_>) {
    fill!(slot { "enableAutoScale" => slot.boolean(pool.auto_scale.is_some()), });
    match &pool.auto_scale {
        Some(settings) => auto_scale(settings, slot),
        None => targets(pool.target, slot),
    }
    slots_and_policy(pool.task_slots_per_node, pool.node_fill_type, &pool.other, slot);
    kept(&pool.other, slot);
}

fn targets(target: NodeCounts, slot: &mut Slot<'_>) {
    fill!(slot {
        "targetDedicatedNodes" => slot.integer(target.dedicated),
        "targetLowPriorityNodes" => slot.integer(target.low_priority),
    });
}

fn auto_scale(settings: &AutoScaleSettings, slot: &mut Slot<'_>) {
    fill!(slot {
        "autoScaleFormula" => slot.written(&settings.formula),
        "autoScaleEvaluationInterval" => slot.duration(settings.evaluation_interval.get()),
    });
}

fn slots_and_policy(
    task_slots_per_node: u32,
    node_fill_type: NodeFillType,
    other: &Properties,
    slot: &mut Slot<'_>,
) {
    fill!(slot {
        "taskSlotsPerNode" => slot.integer(task_slots_per_node),
        "maxTasksPerNode" => slot.integer(task_slots_per_node),
        "taskSchedulingPolicy" => partly_kept(slot, other, &|slot| {
            fill!(slot { "nodeFillType" => slot.text(node_fill_type.as_str()), });
        }),
    });
}

/// What was kept as it came, and the defaults of what it does not have.
fn kept(other: &Properties, slot: &mut Slot<'_>) {
    slot.kept(other);
    fill!(slot {
        "resizeTimeout" => slot.duration(DEFAULT_RESIZE_TIMEOUT),
        "enableInterNodeCommunication" => slot.boolean(false),
    });
}

/// An evaluation of a formula (P16).
pub(super) fn auto_scale_run(run: &AutoScaleRun, slot: &mut Slot<'_>) {
    fill!(slot {
        "timestamp" => slot.instant(run.timestamp),
        "results" => slot.text(&*run.results),
        "error" => if let Some(error) = &run.error {
            slot.object(&|slot| evaluation_error(error, slot));
        },
    });
}

fn evaluation_error(error: &EvaluationError, slot: &mut Slot<'_>) {
    let (code, message) = if error.is_insufficient_data {
        ("InsufficientSampleData", "Autoscale evaluation failed due to insufficient sample data")
    } else {
        ("AutoScalingFormulaEvaluationError", "Autoscale evaluation failed due to an error in the formula")
    };
    fill!(slot {
        "code" => slot.text(code),
        "message" => slot.text(message),
        "values" => slot.list(&|give| {
            give(&Shown::Object(&|slot| {
                fill!(slot {
                    "name" => slot.text("Message"),
                    "value" => slot.written(error),
                });
            }));
        }),
    });
}

/// The nodes of a pool by state, as `Account - List Pool Node Counts` shows them (P8).
pub(super) fn node_counts(account: &Account, pool: &Pool, slot: &mut Slot<'_>) {
    fill!(slot {
        "poolId" => slot.text(pool.id().as_str()),
        "dedicated" => slot.object(&|slot| counts_of_kind(account, pool, true, slot)),
        "lowPriority" => slot.object(&|slot| counts_of_kind(account, pool, false, slot)),
    });
}

fn counts_of_kind(account: &Account, pool: &Pool, dedicated: bool, slot: &mut Slot<'_>) {
    let nodes = || account.nodes_of(pool.id()).filter(move |node| node.is_dedicated() == dedicated);
    if let Some(state) = NodeStateName::ALL.iter().find(|state| count_name(**state) == slot.name()) {
        slot.integer(nodes().map(Node::state_name).filter(|found| found == state).count());
    }
    fill!(slot {
        "total" => slot.integer(nodes().count()),
        // States of the service that nodes in this crate never have.
        "creating" => slot.integer(0),
        "startTaskFailed" => slot.integer(0),
        "waitingForStartTask" => slot.integer(0),
        "upgradingOS" => slot.integer(0),
    });
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
