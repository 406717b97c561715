//! The operations: each reads its part of the request, and carries out what it asked for.

use alloc::{format, string::String, sync::Arc, vec::Vec};

use crate::{
    Account, BatchError, ErrorCode, Preconditions, Read, Timestamp,
    id::{JobId, TaskId},
    job::{AddJob, AddTask, Effect, Terminate, TerminateReason},
    rest::{
        ApiVersion, Request, body, layout, model,
        model::Model,
        parameters::{Headers, Query, select_names},
        represent::{self, Properties},
        route::{Operation, PathId, route},
    },
};

/// The largest body that the service reads.
const LARGEST_BODY: usize = 1024 * 1024;

/// The longest that most requests may take (F4).
const LONGEST_TIMEOUT: u64 = 30;

/// A request that was read whole: everything that can be refused without the account has been.
pub(super) struct Call {
    version: ApiVersion,
    expires: Timestamp,
    action: Action,
}

/// What a call asks for.
enum Action {
    AddJob(AddJob),
    GetJob { job: PathId<JobId>, show: Show },
    TerminateJob { job: PathId<JobId>, command: Terminate },
    AddTask { job: PathId<JobId>, command: AddTask },
    GetTask { job: PathId<JobId>, task: PathId<TaskId>, show: Show },
}

/// What a read wants to see, and under which condition.
struct Show {
    preconditions: Preconditions,
    select: Option<Vec<String>>,
}

/// What goes back, but for the headers that every answer has.
#[derive(Default)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) last_modified: Option<Timestamp>,
    pub(super) data_service_id: Option<String>,
    pub(super) location: Option<String>,
    pub(super) body: Vec<u8>,
}

/// Reads a request. Every 400, 405 and 413 that does not depend on a stored resource is given here, in
/// the order of S5.
pub(super) fn read(
    account: &Account,
    request: &Request<'_>,
    headers: &Headers<'_>,
    now: Timestamp,
) -> Result<Call, BatchError> {
    let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
    let operation = route(request.method, path)?;
    let query = Query::parse(query);
    let version = query.api_version()?;
    let timeout = query.timeout(LONGEST_TIMEOUT)?;
    let force = match &operation {
        Operation::TerminateJob(_) => query.force(version)?,
        Operation::AddJob
        | Operation::GetJob(_)
        | Operation::AddTask(_)
        | Operation::GetTask(..)
        | Operation::NotImplemented(_) => false,
    };
    let preconditions = headers.check(takes_conditions(&operation), now)?;
    if request.body.len() > LARGEST_BODY {
        return Err(
            BatchError::from(ErrorCode::RequestBodyTooLarge).with("MaxLimit", format!("{LARGEST_BODY}"))
        );
    }
    let body = request.body;
    if !body.is_empty() {
        headers.check_content_type()?;
    }
    let show = |preconditions, model: &'static Model| -> Result<Show, BatchError> {
        Ok(Show { preconditions, select: select(&query, model)? })
    };
    let action = match operation {
        Operation::AddJob => {
            let (specification, settings) = body::add_job(body, version)?;
            let (specification, settings) = (Arc::new(specification), Arc::new(settings));
            Action::AddJob(AddJob { specification, settings, received: request.received })
        }
        Operation::GetJob(job) => Action::GetJob { job, show: show(preconditions, &model::CLOUD_JOB)? },
        Operation::TerminateJob(job) => {
            let reason = body::terminate_job(body, version)?;
            let reason = TerminateReason::User(reason.map(String::into_boxed_str));
            let force = force.then(|| account.force_wait());
            Action::TerminateJob { job, command: Terminate { reason, force, preconditions } }
        }
        Operation::AddTask(job) => {
            let (specification, constraints) = body::add_task(body, version)?;
            Action::AddTask { job, command: AddTask { specification: Arc::new(specification), constraints } }
        }
        Operation::GetTask(job, task) => {
            Action::GetTask { job, task, show: show(preconditions, &model::CLOUD_TASK)? }
        }
        Operation::NotImplemented(what) => {
            return Err(BatchError::not_implemented(&format!("The operation is not implemented: {what}.")));
        }
    };
    Ok(Call { version, expires: request.received.saturating_add(timeout), action })
}

