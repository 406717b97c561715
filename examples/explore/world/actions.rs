//! What can happen in a world.

use std::fmt;

use azbatch::{
    Account, JobId, NodeId, TimeSpan, Timestamp,
    job::{
        DeleteJob, DisableJob, DisableTasks, EnableJob, Ended, JobChange, JobNode, JobPatch, JobRequest,
        JobState, NodeRun, OnAllTasksComplete, TerminateJob, Unit, UpdateJob,
    },
    node::{ChangeNode, Contact, Node, NodeAction, NodeEvent, NodeTasks, Stage},
    pool::{AllocationState, RemoveNodes, ResizePool, StopResize},
    task::{
        DeleteTask, NodeError, NodeFailure, ReactivateTask, RequestedConstraints, RetryLimit, TaskState,
        TerminateTask, UpdateTask,
    },
    testing::{Call, runs_in_progress},
};

use super::{
    Service, World,
    names::{self, Names},
    scope::{Cost, Scope},
    view::last_beside,
};

/// How late a late tick is: past a forced end and past the time of a release task.
const LATE: TimeSpan = TimeSpan::from_secs(60 * 60);

/// The clock does not move to what is due later than this: only the end of a task's greatest age is (K13).
const HORIZON: TimeSpan = TimeSpan::from_secs(8 * 24 * 60 * 60);

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    pub call: Call,
    /// What the clock shows then.
    pub at: Timestamp,
    pub cost: Cost,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(request) = self.call.request(self.at) {
            write!(f, "{} {}", request.method, request.target)?;
            let body = String::from_utf8_lossy(&request.body);
            return if body.is_empty() { Ok(()) } else { write!(f, " {body}") };
        }
        if let Call::Tick = &self.call {
            write!(f, "tick at {}", self.at)
        } else if let Call::Assign(_, task, node) = &self.call {
            write!(f, "task {task} is given to node {node}")
        } else if let Call::Report(report) = &self.call {
            write!(f, "{report}")
        } else if let Call::NodeEvent(node, event) = &self.call {
            write!(f, "node {node} {event}")
        } else if let Call::AddNode(pool, node) = &self.call {
            write!(f, "node {node} is added to pool {pool}")
        } else {
            write!(f, "{:?}", self.call)
        }
    }
}

/// What makes the first world.
pub fn beginning(scope: &Scope, names: &Names, at: Timestamp) -> Vec<Action> {
    let mut calls = vec![Call::AddPool(names::add_pool(scope, names))];
    calls.extend(names.nodes.iter().map(|node| Call::AddNode(names.pool.clone(), node.clone())));
    calls.push(Call::Tick); // The pool is steady.
    calls.push(Call::AddJob(names::add_job(scope, names, at)));
    calls.extend(names.plain_tasks.iter().map(|add| Call::AddTask(names.job.clone(), add.clone())));
    calls.into_iter().map(|call| Action { call, at, cost: Cost::Nothing }).collect()
}

/// Everything that can happen now, and that may change something.
pub fn possible(service: &Service, world: &World, actions: &mut Vec<Action>) {
    let mut found = Found { world, actions };
    found.ticks(&service.names);
    found.assignments(&service.names);
    found.reports();
    found.node_events();
    found.new_nodes(&service.names);
    if world.left.allows(Cost::Request) {
        for (request, call) in job_requests(service, world) {
            let job = world.account.job(&service.names.job);
            if job.is_none_or(|job| job.allows(request).is_ok()) {
                found.push(Cost::Request, call);
            }
        }
        found.node_requests(&service.names);
    }
    if world.left.allows(Cost::Resize) {
        found.pool_requests(service);
    }
}

struct Found<'a> {
    world: &'a World,
    actions: &'a mut Vec<Action>,
}

