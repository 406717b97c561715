//! An account: finds what a request names, fans out what happens to a node, and keeps count of who
//! is where.

mod nodes;
mod outstanding;
mod pools;
mod schedule;

pub use nodes::NodeNotAdded;
pub use pools::{AddPool, DeletePool, RemoveNodes, ResizePool};

use alloc::{
    boxed::Box,
    collections::{BTreeMap, BTreeSet},
    format,
    vec::Vec,
};
use core::ops::Bound;

use nodes::by_pool;
use schedule::{has_room, may_run_on, slots_taken};

use crate::{
    BatchError, Clock, ErrorCode, TimeSpan, Timestamp,
    id::{JobId, NodeId, PoolId, TaskId},
    job::{
        AddJob, AddTask, DEFAULT_FORCE_WAIT, Delete, DeleteTask, Disable, Effect, Enable, Job, JobRequest,
        NotAssigned, ReactivateTask, Report, Terminate, TerminateTask, UpdateJob, UpdateTask, Violation,
        ensure, new_job,
    },
    node::Node,
    pool::Pool,
    task::{Completion, Placement, Task},
};

/// A Batch account: its jobs, pools and nodes. See the crate's documentation for how to drive it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(remote = "Self"))]
pub struct Account {
    url: Box<str>,
    force_wait: TimeSpan,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::stored::map"))]
    jobs: BTreeMap<JobId, Job>,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::stored::map"))]
    pools: BTreeMap<PoolId, Pool>,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::stored::map"))]
    nodes: BTreeMap<NodeId, Node>,
    /// Which of the nodes each pool has; no pool without any. It follows from `nodes`.
    #[cfg_attr(feature = "serde", serde(skip))]
    nodes_by_pool: BTreeMap<PoolId, BTreeSet<NodeId>>,
}

