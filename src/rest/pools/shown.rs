//! What the service shows of a pool.

use serde_json::{Value, json};

use crate::{
    Account, Pool,
    rest::shown::{Properties, kept, pool_url, put, stamps, text},
};

/// A pool as `Pool - Get` shows it.
pub(super) fn pool(account: &Account, pool: &Pool) -> Properties {
    let specification = pool.specification();
    let (counts, target) = (account.node_counts(pool.id()), pool.target());
    let mut shown = specification.other.clone();
    put(&mut shown, "id", text(pool.id()));
    put(&mut shown, "url", Value::String(pool_url(account.url(), pool.id())));
    stamps(&mut shown, pool.stamps(), pool.stamps().created(), pool.state());
    put(&mut shown, "allocationState", text(pool.allocation_state()));
    put(&mut shown, "allocationStateTransitionTime", text(pool.allocation_state_transition_time()));
    put(&mut shown, "resizeTimeout", pool.resize_timeout().map(text)); // P7
    shown.entry("resizeTimeout").or_insert_with(|| "PT15M".into());
    put(&mut shown, "currentDedicatedNodes", json!(counts.dedicated));
    put(&mut shown, "currentLowPriorityNodes", json!(counts.low_priority));
    put(&mut shown, "targetDedicatedNodes", json!(target.dedicated));
    put(&mut shown, "targetLowPriorityNodes", json!(target.low_priority));
    put(&mut shown, "enableAutoScale", json!(false));
    shown.entry("enableInterNodeCommunication").or_insert_with(|| json!(false));
    put(&mut shown, "taskSlotsPerNode", json!(specification.task_slots_per_node));
    put(&mut shown, "maxTasksPerNode", json!(specification.task_slots_per_node));
    let mut policy = kept(&mut shown, "taskSchedulingPolicy");
    put(&mut policy, "nodeFillType", text(specification.node_fill_type));
    put(&mut shown, "taskSchedulingPolicy", Value::Object(policy));
    shown
}