impl Found<'_> {
    fn push(&mut self, cost: Cost, call: Call) {
        if self.world.left.allows(cost) {
            self.actions.push(Action { call, at: self.world.now, cost });
        }
    }

    /// The clock moves to what is due next, or past it.
    fn ticks(&mut self, names: &Names) {
        let World { account, now, .. } = self.world;
        let Some(due) = account.deadline().filter(|due| *due <= now.saturating_add(HORIZON)) else { return };
        let at = due.max(*now);
        let tick = |at| {
            let at = last_beside(at, account, names);
            Action { call: Call::Tick, at, cost: Cost::Nothing }
        };
        self.actions.push(tick(at));
        if at > *now {
            self.actions.push(tick(at.saturating_add(LATE)));
        }
    }

    fn assignments(&mut self, names: &Names) {
        let Some(job) = self.world.account.job(&names.job).filter(|job| is_active(job.state())) else {
            return;
        };
        for task in job.tasks().filter(|task| *task.state() == TaskState::Active) {
            for node in self.world.account.nodes() {
                let call = Call::Assign(names.job.clone(), task.id().clone(), node.id().clone());
                self.push(Cost::Nothing, call);
            }
        }
    }

    /// Each run that is in progress starts, or ends well, badly, without a process, or because it was told to.
    fn reports(&mut self) {
        for run in runs_in_progress(&self.world.account) {
            let Some(job) = self.world.account.job(&run.job) else { continue };
            let record = job.node(&run.node);
            let stops = match &run.unit {
                Unit::Task(task) => {
                    job.state().ending().is_some() || job.task(task).is_some_and(|task| task.stop().is_some())
                }
                Unit::Preparation => record.and_then(JobNode::preparation).is_some_and(NodeRun::is_stopping),
                Unit::Release => false,
            };
            self.push(Cost::Nothing, Call::Report(run.started()));
            self.push(Cost::Nothing, Call::Report(run.ended(Ended::with_exit_code(0))));
            let (cost, code) = if stops { (Cost::Nothing, 137) } else { (Cost::Failure, 1) };
            self.push(cost, Call::Report(run.ended(Ended::with_exit_code(code))));
            let error = NodeError { code: "BlobNotFound".into(), message: "The blob does not exist.".into() };
            for failure in [None, Some(NodeFailure::PreProcessing(error))] {
                let ended = Ended { exit_code: None, failure };
                self.push(Cost::Failure, Call::Report(run.ended(ended))); // K11, K5
            }
        }
    }

    fn node_events(&mut self) {
        const EVENTS: [NodeEvent; 9] = [
            NodeEvent::Rebooted,
            NodeEvent::Reimaged,
            NodeEvent::Removed,
            NodeEvent::Preempted,
            NodeEvent::Lost,
            NodeEvent::Unusable,
            NodeEvent::Returned,
            NodeEvent::Deallocated,
            NodeEvent::Started,
        ];
        for node in self.world.account.nodes() {
            for event in EVENTS {
                let is_asked_for = answer(node) == Some(event);
                let is_return = event == NodeEvent::Returned && node.contact() != Contact::Answering;
                let cost = if is_asked_for || is_return { Cost::Nothing } else { Cost::NodeEvent };
                self.push(cost, Call::NodeEvent(node.id().clone(), event));
            }
        }
    }

    /// The host adds a node that the pool asks for, under any name that is free.
    fn new_nodes(&mut self, names: &Names) {
        let account = &self.world.account;
        let Some(pool) = account.pool(&names.pool) else { return };
        let lacks = account.node_counts(&names.pool).dedicated < pool.target().dedicated;
        if pool.allocation_state() != AllocationState::Resizing || !lacks {
            return;
        }
        for node in names.nodes.iter().filter(|node| account.node(node).is_none()) {
            self.push(Cost::Nothing, Call::AddNode(names.pool.clone(), node.clone()));
        }
    }

    fn node_requests(&mut self, names: &Names) {
        const CHANGES: [ChangeNode; 17] = [
            ChangeNode::Reboot(NodeTasks::Requeue),
            ChangeNode::Reboot(NodeTasks::Terminate),
            ChangeNode::Reboot(NodeTasks::TaskCompletion),
            ChangeNode::Reboot(NodeTasks::RetainedData),
            ChangeNode::Reimage(NodeTasks::Requeue),
            ChangeNode::Reimage(NodeTasks::Terminate),
            ChangeNode::Reimage(NodeTasks::TaskCompletion),
            ChangeNode::Reimage(NodeTasks::RetainedData),
            ChangeNode::Deallocate(NodeTasks::Requeue),
            ChangeNode::Deallocate(NodeTasks::Terminate),
            ChangeNode::Deallocate(NodeTasks::TaskCompletion),
            ChangeNode::Deallocate(NodeTasks::RetainedData),
            ChangeNode::Start,
            ChangeNode::DisableScheduling(NodeTasks::Requeue),
            ChangeNode::DisableScheduling(NodeTasks::Terminate),
            ChangeNode::DisableScheduling(NodeTasks::TaskCompletion),
            ChangeNode::EnableScheduling,
        ];
        for node in self.world.account.nodes() {
            for change in CHANGES {
                let call = Call::ChangeNode(names.pool.clone(), node.id().clone(), change);
                self.push(Cost::Request, call);
            }
        }
    }

    fn pool_requests(&mut self, service: &Service) {
        let pool = || service.names.pool.clone();
        for tasks in
            [NodeTasks::Requeue, NodeTasks::Terminate, NodeTasks::TaskCompletion, NodeTasks::RetainedData]
        {
            for nodes in 0..=service.scope.nodes {
                let resize = ResizePool { dedicated: Some(nodes.into()), tasks, ..ResizePool::default() };
                self.push(Cost::Resize, Call::ResizePool(pool(), resize));
            }
            for node in self.world.account.nodes() {
                let remove = RemoveNodes { nodes: vec![node.id().clone()], tasks, ..RemoveNodes::default() };
                self.push(Cost::Resize, Call::RemoveNodes(pool(), remove));
            }
        }
        self.push(Cost::Resize, Call::StopResize(pool(), StopResize::default()));
    }
}

