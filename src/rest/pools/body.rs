//! The bodies of requests about pools: limits are checked and defaults filled in here; what the
//! state machine does not interpret is kept as it is.

use alloc::{format, string::String, vec::Vec};

use serde_json::{Map, Value};

use crate::{
    BatchError, ErrorCode,
    id::{NodeId, PoolId},
    pool::{NodeCounts, NodeFillType, PoolSpecification, RemoveNodes, ResizePool, UpdatePool},
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
    let task_slots_per_node = slots_per_node(&mut fields)?.unwrap_or(1);
    let node_fill_type = node_fill_type(&mut fields).unwrap_or_default();
    Fields::check_metadata(fields.fields.get(name!("metadata").as_str()))?;
    if scales {
        return Err(BatchError::not_implemented("Pools that scale by a formula are not implemented."));
    }
    let other = fields.rest();
    Ok((PoolSpecification { id, task_slots_per_node, node_fill_type, other }, target))
}

/// The number goes by another name in old api-versions; a refusal calls it as the client did.
fn slots_per_node(fields: &mut Fields) -> Result<Option<u32>, BatchError> {
    let mut given = [name!("taskSlotsPerNode"), name!("maxTasksPerNode")].into_iter();
    let given = given.find_map(|name| Some((name, fields.integer(name)?)));
    let Some((name, slots)) = given else { return Ok(None) };
    match u32::try_from(slots) {
        Ok(slots @ 1..=256) => Ok(Some(slots)),
        Ok(_) | Err(_) => Err(fields.out_of_range(name, slots, "The value must be between 1 and 256")),
    }
}

fn node_fill_type(fields: &mut Fields) -> Option<NodeFillType> {
    let mut policy = fields.object(name!("taskSchedulingPolicy"))?;
    let fill_type = policy.choice(name!("nodeFillType"));
    fields.keep(name!("taskSchedulingPolicy"), policy.rest());
    fill_type
}

/// The body of `Pool - Patch`: what it leaves out stays, and an empty list removes what there was (P10).
pub(super) fn patch_pool(body: &[u8], version: ApiVersion) -> Result<UpdatePool, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::POOL_PATCH_PARAMETER, body, version)?);
    fields.check_display_name()?;
    let task_slots_per_node = slots_per_node(&mut fields)?;
    let node_fill_type = node_fill_type(&mut fields);
    if node_fill_type.is_some() {
        // The rest of the old policy goes.
        fields.fields.entry(name!("taskSchedulingPolicy")).or_insert(Value::Null);
    }
    Fields::check_metadata(fields.fields.get(name!("metadata").as_str()))?;
    let other = without_empty_lists(fields.rest());
    Ok(UpdatePool { task_slots_per_node, node_fill_type, other, ..UpdatePool::default() })
}

/// The body of `Pool - Update Properties`: what it leaves out is removed (P10).
pub(super) fn update_properties(body: &[u8], version: ApiVersion) -> Result<UpdatePool, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::POOL_UPDATE_PROPERTIES_PARAMETER, body, version)?);
    Fields::check_metadata(fields.fields.get(name!("metadata").as_str()))?;
    for property in model::POOL_UPDATE_PROPERTIES_PARAMETER.properties {
        fields.fields.entry(property.name).or_insert(Value::Null);
    }
    Ok(UpdatePool { other: without_empty_lists(fields.rest()), ..UpdatePool::default() })
}

/// An empty list stands for a property that is to be removed.
fn without_empty_lists(mut properties: Map<String, Value>) -> Map<String, Value> {
    for value in properties.values_mut() {
        if value.as_array().is_some_and(Vec::is_empty) {
            *value = Value::Null;
        }
    }
    properties
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