impl Account {
    /// An empty account under this URL, such as `https://contoso.westus.batch.azure.com`. A trailing
    /// slash is dropped.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.trim_end_matches('/').into(),
            force_wait: DEFAULT_FORCE_WAIT,
            jobs: BTreeMap::new(),
            pools: BTreeMap::new(),
            nodes: BTreeMap::new(),
            nodes_by_pool: BTreeMap::new(),
        }
    }

    /// The same account, where nodes are waited for so long after a forced request (F1).
    #[must_use]
    pub fn with_force_wait(mut self, force_wait: TimeSpan) -> Self {
        self.force_wait = force_wait;
        self
    }

    /// The same account under another URL, for a host that has moved.
    #[must_use]
    pub fn with_url(mut self, url: &str) -> Self {
        self.url = url.trim_end_matches('/').into();
        self
    }

    /// The account's URL, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How long nodes are waited for after a forced request (F1).
    pub fn force_wait(&self) -> TimeSpan {
        self.force_wait
    }

    /// The jobs, by id without case.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values()
    }

    /// The jobs behind this id, or all.
    pub(crate) fn jobs_after(&self, after: Option<&JobId>) -> impl Iterator<Item = &Job> {
        let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        self.jobs.range(behind).map(|(_, job)| job)
    }

    /// The nodes, by id without case.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// A node.
    pub fn node(&self, node: &NodeId) -> Option<&Node> {
        self.nodes.get(node)
    }

    /// The pools, by id without case.
    pub fn pools(&self) -> impl Iterator<Item = &Pool> {
        self.pools.values()
    }

    /// The pools behind this id, or all.
    pub(crate) fn pools_after(&self, after: Option<&PoolId>) -> impl Iterator<Item = &Pool> {
        let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        self.pools.range(behind).map(|(_, pool)| pool)
    }

    /// A job, for a request that names it.
    ///
    /// # Errors
    /// `JobNotFound`.
    pub fn job(&self, job: &JobId) -> Result<&Job, BatchError> {
        self.jobs.get(job).ok_or_else(|| ErrorCode::JobNotFound.into())
    }

    /// A task, for a request that names it.
    ///
    /// # Errors
    /// `JobNotFound`, `TaskNotFound`.
    pub fn task(&self, job: &JobId, task: &TaskId) -> Result<&Task, BatchError> {
        self.job(job)?.find_task(task)
    }

    /// Makes a job. Its pool need not exist.
    ///
    /// # Errors
    /// As [`Job::add`]; then `JobExists`, `JobCompleted` or `JobBeingDeleted` if the id is taken.
    pub fn add_job(&mut self, command: &AddJob, clock: &impl Clock) -> Result<Vec<Effect>, BatchError> {
        command.specification.validate()?;
        if let Some(old) = self.jobs.get(&command.specification.id) {
            old.allows(JobRequest::AddJob)?; // R-add-job-*, before what its manager is refused for (S5)
        }
        let (job, effects) = Job::add(command, clock)?;
        // Nothing below can fail.

        self.jobs.insert(job.id().clone(), job);
        Ok(effects)
    }

    /// Ends a job; see [`Job::terminate`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::terminate`].
    pub fn terminate_job(
        &mut self,
        job: &JobId,
        command: &Terminate,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.terminate(command, clock))
    }

    /// Deletes a job; see [`Job::delete`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::delete`].
    pub fn delete_job(
        &mut self,
        job: &JobId,
        command: &Delete,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.delete(command, clock))
    }

    /// Disables a job; see [`Job::disable`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::disable`].
    pub fn disable_job(
        &mut self,
        job: &JobId,
        command: &Disable,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.disable(command, clock))
    }

    /// Enables a job; see [`Job::enable`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::enable`].
    pub fn enable_job(
        &mut self,
        job: &JobId,
        command: &Enable,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.enable(command, clock))
    }

    /// Changes a job's settings; see [`Job::update`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::update`].
    pub fn update_job(
        &mut self,
        job: &JobId,
        command: &UpdateJob,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.update(command, clock))
    }

    /// Adds a task to a job; see [`Job::add_task`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::add_task`].
    pub fn add_task(
        &mut self,
        job: &JobId,
        command: &AddTask,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.add_task(command, clock))
    }

    /// Changes a task's constraints; see [`Job::update_task`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::update_task`].
    pub fn update_task(
        &mut self,
        job: &JobId,
        task: &TaskId,
        command: &UpdateTask,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.update_task(task, command, clock))
    }

    /// Ends a task; see [`Job::terminate_task`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::terminate_task`].
    pub fn terminate_task(
        &mut self,
        job: &JobId,
        task: &TaskId,
        command: &TerminateTask,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.terminate_task(task, command, clock))
    }

    /// Runs a failed task again; see [`Job::reactivate_task`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::reactivate_task`].
    pub fn reactivate_task(
        &mut self,
        job: &JobId,
        task: &TaskId,
        command: &ReactivateTask,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.reactivate_task(task, command, clock))
    }

    /// Deletes a task; see [`Job::delete_task`].
    ///
    /// # Errors
    /// `JobNotFound`, then as [`Job::delete_task`].
    pub fn delete_task(
        &mut self,
        job: &JobId,
        task: &TaskId,
        command: &DeleteTask,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, BatchError> {
        self.request(job, |job| job.delete_task(task, command, clock))
    }

    fn request(
        &mut self,
        job: &JobId,
        request: impl FnOnce(&mut Job) -> Result<Vec<Effect>, BatchError>,
    ) -> Result<Vec<Effect>, BatchError> {
        let job = self.jobs.get_mut(job).ok_or(ErrorCode::JobNotFound)?;
        let effects = request(job)?;
        self.book_all(&effects);
        Ok(effects)
    }

    /// Gives a task to a node, as a scheduler decided.
    ///
    /// # Errors
    /// Why it cannot go there; nothing has changed then.
    pub fn assign(
        &mut self,
        job: &JobId,
        task: &TaskId,
        node: &NodeId,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, NotAssigned> {
        let job = self.jobs.get_mut(job).ok_or(NotAssigned::NoJob)?;
        let node = self.nodes.get(node).ok_or(NotAssigned::NoNode)?;
        let placement = Placement { pool: node.pool.clone(), node: node.id.clone() };
        let found = job.can_assign(task, &placement)?;
        if !node.takes_tasks() {
            return Err(NotAssigned::NodeNotReady);
        }
        if !may_run_on(job, found, node) {
            return Err(NotAssigned::DedicatedNodeNeeded);
        }
        if !has_room(found, node) {
            return Err(NotAssigned::NoSlots);
        }
        let effects = job.assign(task, &placement, clock)?;
        self.book_all(&effects);
        Ok(effects)
    }

    /// Hears a node about a job; see [`Job::report`]. A report about a job that does not exist
    /// changes nothing.
    pub fn report(&mut self, report: &Report, clock: &impl Clock) -> Vec<Effect> {
        let Some(job) = self.jobs.get_mut(&report.job) else { return Vec::new() };
        let effects = job.report(report, clock);
        self.book_all(&effects);
        effects
    }

    /// Makes every move of the service's own that is due; see [`Job::tick`].
    pub fn tick(&mut self, clock: &impl Clock) -> Vec<Effect> {
        let now = clock.now();
        let mut effects = Vec::new();
        for job in self.jobs.values_mut() {
            effects.extend(job.tick(&now));
        }
        self.book_all(&effects);
        self.tick_nodes(&mut effects, now);
        self.tick_pools(&mut effects, now);
        effects
    }

    /// When the next [`tick`](Self::tick) can do something (S3): a past or present instant means
    /// now, `None` that nothing is due until the next request or report.
    pub fn deadline(&self) -> Option<Timestamp> {
        let jobs = self.jobs.values().filter_map(Job::deadline);
        jobs.chain(self.nodes_deadline()).chain(self.pools_deadline()).min()
    }

    /// Makes an effect true: what a host does that stores effects instead of state (I5).
    pub fn apply(&mut self, effect: &Effect) {
        if let Effect::JobAdded { job, specification, settings, creation_time, at } = effect {
            self.jobs.insert(job.clone(), new_job(specification, settings, *creation_time, *at));
        }
        if let Some(job) = effect.job().and_then(|job| self.jobs.get_mut(job)) {
            job.apply(effect);
        }
        self.book(effect);
    }

    fn emit(&mut self, effects: &mut Vec<Effect>, effect: Effect) {
        self.apply(&effect);
        effects.push(effect);
    }

    fn book_all(&mut self, effects: &[Effect]) {
        for effect in effects {
            self.book(effect);
        }
    }

    /// Keeps the account's own part of the state in step: which jobs, pools and nodes there are, and
    /// who is where.
    fn book(&mut self, effect: &Effect) {
        match effect {
            Effect::JobDeleted { job } => drop(self.jobs.remove(job)),
            Effect::TaskPreparing { job, task, placement, at }
            | Effect::TaskRunning { job, task, placement, at } => {
                self.take_in(&placement.node, job, task, *at);
            }
            Effect::TaskCompleted { job, task, completion, .. } => self.complete(job, task, completion),
            Effect::TaskRetried { job, task, node, at }
            | Effect::TaskRequeued { job, task, node, at, .. } => {
                self.change_node(node, |node| node.let_go(job, task, *at));
            }
            Effect::TaskDeleted { job, task, node: Some(node), at } => {
                self.change_node(node, |node| node.let_go(job, task, *at));
            }
            Effect::StartTask { node, .. } => {
                self.change_node(node, |node| node.total_tasks_run = node.total_tasks_run.saturating_add(1));
            }
            Effect::PoolAdded { .. }
            | Effect::PoolResizing { .. }
            | Effect::PoolSteady { .. }
            | Effect::PoolDeleting { .. }
            | Effect::PoolDeleted { .. } => self.book_pool(effect),
            Effect::NodeAdded { .. }
            | Effect::NodeChanged { .. }
            | Effect::NodeScheduling { .. }
            | Effect::NodeOrdered { .. }
            | Effect::CarryOut { .. }
            | Effect::NodeRemoved { .. } => self.book_node(effect),
            Effect::JobAdded { .. }
            | Effect::JobUpdated { .. }
            | Effect::JobDisabling { .. }
            | Effect::JobTouched { .. }
            | Effect::JobDisabled { .. }
            | Effect::JobEnabled { .. }
            | Effect::JobTerminating { .. }
            | Effect::JobTerminationForced { .. }
            | Effect::JobCompleted { .. }
            | Effect::JobDeleting { .. }
            | Effect::TaskAdded { .. }
            | Effect::TaskUpdated { .. }
            | Effect::TaskTouched { .. }
            | Effect::TaskStarted { .. }
            | Effect::TaskReactivated { .. }
            | Effect::TaskDeleted { node: None, .. }
            | Effect::RunPreparation { .. }
            | Effect::StopPreparation { .. }
            | Effect::StopTask { .. }
            | Effect::RunRelease { .. }
            | Effect::StopRelease { .. }
            | Effect::PreparationStarted { .. }
            | Effect::PreparationEnded { .. }
            | Effect::ReleaseStarted { .. }
            | Effect::ReleaseEnded { .. }
            | Effect::NodeNoted { .. }
            | Effect::AddNodes { .. } => {}
        }
    }

    fn change_node(&mut self, node: &NodeId, change: impl FnOnce(&mut Node)) {
        if let Some(node) = self.nodes.get_mut(node) {
            change(node);
        }
    }

    fn take_in(&mut self, node: &NodeId, job: &JobId, task: &TaskId, at: Timestamp) {
        let Some(found) = self.jobs.get(job).and_then(|job| job.task(task)) else { return };
        if let Some(node) = self.nodes.get_mut(node) {
            let slots = slots_taken(found, node);
            node.take_in(job, task, slots, at);
        }
    }

    fn complete(&mut self, job: &JobId, task: &TaskId, completion: &Completion) {
        let Some(placement) = &completion.placement else { return };
        let constraints = self.jobs.get(job).and_then(|job| job.task(task)).map(Task::constraints);
        let retention = constraints.map_or(TimeSpan::ZERO, |constraints| constraints.retention_time);
        self.change_node(&placement.node, |node| {
            node.let_go(job, task, completion.end_time);
            node.retained_until = node.retained_until.max(completion.end_time.saturating_add(retention));
            let succeeded = u64::from(completion.failure.is_none());
            node.total_tasks_succeeded = node.total_tasks_succeeded.saturating_add(succeeded);
        });
    }

    /// Checks every invariant of section 10 that a state can be asked for.
    ///
    /// # Errors
    /// The first that does not hold; that is a bug in the crate.
    pub fn check(&self) -> Result<(), Violation> {
        for (key, job) in &self.jobs {
            ensure(key == job.id(), || format!("job {key} is filed under another id"))?;
            job.check()?;
            for task in job.tasks().filter(|task| !matches!(task.state, crate::TaskState::Completed(_))) {
                let Some(placement) = task.placement() else { continue };
                let node = self.nodes.get(&placement.node);
                let known = node
                    .and_then(|node| node.tasks.get(key))
                    .is_some_and(|tasks| tasks.contains_key(task.id()));
                ensure(known, || format!("node {} does not have task {}", placement.node, task.id()))?;
            }
        }
        for (key, pool) in &self.pools {
            ensure(key == pool.id(), || format!("pool {key} is filed under another id"))?;
        }
        ensure(self.nodes_by_pool == by_pool(&self.nodes), || "the pools do not have their nodes".into())?;
        for (key, node) in &self.nodes {
            ensure(key == &node.id, || format!("node {key} is filed under another id"))?;
            self.check_node(node)?;
        }
        Ok(())
    }
}

#[cfg(feature = "serde")]
mod stored {
    //! A stored account is checked before it is trusted, so that nothing later can go wrong over it.

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::Account;

    impl Serialize for Account {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            Self::serialize(self, serializer)
        }
    }

    impl<'de> Deserialize<'de> for Account {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let mut account = Self::deserialize(deserializer)?;
            account.nodes_by_pool = super::by_pool(&account.nodes);
            account.check().map_err(D::Error::custom)?;
            Ok(account)
        }
    }
}