fn is_active(state: &JobState) -> bool {
    state.name() == azbatch::job::JobStateName::Active
}

/// The event by which a node tells that it has done what it was told to.
pub fn answer(node: &Node) -> Option<NodeEvent> {
    match node.state().action()? {
        (_, Stage::Waiting { .. }) => None,
        (NodeAction::Reboot, Stage::Issued) => Some(NodeEvent::Rebooted),
        (NodeAction::Reimage, Stage::Issued) => Some(NodeEvent::Reimaged),
        (NodeAction::Deallocate, Stage::Issued) => Some(NodeEvent::Deallocated),
        (NodeAction::Start, Stage::Issued) => Some(NodeEvent::Started),
        (NodeAction::Remove, Stage::Issued) => Some(NodeEvent::Removed),
    }
}

/// The request that ends a job by force.
pub fn forced_end(account: &Account) -> TerminateJob {
    TerminateJob { force: Some(account.force_timeout()), ..TerminateJob::by_user() }
}

/// All requests about the job and its tasks, with what the table of states says about each.
pub fn job_requests(service: &Service, world: &World) -> Vec<(JobRequest, Call)> {
    let (names, account) = (&service.names, &world.account);
    let id = || names.job.clone();
    let Some(job) = account.job(&names.job) else {
        let add = names::add_job(&service.scope, names, world.now);
        return vec![(JobRequest::AddJob, Call::AddJob(add))];
    };
    let mut requests = requests_about_job(service, account, &names.job);
    for add in names.plain_tasks.iter().filter(|add| job.task(&add.id).is_none()) {
        requests.push((JobRequest::AddTask, Call::AddTask(id(), add.clone())));
    }
    for task in job.tasks() {
        let task = || task.id().clone();
        let no_retries = RequestedConstraints {
            max_task_retry_count: Some(RetryLimit::Times(0)),
            ..RequestedConstraints::default()
        };
        let update = UpdateTask { constraints: no_retries, ..UpdateTask::default() };
        requests.extend([
            (JobRequest::TerminateTask, Call::TerminateTask(id(), task(), TerminateTask::default())),
            (JobRequest::ReactivateTask, Call::ReactivateTask(id(), task(), ReactivateTask::default())),
            (JobRequest::DeleteTask, Call::DeleteTask(id(), task(), DeleteTask::default())),
            (JobRequest::UpdateTask, Call::UpdateTask(id(), task(), update)),
        ]);
    }
    requests
}

fn requests_about_job(service: &Service, account: &Account, job: &JobId) -> Vec<(JobRequest, Call)> {
    let id = || job.clone();
    let force = Some(account.force_timeout());
    let disable = |disable_tasks| {
        let command = DisableJob { disable_tasks, preconditions: azbatch::Preconditions::None };
        (JobRequest::Disable, Call::DisableJob(id(), command))
    };
    let update = |change| {
        let command = UpdateJob { change, preconditions: azbatch::Preconditions::None };
        (JobRequest::Update, Call::UpdateJob(id(), command))
    };
    let patch =
        JobPatch { on_all_tasks_complete: Some(OnAllTasksComplete::TerminateJob), ..JobPatch::default() };
    let settings = names::settings(&service.scope, &service.names);
    vec![
        (JobRequest::Terminate { force: false }, Call::TerminateJob(id(), TerminateJob::by_user())),
        (JobRequest::Terminate { force: true }, Call::TerminateJob(id(), forced_end(account))),
        (JobRequest::Delete, Call::DeleteJob(id(), DeleteJob::default())),
        (JobRequest::Delete, Call::DeleteJob(id(), DeleteJob { force, ..DeleteJob::default() })),
        disable(DisableTasks::Requeue),
        disable(DisableTasks::Terminate),
        disable(DisableTasks::Wait),
        (JobRequest::Enable, Call::EnableJob(id(), EnableJob::default())),
        update(JobChange::Patch(patch)),
        update(JobChange::Replace(settings)),
    ]
}

/// A node that no world has.
pub fn another_node() -> NodeId {
    names::node("node-z")
}
