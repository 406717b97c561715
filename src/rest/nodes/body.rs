//! The bodies of requests about nodes: limits are checked and defaults filled in here; what the
//! state machine does not interpret is kept as it is.

use crate::{
    BatchError,
    node::NodeTasks,
    rest::{
        fields::Fields,
        odata::model::{Name, name},
        odata::{model, model::Model, read, version::ApiVersion},
    },
};

/// The body of `Node - Reboot`, which may be empty.
pub(super) fn reboot_node(body: &[u8], version: ApiVersion) -> Result<NodeTasks, BatchError> {
    optional_node_tasks(&model::NODE_REBOOT_PARAMETER, name!("nodeRebootOption"), body, version)
}

/// The body of `Node - Reimage`, which may be empty.
pub(super) fn reimage_node(body: &[u8], version: ApiVersion) -> Result<NodeTasks, BatchError> {
    optional_node_tasks(&model::NODE_REIMAGE_PARAMETER, name!("nodeReimageOption"), body, version)
}

/// The body of `Node - Deallocate`, which may be empty.
pub(super) fn deallocate_node(body: &[u8], version: ApiVersion) -> Result<NodeTasks, BatchError> {
    optional_node_tasks(&model::NODE_DEALLOCATE_PARAMETER, name!("nodeDeallocateOption"), body, version)
}

/// The body of `Node - Disable Scheduling`, which may be empty.
pub(super) fn disable_scheduling(body: &[u8], version: ApiVersion) -> Result<NodeTasks, BatchError> {
    let (model, name) = (&model::NODE_DISABLE_SCHEDULING_PARAMETER, name!("nodeDisableSchedulingOption"));
    optional_node_tasks(model, name, body, version)
}

fn optional_node_tasks(
    model: &'static Model,
    name: Name,
    body: &[u8],
    version: ApiVersion,
) -> Result<NodeTasks, BatchError> {
    if body.is_empty() {
        return Ok(NodeTasks::default());
    }
    let mut fields = Fields::of_body(read::read(model, body, version)?);
    Ok(fields.choice(name).unwrap_or_default())
}
