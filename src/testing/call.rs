//! One call of an account's methods, as a value.

use alloc::vec::Vec;

use crate::{
    Account, AutoPoolNotAdded, BatchError, Effect, JobId, JobScheduleId, NodeId, PoolId, Report, TaskId,
    Timestamp,
    job::{AddJob, AutoPoolFailure, DeleteJob, DisableJob, EnableJob, NotAssigned, TerminateJob, UpdateJob},
    job_schedule::{
        AddJobSchedule, DeleteJobSchedule, DisableJobSchedule, EnableJobSchedule, TerminateJobSchedule,
        UpdateJobSchedule,
    },
    node::{ChangeNode, NodeEvent, NodeNotAdded, NodeTasks, UserAccess, UserName},
    pool::{AddPool, DeletePool, EnableAutoScale, RemoveNodes, ResizePool, StopResize, UpdatePool},
    task::{AddTask, DeleteTask, ReactivateTask, TerminateTask, UpdateTask},
};

/// One call of the method of [`Account`] that it is named after, with its typed command.
///
/// [`Input::call`](super::Input::call) makes one for an account as it is. It can be made on several accounts, and
/// compared with what another implementation does.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "each is the method of `Account` of its name")]
pub enum Call {
    Tick,
    Schedule,
    Assign(JobId, TaskId, NodeId),
    Report(Report),
    NodeEvent(NodeId, NodeEvent),
    AddNode(PoolId, NodeId),
    AddUnmanagedNode(PoolId, NodeId, u32),
    AddAutoPool(JobId, PoolId),
    RefuseAutoPool(JobId, AutoPoolFailure),
    AddJob(AddJob),
    TerminateJob(JobId, TerminateJob),
    DeleteJob(JobId, DeleteJob),
    DisableJob(JobId, DisableJob),
    EnableJob(JobId, EnableJob),
    UpdateJob(JobId, UpdateJob),
    AddTask(JobId, AddTask),
    UpdateTask(JobId, TaskId, UpdateTask),
    TerminateTask(JobId, TaskId, TerminateTask),
    ReactivateTask(JobId, TaskId, ReactivateTask),
    DeleteTask(JobId, TaskId, DeleteTask),
    AddPool(AddPool),
    ResizePool(PoolId, ResizePool),
    RemoveNodes(PoolId, RemoveNodes),
    StopResize(PoolId, StopResize),
    UpdatePool(PoolId, UpdatePool),
    EnableAutoScale(PoolId, EnableAutoScale),
    DisableAutoScale(PoolId),
    DeletePool(PoolId, DeletePool),
    ChangeNode(PoolId, NodeId, ChangeNode),
    RemoveUnmanagedNode(PoolId, NodeId, NodeTasks),
    AddNodeUser(PoolId, NodeId, UserName, UserAccess),
    UpdateNodeUser(PoolId, NodeId, UserName, UserAccess),
    DeleteNodeUser(PoolId, NodeId, UserName),
    AddJobSchedule(AddJobSchedule),
    UpdateJobSchedule(JobScheduleId, UpdateJobSchedule),
    DisableJobSchedule(JobScheduleId, DisableJobSchedule),
    EnableJobSchedule(JobScheduleId, EnableJobSchedule),
    TerminateJobSchedule(JobScheduleId, TerminateJobSchedule),
    DeleteJobSchedule(JobScheduleId, DeleteJobSchedule),
}

