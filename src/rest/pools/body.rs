//! The bodies of requests about pools: limits are checked and defaults filled in here; what the
//! state machine does not interpret is kept as it is.

use alloc::{format, string::String, sync::Arc, vec::Vec};

use serde_json::{Map, Value};

use crate::{
    BatchError, ErrorCode,
    autoscale::{Formula, FormulaError},
    id::{NodeId, PoolId, PoolIdPrefix},
    job::AutoPool,
    pool::{
        AddPool, AutoScaleSettings, EnableAutoScale, EvaluationInterval, NodeCounts, NodeFillType, Pool,
        PoolSpecification, RemoveNodes, ResizePool, UpdatePool,
    },
    rest::{
        fields::Fields,
        odata::model::{Name, name},
        odata::{model, read, version::ApiVersion},
    },
    task::Properties,
};

/// How many nodes can be removed at once (B5).
const MAX_REMOVED_NODES: usize = 100;

/// The body of `Pool - Add`.
pub(super) fn add_pool(body: &[u8], version: ApiVersion) -> Result<AddPool, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::POOL_ADD_PARAMETER, body, version)?);
    let id = fields.id(name!("id"), PoolId::new)?.ok_or_else(|| fields.missing(name!("id")))?;
    let PoolFields { auto_scale, target, task_slots_per_node, node_fill_type, other } = pool(fields)?;
    let specification = PoolSpecification { id, task_slots_per_node, node_fill_type, other };
    Ok(AddPool { specification: Arc::new(specification), target, auto_scale })
}

/// What a pool is, apart from its id.
struct PoolFields {
    auto_scale: Option<AutoScaleSettings>,
    target: NodeCounts,
    task_slots_per_node: u32,
    node_fill_type: NodeFillType,
    other: Properties,
}

fn pool(mut fields: Fields) -> Result<PoolFields, BatchError> {
    let auto_scale = auto_scale(&mut fields)?;
    fields.check_display_name()?;
    let target = NodeCounts {
        dedicated: node_count(&mut fields, name!("targetDedicatedNodes"))?.unwrap_or(0),
        low_priority: node_count(&mut fields, name!("targetLowPriorityNodes"))?.unwrap_or(0),
    };
    let task_slots_per_node = slots_per_node(&mut fields)?.unwrap_or(1);
    let node_fill_type = node_fill_type(&mut fields).unwrap_or_default();
    Fields::check_metadata(fields.fields.get(name!("metadata").as_str()))?;
    start_task_defaults(&mut fields);
    machine_defaults(&mut fields);
    Ok(PoolFields { auto_scale, target, task_slots_per_node, node_fill_type, other: fields.rest() })
}

/// A start task with its defaults (B6).
fn start_task_defaults(fields: &mut Fields) {
    let Some(mut task) = fields.object(name!("startTask")) else { return };
    task.default_user_identity();
    task.fields.entry(name!("maxTaskRetryCount")).or_insert_with(|| 0.into());
    task.fields.entry(name!("waitForSuccess")).or_insert_with(|| true.into());
    fields.keep(name!("startTask"), task.rest());
}

/// What the service fills in about the machines, and how it writes their size (B6).
fn machine_defaults(fields: &mut Fields) {
    if let Some(Value::String(size)) = fields.fields.get_mut(name!("vmSize").as_str()) {
        size.make_ascii_lowercase();
    }
    let Some(mut machine) = fields.object(name!("virtualMachineConfiguration")) else { return };
    if let Some(mut image) = machine.object(name!("imageReference")) {
        if image.fields.contains_key(name!("sku").as_str()) {
            image.fields.entry(name!("version")).or_insert_with(|| "latest".into());
        }
        machine.fields.insert(name!("imageReference").into(), Value::Object(image.rest()));
    }
    fields.fields.insert(name!("virtualMachineConfiguration").into(), Value::Object(machine.rest()));
    fields.fields.entry(name!("certificateReferences")).or_insert_with(|| Value::Array(Vec::new()));
}

/// The `autoPoolSpecification` of a job or of the jobs of a schedule (P19).
pub(in crate::rest) fn auto_pool(mut fields: Fields) -> Result<AutoPool, BatchError> {
    const PREFIX: Name = name!("autoPoolIdPrefix");
    const LIFETIME: Name = name!("poolLifetimeOption");
    let id_prefix = match fields.text(PREFIX) {
        None => None,
        Some(prefix) => Some(PoolIdPrefix::new(&prefix).map_err(|_| {
            let reason = "The value must have 1 to 20 letters, digits, hyphens or underscores";
            fields.invalid(PREFIX, prefix, reason)
        })?),
    };
    let lifetime = fields.choice(LIFETIME).ok_or_else(|| fields.missing(LIFETIME))?;
    let keep_alive = fields.flag(name!("keepAlive"), false);
    let specified = fields.object(name!("pool")).ok_or_else(|| fields.missing(name!("pool")))?;
    let PoolFields { auto_scale, target, task_slots_per_node, node_fill_type, mut other } = pool(specified)?;
    shown_defaults(&mut other);
    Ok(AutoPool {
        id_prefix,
        lifetime,
        keep_alive,
        task_slots_per_node,
        node_fill_type,
        target,
        auto_scale,
        other,
    })
}

