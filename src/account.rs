//! An account: finds what a request names, fans out what happens to a node, and keeps count of who
//! is where.

use alloc::{boxed::Box, collections::BTreeMap, format, vec::Vec};

use crate::{
    BatchError, Clock, ErrorCode, TimeSpan, Timestamp,
    id::{JobId, NodeId, PoolId, TaskId},
    job::{
        AddJob, AddTask, DEFAULT_FORCE_WAIT, Delete, DeleteTask, Disable, Effect, Enable, Job, JobRequest,
        NodeEvent, NotAssigned, ReactivateTask, Report, Terminate, TerminateTask, UpdateJob, UpdateTask,
        Violation, ensure, new_job,
    },
    node::{Node, NodeState},
    task::{Placement, Task},
};

/// A node could not be added: another one has its id. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the account has a node {0} already")]
pub struct NodeExists(pub NodeId);

/// A Batch account: its jobs and nodes. See the crate's documentation for how to drive it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(remote = "Self"))]
pub struct Account {
    url: Box<str>,
    force_wait: TimeSpan,
    jobs: BTreeMap<JobId, Job>,
    nodes: BTreeMap<NodeId, Node>,
}

impl Account {
    /// An empty account under this URL, such as `https://contoso.westus.batch.azure.com`. A trailing
    /// slash is dropped.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.trim_end_matches('/').into(),
            force_wait: DEFAULT_FORCE_WAIT,
            jobs: BTreeMap::new(),
            nodes: BTreeMap::new(),
        }
    }

    /// The same account, where nodes are waited for so long after a forced request (F1).
    #[must_use]
    pub fn with_force_wait(mut self, force_wait: TimeSpan) -> Self {
        self.force_wait = force_wait;
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

    /// The nodes, by id without case.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// A node.
    pub fn node(&self, node: &NodeId) -> Option<&Node> {
        self.nodes.get(node)
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
        let (job, effects) = Job::add(command, clock)?;
        if let Some(old) = self.jobs.get(job.id()) {
            old.allows(JobRequest::AddJob)?; // R-add-job-*
        }
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

    /// Adds an idle node to a pool, which need not exist.
    ///
    /// # Errors
    /// [`NodeExists`] if the id is taken.
    pub fn add_node(
        &mut self,
        pool: &PoolId,
        node: &NodeId,
        slots: u32,
        clock: &impl Clock,
    ) -> Result<Vec<Effect>, NodeExists> {
        let at = clock.now();
        if self.nodes.contains_key(node) {
            return Err(NodeExists(node.clone()));
        }
        let mut effects = Vec::new();
        self.emit(&mut effects, Effect::NodeAdded { node: node.clone(), pool: pool.clone(), slots, at });
        self.tell_jobs(&mut effects, node, NodeEvent::Returned, at); // It may be an old name again.
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
        match node.state {
            NodeState::Ready => {}
            NodeState::Unknown | NodeState::Unusable | NodeState::Preempted => {
                return Err(NotAssigned::NodeNotReady);
            }
        }
        if node.free_slots() < found.specification().required_slots {
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

    /// Hears what happened to a node, and tells the jobs that have something there (section 7). An
    /// event that tells nothing new, or of an unknown node, changes nothing.
    pub fn node_event(&mut self, node: &NodeId, event: NodeEvent, clock: &impl Clock) -> Vec<Effect> {
        let now = clock.now();
        let mut effects = Vec::new();
        let Some(found) = self.nodes.get(node) else { return effects };
        let (node, old) = (found.id.clone(), found.state);
        if old == NodeState::Preempted && !matches!(event, NodeEvent::Returned | NodeEvent::Removed) {
            return effects; // It is no more (N3), until the cloud gives it back.
        }
        let at = now.max(found.state_transition_time);
        self.tell_jobs(&mut effects, &node, event, now);
        let state = match event {
            NodeEvent::Removed => return self.emit_last(effects, Effect::NodeRemoved { node }),
            NodeEvent::Preempted => NodeState::Preempted,
            NodeEvent::Lost => NodeState::Unknown,
            NodeEvent::Unusable => NodeState::Unusable,
            NodeEvent::Rebooted | NodeEvent::Reimaged | NodeEvent::Returned => NodeState::Ready,
        };
        if state != old {
            self.emit(&mut effects, Effect::NodeChanged { node, state, at });
        }
        effects
    }

    fn tell_jobs(&mut self, effects: &mut Vec<Effect>, node: &NodeId, event: NodeEvent, now: Timestamp) {
        let first = effects.len();
        for job in self.jobs.values_mut() {
            effects.extend(job.node_event(node, event, &now));
        }
        self.book_all(effects.get(first..).unwrap_or_default());
    }

    /// Makes every move of the service's own that is due; see [`Job::tick`].
    pub fn tick(&mut self, clock: &impl Clock) -> Vec<Effect> {
        let now = clock.now();
        let mut effects = Vec::new();
        for job in self.jobs.values_mut() {
            effects.extend(job.tick(&now));
        }
        self.book_all(&effects);
        effects
    }

    /// When the next [`tick`](Self::tick) can do something (S3): a past or present instant means
    /// now, `None` that nothing is due until the next request or report.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.jobs.values().filter_map(Job::deadline).min()
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

    fn emit_last(&mut self, mut effects: Vec<Effect>, effect: Effect) -> Vec<Effect> {
        self.emit(&mut effects, effect);
        effects
    }

    fn book_all(&mut self, effects: &[Effect]) {
        for effect in effects {
            self.book(effect);
        }
    }

    /// Keeps the account's own part of the state in step: which jobs there are, and who is where.
    fn book(&mut self, effect: &Effect) {
        match effect {
            Effect::JobDeleted { job } => {
                self.jobs.remove(job);
            }
            Effect::TaskPreparing { job, task, placement, .. }
            | Effect::TaskRunning { job, task, placement, .. } => {
                let slots = self
                    .jobs
                    .get(job)
                    .and_then(|job| job.task(task))
                    .map(|t| t.specification().required_slots);
                if let (Some(node), Some(slots)) = (self.nodes.get_mut(&placement.node), slots) {
                    node.take_in(job, task, slots);
                }
            }
            Effect::TaskCompleted { job, task, completion, .. } => {
                let node = completion.placement.as_ref().map(|placement| &placement.node);
                self.let_go(node, job, task);
            }
            Effect::TaskRetried { job, task, node, .. } | Effect::TaskRequeued { job, task, node, .. } => {
                self.let_go(Some(node), job, task);
            }
            Effect::TaskDeleted { job, task, node, .. } => self.let_go(node.as_ref(), job, task),
            Effect::NodeAdded { node, pool, slots, at } => {
                self.nodes.insert(node.clone(), Node::new(node.clone(), pool.clone(), *slots, *at));
            }
            Effect::NodeChanged { node, state, at } => {
                if let Some(node) = self.nodes.get_mut(node) {
                    node.state = *state;
                    node.state_transition_time = *at;
                }
            }
            Effect::NodeRemoved { node } => {
                self.nodes.remove(node);
            }
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
            | Effect::RunPreparation { .. }
            | Effect::StopPreparation { .. }
            | Effect::StartTask { .. }
            | Effect::StopTask { .. }
            | Effect::RunRelease { .. }
            | Effect::StopRelease { .. }
            | Effect::PreparationStarted { .. }
            | Effect::PreparationEnded { .. }
            | Effect::ReleaseStarted { .. }
            | Effect::ReleaseEnded { .. }
            | Effect::NodeNoted { .. } => {}
        }
    }

    fn let_go(&mut self, node: Option<&NodeId>, job: &JobId, task: &TaskId) {
        if let Some(node) = node.and_then(|node| self.nodes.get_mut(node)) {
            node.let_go(job, task);
        }
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
        for (key, node) in &self.nodes {
            ensure(key == &node.id, || format!("node {key} is filed under another id"))?;
            self.check_node(node)?;
        }
        Ok(())
    }

    /// I6: slots are never oversubscribed, and every slot taken is a task's.
    fn check_node(&self, node: &Node) -> Result<(), Violation> {
        let taken =
            node.tasks.values().flat_map(BTreeMap::values).fold(0_u64, |sum, slots| sum + u64::from(*slots));
        ensure(taken <= u64::from(node.slots), || format!("node {} has too many tasks", node.id))?;
        for (job, task) in node.tasks() {
            let placement = self.jobs.get(job).and_then(|job| job.node(&node.id));
            let there = placement.is_some_and(|record| record.tasks().any(|other| other == task));
            ensure(there, || format!("node {} keeps slots for task {task}, which is not there", node.id))?;
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
            let account = Self::deserialize(deserializer)?;
            account.check().map_err(D::Error::custom)?;
            Ok(account)
        }
    }
}
