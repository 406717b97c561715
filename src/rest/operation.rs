//! From a request to a reply. Each operation is one function in two halves: it reads its part of the
//! request, then gives back what is left to do with the account. So whatever can be refused without
//! the account is refused before anything is looked up (S5).

use alloc::{boxed::Box, format, string::String, vec::Vec};

use crate::{
    Account, BatchError, ErrorCode, Preconditions, TimeSpan, Timestamp,
    condition::Read,
    job::Effect,
    rest::{
        ApiVersion, Authorize, Request, jobs, layout,
        model::Model,
        parameters::{Headers, Query},
        pools,
        represent::Properties,
        route::{JobOperation, NodeOperation, Operation, PoolOperation, TaskOperation, route},
        tasks,
    },
};

/// The largest body that the service reads (B1).
pub(super) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// What an operation leaves to do once the request was read.
pub(super) type Act = Box<dyn FnOnce(&mut Account, &Context<'_>) -> Outcome>;

/// A reply and what follows, or a refusal that depends on what is stored.
pub(super) type Outcome = Result<(Reply, Vec<Effect>), BatchError>;

/// What an operation reads from.
pub(super) struct Reading<'a> {
    pub(super) body: &'a [u8],
    pub(super) query: &'a Query<'a>,
    pub(super) version: ApiVersion,
    /// What the client demands; nothing for operations that take no conditions.
    pub(super) preconditions: Preconditions,
    pub(super) force: bool,
    pub(super) received: Timestamp,
}

/// What an operation replies by.
pub(super) struct Context<'a> {
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) request_id: &'a str,
    pub(super) version: ApiVersion,
    pub(super) now: Timestamp,
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

/// Answers a request with a reply, or refuses it.
pub(super) fn answer(
    account: &mut Account,
    request: &Request<'_>,
    headers: &Headers<'_>,
    now: Timestamp,
    guard: &dyn Authorize,
) -> Outcome {
    // The path, and who may come in.
    let (path, query) = request.target.split_once('?').unwrap_or((request.target, ""));
    let operation = route(request.method, path)?;
    guard.authorize(request, account)?; // U1

    // The query, as far as it is the same for all.
    let parameters = Query::parse(query);
    let version = parameters.api_version()?;
    let timeout = parameters.timeout(longest_timeout(&operation))?;
    let force = takes_force(&operation) && parameters.force(version)?;

    // The headers, and what the operation itself reads.
    let settled = settle(request, headers, takes_conditions(&operation), now);
    let (body, received) = (request.body, request.received);
    let reading =
        |preconditions| Reading { body, query: &parameters, version, preconditions, force, received };
    let act = if reads_query_only(request.method, &operation) {
        let act = read(operation, reading(settled.clone().unwrap_or_default()))?;
        settled.map(|_| act)?
    } else {
        read(operation, reading(settled?))?
    };

    // What depends on the clock and on what is stored.
    if received.saturating_add(timeout) < now {
        return Err(ErrorCode::OperationTimedOut.into()); // F4
    }
    act(account, &Context { path, query, request_id: request.request_id.as_str(), version, now })
}

/// Whether all that the operation itself reads is in the query, which is judged before the headers (S5).
fn reads_query_only(method: &str, operation: &Operation) -> bool {
    method == "GET" && !matches!(operation, Operation::NotImplemented(_))
}

/// The headers, and the body as far as they and its size tell about it.
fn settle(
    request: &Request<'_>,
    headers: &Headers<'_>,
    takes_conditions: bool,
    now: Timestamp,
) -> Result<Preconditions, BatchError> {
    let preconditions = headers.check(takes_conditions, now)?;
    if request.body.len() > MAX_BODY_BYTES {
        return Err(
            BatchError::from(ErrorCode::RequestBodyTooLarge).with("MaxLimit", format!("{MAX_BODY_BYTES}"))
        ); // B1
    }
    if !request.body.is_empty() {
        headers.check_content_type()?; // B2
    }
    Ok(preconditions)
}

fn read(operation: Operation, reading: Reading<'_>) -> Result<Act, BatchError> {
    match operation {
        Operation::AddJob => jobs::add(&reading),
        Operation::ListJobs => jobs::list(&reading),
        Operation::Job(operation, job) => match operation {
            JobOperation::Get => jobs::get(job, reading),
            JobOperation::Update => jobs::update(job, reading),
            JobOperation::Patch => jobs::patch(job, reading),
            JobOperation::Delete => jobs::delete(job, reading),
            JobOperation::Terminate => jobs::terminate(job, reading),
            JobOperation::Disable => jobs::disable(job, reading),
            JobOperation::Enable => jobs::enable(job, reading),
            JobOperation::TaskCounts => Ok(jobs::task_counts(job)),
            JobOperation::PreparationAndReleaseStatus => jobs::preparation_and_release_status(job, &reading),
            JobOperation::AddTask => tasks::add(job, &reading),
            JobOperation::AddTasks => tasks::add_collection(job, &reading),
            JobOperation::ListTasks => tasks::list(job, &reading),
        },
        Operation::Task(operation, job, task) => match operation {
            TaskOperation::Get => tasks::get(job, task, reading),
            TaskOperation::Update => tasks::update(job, task, reading),
            TaskOperation::Delete => tasks::delete(job, task, reading),
            TaskOperation::Terminate => tasks::terminate(job, task, reading),
            TaskOperation::Reactivate => tasks::reactivate(job, task, reading),
            TaskOperation::Subtasks => Ok(tasks::subtasks(job, task)),
        },
        Operation::AddPool => pools::add(&reading),
        Operation::ListPools => pools::list(&reading),
        Operation::Pool(operation, pool) => match operation {
            PoolOperation::Get => pools::get(pool, reading),
            PoolOperation::Exists => Ok(pools::exists(pool)),
            PoolOperation::Delete => pools::delete(pool, reading),
            PoolOperation::Resize => pools::resize(pool, reading),
            PoolOperation::RemoveNodes => pools::remove_nodes(pool, reading),
            PoolOperation::ListNodes => pools::list_nodes(pool, &reading),
        },
        Operation::Node(operation, pool, node) => match operation {
            NodeOperation::Get => pools::get_node(pool, node, reading),
            NodeOperation::Change(change) => pools::change_node(pool, node, change, &reading),
        },
        Operation::NotImplemented(what) => Err(BatchError::not_implemented(&format!(
            "Not implemented by this emulation of the service: {what}."
        ))), // Q9
    }
}

