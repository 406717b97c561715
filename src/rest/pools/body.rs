//! The bodies of requests about pools: limits are checked and defaults filled in here; what the
//! state machine does not interpret is kept as it is.

use alloc::{format, vec::Vec};

use serde_json::Value;

use crate::{
    BatchError, ErrorCode,
    id::{NodeId, PoolId},
    pool::{NodeCounts, PoolSpecification, RemoveNodes, ResizePool},
    rest::{
        fields::Fields,
        odata::model::{Name, name},
        odata::{model, read, version::ApiVersion},
    },
};

/// How many nodes can be removed at once (B5).
const MAX_REMOVED_NODES: usize = 100;

/// The body of `Pool - Add`.
pub(super) fn add_pool(
    body: &[u8],
    version: ApiVersion,
) -> Result<(PoolSpecification, NodeCounts), BatchError> {
    let mut fields = Fields::of_body(read::read(&model::POOL_ADD_PARAMETER, body, version)?);
    let scales = fields.flag(name!("enableAutoScale"), false);
    let id = fields.id(name!("id"), PoolId::new)?.ok_or_else(|| fields.missing(name!("id")))?;
    fields.check_display_name()?;
    let target = NodeCounts {
        dedicated: node_count(&mut fields, name!("targetDedicatedNodes"))?.unwrap_or(0),
        low_priority: node_count(&mut fields, name!("targetLowPriorityNodes"))?.unwrap_or(0),
    };
    let task_slots_per_node = slots_per_node(&mut fields)?;
    let mut node_fill_type = None;
    if let Some(mut policy) = fields.object(name!("taskSchedulingPolicy")) {
        node_fill_type = policy.choice(name!("nodeFillType"));
        fields.keep(name!("taskSchedulingPolicy"), policy.rest());
    }
    let node_fill_type = node_fill_type.unwrap_or_default();
    Fields::check_metadata(fields.fields.get(name!("metadata").as_str()))?;
    if scales {
        return Err(BatchError::not_implemented("Pools that scale by a formula are not implemented."));
    }
    let other = fields.rest();
    Ok((PoolSpecification { id, task_slots_per_node, node_fill_type, other }, target))
}

/// The number goes by another name in old api-versions; a refusal calls it as the client did.
fn slots_per_node(fields: &mut Fields) -> Result<u32, BatchError> {
    let mut given = [name!("taskSlotsPerNode"), name!("maxTasksPerNode")].into_iter();
    let given = given.find_map(|name| Some((name, fields.integer(name)?)));
    let Some((name, slots)) = given else { return Ok(1) };
    match u32::try_from(slots) {
        Ok(slots @ 1..=256) => Ok(slots),
        Ok(_) | Err(_) => Err(fields.out_of_range(name, slots, "The value must be between 1 and 256")),
    }
}

fn node_count(fields: &mut Fields, name: Name) -> Result<Option<u32>, BatchError> {
    let Some(number) = fields.integer(name) else { return Ok(None) };
    let count = u32::try_from(number).ok();
    count.map(Some).ok_or_else(|| fields.out_of_range(name, number, "The value must be 0 or greater"))
}

/// The body of `Pool - Resize`.
pub(super) fn resize_pool(body: &[u8], version: ApiVersion) -> Result<ResizePool, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::POOL_RESIZE_PARAMETER, body, version)?);
    let dedicated = node_count(&mut fields, name!("targetDedicatedNodes"))?;
    let low_priority = node_count(&mut fields, name!("targetLowPriorityNodes"))?;
    let tasks = fields.choice(name!("nodeDeallocationOption")).unwrap_or_default();
    let resize_timeout = fields.given_span(name!("resizeTimeout"));
    Ok(ResizePool { dedicated, low_priority, tasks, resize_timeout, ..ResizePool::default() })
}

/// The body of `Pool - Remove Nodes`: the nodes, where an invalid id names no node, and the rest.
pub(super) fn remove_nodes(
    body: &[u8],
    version: ApiVersion,
) -> Result<(Vec<Result<NodeId, ErrorCode>>, RemoveNodes), BatchError> {
    const NAME: Name = name!("nodeList");
    let mut fields = Fields::of_body(read::read(&model::NODE_REMOVE_PARAMETER, body, version)?);
    let list = fields.list(NAME).ok_or_else(|| fields.missing(NAME))?;
    if list.is_empty() || list.len() > MAX_REMOVED_NODES {
        let reason = "The list must have 1 to 100 nodes";
        return Err(fields.invalid(NAME, format!("{}", list.len()), reason));
    }
    let node = |id: &Value| NodeId::new(id.as_str().unwrap_or_default()).map_err(|_| ErrorCode::NodeNotFound);
    let nodes = list.iter().map(node).collect();
    let tasks = fields.choice(name!("nodeDeallocationOption")).unwrap_or_default();
    let resize_timeout = fields.given_span(name!("resizeTimeout"));
    Ok((nodes, RemoveNodes { tasks, resize_timeout, ..RemoveNodes::default() }))
}