/// Why a call was refused. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The service refuses the request.
    #[error(transparent)]
    Request(#[from] BatchError),
    /// The task cannot be assigned to the node.
    #[error(transparent)]
    Assignment(#[from] NotAssigned),
    /// The node cannot be added.
    #[error(transparent)]
    Node(#[from] NodeNotAdded),
    /// The auto pool cannot be added.
    #[error(transparent)]
    AutoPool(#[from] AutoPoolNotAdded),
}

impl Call {
    /// Makes the call.
    ///
    /// # Errors
    /// Why it was refused.
    #[allow(clippy::too_many_lines, reason = "one line for each method")]
    pub fn make(&self, account: &mut Account, now: Timestamp) -> Result<Vec<Effect>, Refused> {
        Ok(match self {
            Self::Tick => account.tick(now),
            Self::Schedule => account.schedule(now),
            Self::Assign(job, task, node) => account.assign(job, task, node, now)?,
            Self::Report(report) => account.report(report, now),
            Self::NodeEvent(node, event) => account.node_event(node, *event, now),
            Self::AddNode(pool, node) => account.add_node(pool, node, now)?,
            Self::AddUnmanagedNode(pool, node, slots) => {
                account.add_unmanaged_node(pool, node, *slots, now)?
            }
            Self::AddAutoPool(job, pool) => account.add_auto_pool(job, pool, now)?,
            Self::RefuseAutoPool(job, failure) => account.refuse_auto_pool(job, failure),
            Self::AddJob(command) => account.add_job(command, now)?,
            Self::TerminateJob(job, command) => account.terminate_job(job, command, now)?,
            Self::DeleteJob(job, command) => account.delete_job(job, command, now)?,
            Self::DisableJob(job, command) => account.disable_job(job, command, now)?,
            Self::EnableJob(job, command) => account.enable_job(job, command, now)?,
            Self::UpdateJob(job, command) => account.update_job(job, command, now)?,
            Self::AddTask(job, command) => account.add_task(job, command, now)?,
            Self::UpdateTask(job, task, command) => account.update_task(job, task, command, now)?,
            Self::TerminateTask(job, task, command) => account.terminate_task(job, task, command, now)?,
            Self::ReactivateTask(job, task, command) => account.reactivate_task(job, task, command, now)?,
            Self::DeleteTask(job, task, command) => account.delete_task(job, task, command, now)?,
            Self::AddPool(command) => account.add_pool(command, now)?,
            Self::ResizePool(pool, command) => account.resize_pool(pool, command, now)?,
            Self::RemoveNodes(pool, command) => account.remove_nodes(pool, command, now)?,
            Self::StopResize(pool, command) => account.stop_resize(pool, command, now)?,
            Self::UpdatePool(pool, command) => account.update_pool(pool, command, now)?,
            Self::EnableAutoScale(pool, command) => account.enable_auto_scale(pool, command, now)?,
            Self::DisableAutoScale(pool) => account.disable_auto_scale(pool, now)?,
            Self::DeletePool(pool, command) => account.delete_pool(pool, command, now)?,
            Self::ChangeNode(pool, node, change) => account.change_node(pool, node, *change, now)?,
            Self::RemoveUnmanagedNode(pool, node, tasks) => {
                account.remove_unmanaged_node(pool, node, *tasks, now)?
            }
            Self::AddNodeUser(pool, node, user, access) => {
                account.add_node_user(pool, node, user.clone(), false, access.clone(), now)?
            }
            Self::UpdateNodeUser(pool, node, user, access) => {
                account.update_node_user(pool, node, user.clone(), access.clone(), now)?
            }
            Self::DeleteNodeUser(pool, node, user) => account.delete_node_user(pool, node, user.clone())?,
            Self::AddJobSchedule(command) => account.add_job_schedule(command, now)?,
            Self::UpdateJobSchedule(schedule, command) => {
                account.update_job_schedule(schedule, command, now)?
            }
            Self::DisableJobSchedule(schedule, command) => {
                account.disable_job_schedule(schedule, command, now)?
            }
            Self::EnableJobSchedule(schedule, command) => {
                account.enable_job_schedule(schedule, command, now)?
            }
            Self::TerminateJobSchedule(schedule, command) => {
                account.terminate_job_schedule(schedule, command, now)?
            }
            Self::DeleteJobSchedule(schedule, command) => {
                account.delete_job_schedule(schedule, command, now)?
            }
        })
    }
}