/// The operations marked C in rest.md section 2.
fn takes_conditions(operation: &Operation) -> bool {
    match operation {
        Operation::Job(operation, _) => match operation {
            JobOperation::Get
            | JobOperation::Update
            | JobOperation::Patch
            | JobOperation::Delete
            | JobOperation::Terminate
            | JobOperation::Disable
            | JobOperation::Enable => true,
            JobOperation::AddTask
            | JobOperation::AddTasks
            | JobOperation::ListTasks
            | JobOperation::TaskCounts
            | JobOperation::PreparationAndReleaseStatus => false,
        },
        Operation::Task(operation, ..) => match operation {
            TaskOperation::Get
            | TaskOperation::Update
            | TaskOperation::Delete
            | TaskOperation::Terminate
            | TaskOperation::Reactivate => true,
            TaskOperation::Subtasks => false,
        },
        Operation::Pool(operation, _) => match operation {
            PoolOperation::Delete | PoolOperation::Resize | PoolOperation::RemoveNodes => true,
            PoolOperation::Get | PoolOperation::Exists | PoolOperation::ListNodes => false,
        },
        Operation::AddJob
        | Operation::ListJobs
        | Operation::AddPool
        | Operation::ListPools
        | Operation::Node(..)
        | Operation::NotImplemented(_) => false,
    }
}

/// F3: terminating and deleting jobs can be forced; elsewhere the parameter is unknown.
fn takes_force(operation: &Operation) -> bool {
    matches!(operation, Operation::Job(JobOperation::Terminate | JobOperation::Delete, _))
}

/// In seconds (F4).
fn longest_timeout(operation: &Operation) -> u64 {
    if matches!(operation, Operation::Job(JobOperation::AddTasks, _)) { 120 } else { 30 }
}

/// Boxes what is left to do.
pub(super) fn act(act: impl FnOnce(&mut Account, &Context<'_>) -> Outcome + 'static) -> Act {
    Box::new(act)
}

impl Reading<'_> {
    /// How a read of one resource wants to see it.
    pub(super) fn show(self, model: &'static Model) -> Result<Show, BatchError> {
        Ok(Show { model, select: self.query.select(model, self.version)?, preconditions: self.preconditions })
    }
}

/// How long nodes are waited for if the request is forced (F1).
pub(super) fn force_timeout(force: bool, account: &Account) -> Option<TimeSpan> {
    force.then(|| account.force_timeout())
}

/// What a read wants to see, and under which condition.
pub(super) struct Show {
    model: &'static Model,
    select: Option<Vec<&'static str>>,
    preconditions: Preconditions,
}

impl Show {
    /// Replies with one resource: whole, in part, or not at all if the client has it already (H2).
    pub(super) fn reply(
        &self,
        account: &Account,
        context: &Context<'_>,
        set: &str,
        last_modified: Option<Timestamp>,
        shown: impl FnOnce() -> Properties,
    ) -> Outcome {
        let mut reply = Reply { status: 200, last_modified, ..Reply::default() };
        if let Some(last_modified) = last_modified {
            match self.preconditions.check_read(last_modified)? {
                Read::Modified => {}
                Read::NotModified => {
                    reply.status = 304;
                    return Ok((reply, Vec::new()));
                }
            }
        }
        let mut shown = shown();
        keep_selected(&mut shown, self.select.as_deref());
        let metadata = metadata(account, &format!("{set}/@Element"));
        layout::resource(&mut reply.body, Some(&metadata), self.model, &shown, context.version);
        Ok((reply, Vec::new()))
    }
}

/// Drops what a `$select` does not name (Q3).
pub(super) fn keep_selected(shown: &mut Properties, select: Option<&[&'static str]>) {
    if let Some(names) = select {
        shown.retain(|name, _| names.contains(&name.as_str()));
    }
}

pub(super) fn metadata(account: &Account, set: &str) -> String {
    format!("{}/$metadata#{set}", account.url())
}

impl Reply {
    /// The reply to a change of something that has no ETag, or whose ETag does not matter any more.
    pub(super) fn accepted(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// The reply to the making of something.
    pub(super) fn made(last_modified: Timestamp, url: String) -> Self {
        Self {
            status: 201,
            last_modified: Some(last_modified),
            data_service_id: Some(url.clone()),
            location: Some(url),
            body: Vec::new(),
        }
    }
}

impl Context<'_> {
    /// The account's URL and the request's path, without its query.
    pub(super) fn own_url(&self, account: &Account) -> String {
        format!("{}{}", account.url(), self.path)
    }

    /// The reply to a change of something that has an ETag (headers F).
    pub(super) fn changed(&self, account: &Account, status: u16, last_modified: Timestamp) -> Reply {
        let data_service_id = Some(self.own_url(account));
        Reply { status, last_modified: Some(last_modified), data_service_id, ..Reply::default() }
    }
}