fn takes_conditions(operation: &Operation) -> bool {
    match operation {
        Operation::GetJob(_) | Operation::TerminateJob(_) | Operation::GetTask(..) => true,
        Operation::AddJob | Operation::AddTask(_) | Operation::NotImplemented(_) => false,
    }
}

/// The properties that a read is limited to. One that the model does not have is refused.
fn select(query: &Query<'_>, model: &'static Model) -> Result<Option<Vec<String>>, BatchError> {
    let Some(text) = &query.select else { return Ok(None) };
    let names = select_names(text);
    for name in &names {
        if model.property(name).is_none() {
            let reason = format!("The property '{name}' does not exist on the resource.");
            return Err(BatchError::invalid_query("$select", text, &reason));
        }
    }
    Ok(Some(names))
}

/// Carries a call out: everything that depends on what is stored.
pub(super) fn carry_out(
    account: &mut Account,
    call: Call,
    request: &Request<'_>,
    now: Timestamp,
) -> Result<(Reply, Vec<Effect>), BatchError> {
    if call.expires < now {
        return Err(ErrorCode::OperationTimedOut.into()); // F4
    }
    match call.action {
        Action::AddJob(command) => {
            let effects = account.add_job(&command, &now)?;
            let last_modified = Some(account.job(&command.specification.id)?.last_modified());
            // The service names every job so in these two headers (rest.md section 2).
            let url = format!("{}/jobs/job-1", account.url());
            Ok((Reply { status: 201, last_modified, ..Reply::at(url.clone(), Some(url)) }, effects))
        }
        Action::GetJob { job, show } => {
            let job = account.job(&job.ok_or(ErrorCode::JobNotFound)?)?;
            let shown = || represent::job(account.url(), job, now);
            get(account, show, job.last_modified(), "jobs", &model::CLOUD_JOB, call.version, shown)
        }
        Action::TerminateJob { job, command } => {
            let job = job.ok_or(ErrorCode::JobNotFound)?;
            let effects = account.terminate_job(&job, &command, &now)?;
            let last_modified = Some(account.job(&job)?.last_modified());
            Ok((Reply { status: 202, last_modified, ..Reply::at(own_url(account, request), None) }, effects))
        }
        Action::AddTask { job, command } => {
            let job = job.ok_or(ErrorCode::JobNotFound)?;
            let effects = account.add_task(&job, &command, &now)?;
            let task = account.task(&job, &command.specification.id)?;
            let url = represent::task_url(account.url(), account.job(&job)?.id(), task.id());
            let last_modified = Some(task.last_modified());
            Ok((Reply { status: 201, last_modified, ..Reply::at(url.clone(), Some(url)) }, effects))
        }
        Action::GetTask { job, task, show } => {
            let job = account.job(&job.ok_or(ErrorCode::JobNotFound)?)?;
            let task = job.find_task(&task.ok_or(ErrorCode::TaskNotFound)?)?;
            let shown = || represent::task(account.url(), job.id(), task);
            get(account, show, task.last_modified(), "tasks", &model::CLOUD_TASK, call.version, shown)
        }
    }
}

impl Reply {
    fn at(data_service_id: String, location: Option<String>) -> Self {
        Self { data_service_id: Some(data_service_id), location, ..Self::default() }
    }
}

/// The account's URL and the request's path, without its query.
fn own_url(account: &Account, request: &Request<'_>) -> String {
    let path = request.target.split_once('?').map_or(request.target, |(path, _)| path);
    format!("{}{path}", account.url())
}

/// Answers a read of one resource: whole, in part, or not at all if the client has it already.
fn get(
    account: &Account,
    show: Show,
    last_modified: Timestamp,
    set: &str,
    model: &'static Model,
    version: ApiVersion,
    shown: impl FnOnce() -> Properties,
) -> Result<(Reply, Vec<Effect>), BatchError> {
    let mut reply = Reply { last_modified: Some(last_modified), ..Reply::default() };
    match show.preconditions.check_read(last_modified)? {
        Read::NotModified => reply.status = 304,
        Read::Modified => {
            reply.status = 200;
            let mut shown = shown();
            if let Some(names) = show.select {
                shown.retain(|name, _| names.iter().any(|selected| selected == name));
            }
            let metadata = format!("{}/$metadata#{set}/@Element", account.url());
            layout::resource(&mut reply.body, Some(&metadata), model, &shown, version);
        }
    }
    Ok((reply, Vec::new()))
}