/// The defaults that the job shows of the pool, so that a client can send back what it has read (X8).
fn shown_defaults(pool: &mut Properties) {
    pool.entry(name!("resizeTimeout").as_str()).or_insert_with(|| format!("{}", Pool::RESIZE_TIMEOUT).into());
    pool.entry(name!("enableInterNodeCommunication").as_str()).or_insert(Value::Bool(false));
}

/// Either a formula or targets say how many nodes a pool has (P15).
fn auto_scale(fields: &mut Fields) -> Result<Option<AutoScaleSettings>, BatchError> {
    const FORMULA: Name = name!("autoScaleFormula");
    const INTERVAL: Name = name!("autoScaleEvaluationInterval");
    let scales = fields.flag(name!("enableAutoScale"), false);
    let text = |fields: &Fields, name: Name| fields.fields.get(name.as_str()).map(|given| format!("{given}"));
    if !scales {
        let mut given = [FORMULA, INTERVAL].into_iter();
        return match given.find_map(|name| Some((name, fields.text(name)?))) {
            Some((name, value)) => {
                Err(fields.invalid(name, value, "The value cannot be given unless enableAutoScale is true"))
            }
            None => Ok(None),
        };
    }
    let mut targets = [name!("targetDedicatedNodes"), name!("targetLowPriorityNodes")].into_iter();
    if let Some((name, value)) = targets.find_map(|name| Some((name, text(fields, name)?))) {
        return Err(fields.invalid(name, value, "The value cannot be given if enableAutoScale is true"));
    }
    let interval = evaluation_interval(fields)?;
    let formula = formula(fields)?.ok_or_else(|| fields.missing(FORMULA))?;
    Ok(Some(AutoScaleSettings { formula, evaluation_interval: interval.unwrap_or_default() }))
}

fn formula(fields: &mut Fields) -> Result<Option<Formula>, BatchError> {
    let Some(text) = fields.text(name!("autoScaleFormula")) else { return Ok(None) };
    match Formula::parse(&text) {
        Ok(formula) => Ok(Some(formula)),
        Err(FormulaError::TooLong) => Err(ErrorCode::AutoScalingFormulaTooLong.into()),
        Err(FormulaError::Syntax { .. }) => Err(ErrorCode::AutoScalingFormulaSyntaxError.into()),
    }
}

fn evaluation_interval(fields: &mut Fields) -> Result<Option<EvaluationInterval>, BatchError> {
    const NAME: Name = name!("autoScaleEvaluationInterval");
    let Some(span) = fields.given_span(NAME) else { return Ok(None) };
    let refused = || fields.invalid(NAME, format!("{span}"), "The value must be between PT5M and P7D");
    EvaluationInterval::new(span).map(Some).ok_or_else(refused)
}

/// The body of `Pool - Enable Auto Scale`.
pub(super) fn enable_auto_scale(body: &[u8], version: ApiVersion) -> Result<EnableAutoScale, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::POOL_ENABLE_AUTO_SCALE_PARAMETER, body, version)?);
    let evaluation_interval = evaluation_interval(&mut fields)?;
    let formula = formula(&mut fields)?;
    Ok(EnableAutoScale { formula, evaluation_interval, ..EnableAutoScale::default() })
}

/// The body of `Pool - Evaluate Auto Scale`: the text of a formula, right or wrong (P17).
pub(super) fn evaluate_auto_scale(body: &[u8], version: ApiVersion) -> Result<String, BatchError> {
    const NAME: Name = name!("autoScaleFormula");
    let mut fields = Fields::of_body(read::read(&model::POOL_EVALUATE_AUTO_SCALE_PARAMETER, body, version)?);
    let formula = fields.text(NAME).ok_or_else(|| fields.missing(NAME))?;
    if Formula::parse(&formula) == Err(FormulaError::TooLong) {
        return Err(ErrorCode::AutoScalingFormulaTooLong.into());
    }
    Ok(formula)
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
    start_task_defaults(&mut fields);
    let other = without_empty_lists(fields.rest());
    Ok(UpdatePool { task_slots_per_node, node_fill_type, other, ..UpdatePool::default() })
}

/// The body of `Pool - Update Properties`: what it leaves out is removed (P10).
pub(super) fn update_properties(body: &[u8], version: ApiVersion) -> Result<UpdatePool, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::POOL_UPDATE_PROPERTIES_PARAMETER, body, version)?);
    Fields::check_metadata(fields.fields.get(name!("metadata").as_str()))?;
    start_task_defaults(&mut fields);
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
