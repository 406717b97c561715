//! The bodies of requests about nodes: limits are checked and defaults filled in here; what the
//! state machine does not interpret is kept as it is.

use crate::{
    BatchError,
    node::{NodeTasks, Password, UserAccess, UserName},
    rest::{
        fields::Fields,
        odata::model::{Name, name},
        odata::{model, model::Model, read, version::ApiVersion},
    },
};

/// The reason given for an invalid user name (N11).
const USER_NAME_REASON: &str = "The value must have 1 to 64 characters, none of which is a control character";

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

/// What the body of `Node - Add User` says.
pub(super) struct NewUser {
    pub(super) name: UserName,
    pub(super) is_admin: bool,
    pub(super) access: UserAccess,
}

/// The body of `Node - Add User`.
pub(super) fn add_user(body: &[u8], version: ApiVersion) -> Result<NewUser, BatchError> {
    let mut fields = Fields::of_body(read::read(&model::COMPUTE_NODE_USER, body, version)?);
    let name = fields.text(name!("name")).ok_or_else(|| fields.missing(name!("name")))?;
    let name =
        UserName::new(name.as_str()).map_err(|_| fields.invalid(name!("name"), name, USER_NAME_REASON))?;
    Ok(NewUser { name, is_admin: fields.flag(name!("isAdmin"), false), access: access(&mut fields) })
}

/// The body of `Node - Update User`.
pub(super) fn update_user(body: &[u8], version: ApiVersion) -> Result<UserAccess, BatchError> {
    let fields = read::read(&model::NODE_UPDATE_USER_PARAMETER, body, version)?;
    Ok(access(&mut Fields::of_body(fields)))
}

fn access(fields: &mut Fields) -> UserAccess {
    UserAccess {
        expiry_time: fields.given_instant(name!("expiryTime")),
        password: fields.text(name!("password")).map(Password::new),
        ssh_public_key: fields.text(name!("sshPublicKey")).map(Into::into),
    }
}
