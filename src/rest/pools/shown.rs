//! What the service shows of a pool.

use serde_json::{Value, json};

use crate::{
    Account, Pool,
    rest::odata::model::name,
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
    put(&mut shown, name!("enableAutoScale"), json!(false));
    shown.entry(name!("enableInterNodeCommunication").as_str()).or_insert_with(|| json!(false));
    put(&mut shown, name!("taskSlotsPerNode"), json!(specification.task_slots_per_node));
    put(&mut shown, name!("maxTasksPerNode"), json!(specification.task_slots_per_node));
    let mut policy = kept(&mut shown, name!("taskSchedulingPolicy"));
    put(&mut policy, name!("nodeFillType"), text(specification.node_fill_type));
    put(&mut shown, name!("taskSchedulingPolicy"), Value::Object(policy));
    shown
}
