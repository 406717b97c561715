//! The account itself: its parts, and what can be read of it.

use alloc::{boxed::Box, collections::BTreeMap, string::String, vec::Vec};

use crate::{
    BatchError, ErrorCode, TimeSpan,
    account::index::{Index, jobs_of_schedule},
    buffer::Buffer,
    collections::range_after,
    id::{JobId, JobScheduleId, NodeId, PoolId, TaskId},
    job::{DEFAULT_FORCE_TIMEOUT, Effect, Job, RunId, RunSpecification, Unit},
    job_schedule::JobSchedule,
    node::Node,
    pool::{NodeCounts, Pool, SupportedImage},
    task::Task,
};

/// A Batch account: its jobs, pools and nodes, as one state machine.
///
/// Its methods are of four classes. Each that changes something takes a [`Clock`](crate::Clock) if it
/// depends on the time, reads it once, and returns [`Effect`](crate::Effect)s in the order in which to act
/// on them.
///
/// - **Requests** come from users: [`add_job`](Self::add_job), [`terminate_job`](Self::terminate_job)
///   and so on, or [`rest::answer`](crate::rest::answer) for their bytes. They can be refused. A refused
///   request has changed nothing.
/// - **Reports** come from nodes: [`report`](Self::report) when a run has started or ended,
///   [`node_event`](Self::node_event) when something happened to a node. They are facts and never
///   refused. Late, repeated and unknown ones change nothing.
/// - **Ticks** are the clock: [`tick`](Self::tick) makes the service's own moves, such as `terminating`
///   to `completed`. [`deadline`](Self::deadline) says when the next one is due. Early, late and
///   repeated ticks do no harm.
/// - **Scheduling** assigns tasks to nodes: [`schedule`](Self::schedule) decides by itself,
///   [`assign`](Self::assign) does what the host decides.
///
/// After each call, carry out the [`Instruction`](crate::Instruction)s among the effects: deliver them
/// to the nodes, again if need be, and report what the nodes answer. Then call `tick` at once for a
/// service without delay, or at `deadline` or later for one with the delay of the real service, and
/// `schedule` after anything that can free a slot.
///
/// To keep an account, store it (feature `serde`), or store the [`Fact`](crate::Fact)s among the effects
/// and [`apply`](Self::apply) them to an older account. A host that restarts gets the instructions that
/// are still open from [`outstanding`](Self::outstanding).
///
/// A stored account begins with the number of its format, `account_format`. An account of another format than
/// [`STORED_FORMAT`](Self::STORED_FORMAT) is not read, and the error names both.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(remote = "Self"))]
pub struct Account {
    /// It is the first field, also where fields are sorted by name, so that another format is refused before
    /// anything else in it is.
    #[cfg(feature = "serde")]
    #[serde(rename = "account_format")]
    format: crate::stored::Format<{ Account::STORED_FORMAT }>,
    url: Box<str>,
    force_timeout: TimeSpan,
    #[cfg_attr(feature = "serde", serde(default))]
    supported_images: Vec<SupportedImage>,
    /// The highest number of a run in a job that is gone, so that a new job's runs are other ones.
    pub(super) last_run: u64,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::stored::map"))]
    pub(super) jobs: BTreeMap<JobId, Job>,
    #[cfg_attr(feature = "serde", serde(default, deserialize_with = "crate::stored::map"))]
    pub(super) job_schedules: BTreeMap<JobScheduleId, JobSchedule>,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::stored::map"))]
    pub(super) pools: BTreeMap<PoolId, Pool>,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "crate::stored::map"))]
    pub(super) nodes: BTreeMap<NodeId, Node>,
    /// It follows from the others, so it is not stored.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) index: Index,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) buffer: Buffer<Effect>,
}

impl Account {
    /// The format of the accounts that this version of the crate stores and reads. It changes when accounts
    /// stored by an earlier version are no longer read.
    #[cfg(feature = "serde")]
    pub const STORED_FORMAT: u32 = 1;

    /// An empty account with this URL, such as `https://contoso.westus.batch.azure.com`. A trailing
    /// slash is dropped.
    pub fn new(url: &str) -> Self {
        Self {
            #[cfg(feature = "serde")]
            format: crate::stored::Format,
            url: url.trim_end_matches('/').into(),
            force_timeout: DEFAULT_FORCE_TIMEOUT,
            supported_images: Vec::new(),
            last_run: 0,
            jobs: BTreeMap::new(),
            job_schedules: BTreeMap::new(),
            pools: BTreeMap::new(),
            nodes: BTreeMap::new(),
            index: Index::default(),
            buffer: Buffer::default(),
        }
    }

    /// Sets how long a forced termination waits for nodes ([F1](crate::evidence#f1)).
    #[must_use]
    pub fn with_force_timeout(mut self, force_timeout: TimeSpan) -> Self {
        self.force_timeout = force_timeout;
        self
    }

    /// Sets the images that `Account - List Supported Images` shows ([Q13](crate::evidence#q13)). A new account
    /// has none.
    #[must_use]
    pub fn with_supported_images(mut self, images: Vec<SupportedImage>) -> Self {
        self.supported_images = images;
        self
    }

    /// Sets another URL, for a host that has moved.
    #[must_use]
    pub fn with_url(mut self, url: &str) -> Self {
        self.url = url.trim_end_matches('/').into();
        self
    }

    /// Lets the next call that returns effects append them to this Vec and return it, instead of a new one. A
    /// refused call leaves it to the call after it.
    ///
    /// A host that hands back each Vec, emptied, once it has acted on the effects drives an account without an
    /// allocation for them. A copy of the account does not have what was lent.
    ///
    /// ```
    /// # use azbatch::{Account, Timestamp};
    /// # let mut account = Account::new("https://contoso.westus.batch.azure.com");
    /// # let now = Timestamp::MIN;
    /// let mut effects = Vec::new();
    /// for _ in 0..3 {
    ///     account.append_to(effects);
    ///     effects = account.tick(now);
    ///     account.append_to(effects);
    ///     effects = account.schedule(now);
    ///     for effect in effects.drain(..) {
    ///         println!("{effect}"); // Act on it.
    ///     }
    /// }
    /// ```
    pub fn append_to(&mut self, effects: Vec<Effect>) {
        self.buffer.put(effects);
    }

    /// The account's URL, without a trailing slash.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// How long a forced termination waits for nodes ([F1](crate::evidence#f1)).
    pub fn force_timeout(&self) -> TimeSpan {
        self.force_timeout
    }

    /// The images that `Account - List Supported Images` shows, in that order.
    pub fn supported_images(&self) -> &[SupportedImage] {
        &self.supported_images
    }

    /// The jobs, by id without case.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values()
    }

    /// Jobs with ids after this one, or all.
    pub fn jobs_after(&self, after: Option<&JobId>) -> impl Iterator<Item = &Job> {
        self.jobs.range(range_after(after)).map(|(_, job)| job)
    }

    /// The jobs, or those of a schedule, that are not completed, with ids after this one, or all.
    pub(crate) fn live_jobs(
        &self,
        of: Option<&JobScheduleId>,
        after: Option<&JobId>,
    ) -> impl Iterator<Item = &Job> {
        self.index.live_jobs(of, after).filter_map(|id| self.jobs.get(id))
    }

    /// The same for completed jobs.
    pub(crate) fn completed_jobs(
        &self,
        of: Option<&JobScheduleId>,
        after: Option<&JobId>,
    ) -> impl Iterator<Item = &Job> {
        self.index.completed_jobs(of, after).filter_map(|id| self.jobs.get(id))
    }

    /// A job.
    pub fn job(&self, job: &JobId) -> Option<&Job> {
        self.jobs.get(job)
    }

    /// A job, for a request that names it.
    ///
    /// # Errors
    /// `JobNotFound`.
    pub fn require_job(&self, job: &JobId) -> Result<&Job, BatchError> {
        self.job(job).ok_or_else(|| ErrorCode::JobNotFound.into())
    }

    /// A task of a job.
    pub fn task(&self, job: &JobId, task: &TaskId) -> Option<&Task> {
        self.job(job)?.task(task)
    }

    /// A task, for a request that names it.
    ///
    /// # Errors
    /// `JobNotFound`, `TaskNotFound`.
    pub fn require_task(&self, job: &JobId, task: &TaskId) -> Result<&Task, BatchError> {
        self.require_job(job)?.require_task(task)
    }

    /// The job schedules, by id without case.
    pub fn job_schedules(&self) -> impl Iterator<Item = &JobSchedule> {
        self.job_schedules.values()
    }

    /// Job schedules with ids after this one, or all.
    pub fn job_schedules_after(&self, after: Option<&JobScheduleId>) -> impl Iterator<Item = &JobSchedule> {
        self.job_schedules.range(range_after(after)).map(|(_, schedule)| schedule)
    }

    /// A job schedule.
    pub fn job_schedule(&self, schedule: &JobScheduleId) -> Option<&JobSchedule> {
        self.job_schedules.get(schedule)
    }

    /// A job schedule, for a request that names it.
    ///
    /// # Errors
    /// `JobScheduleNotFound`.
    pub fn require_job_schedule(&self, schedule: &JobScheduleId) -> Result<&JobSchedule, BatchError> {
        self.job_schedule(schedule).ok_or_else(|| ErrorCode::JobScheduleNotFound.into())
    }

    /// The jobs of a job schedule with ids after this one, or all.
    pub fn jobs_of_schedule_after(
        &self,
        schedule: &JobScheduleId,
        after: Option<&JobId>,
    ) -> impl Iterator<Item = &Job> {
        jobs_of_schedule(&self.jobs, schedule, after)
    }

    /// The pools, by id without case.
    pub fn pools(&self) -> impl Iterator<Item = &Pool> {
        self.pools.values()
    }

    /// Pools with ids after this one, or all.
    pub fn pools_after(&self, after: Option<&PoolId>) -> impl Iterator<Item = &Pool> {
        self.pools.range(range_after(after)).map(|(_, pool)| pool)
    }

    /// A pool.
    pub fn pool(&self, pool: &PoolId) -> Option<&Pool> {
        self.pools.get(pool)
    }

    /// A pool, for a request that names it.
    ///
    /// # Errors
    /// `PoolNotFound`.
    pub fn require_pool(&self, pool: &PoolId) -> Result<&Pool, BatchError> {
        self.pool(pool).ok_or_else(|| ErrorCode::PoolNotFound.into())
    }

    /// How many nodes of each kind a pool has, without those that are leaving it.
    pub fn node_counts(&self, pool: &PoolId) -> NodeCounts {
        self.index.node_counts(pool)
    }

    /// The nodes, by id without case.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.values()
    }

    /// A node.
    pub fn node(&self, node: &NodeId) -> Option<&Node> {
        self.nodes.get(node)
    }

    /// A node, for a request that names it and its pool.
    ///
    /// # Errors
    /// `PoolNotFound` if neither the pool nor any node of it exists, `NodeNotFound`.
    pub fn require_node(&self, pool: &PoolId, node: &NodeId) -> Result<&Node, BatchError> {
        if let Some(node) = self.nodes.get(node).filter(|node| node.pool() == pool) {
            return Ok(node);
        }
        let known = self.pools.contains_key(pool) || self.nodes_of(pool).next().is_some();
        Err(if known { ErrorCode::NodeNotFound } else { ErrorCode::PoolNotFound }.into())
    }

    /// The nodes of a pool, by id without case.
    pub fn nodes_of(&self, pool: &PoolId) -> impl Iterator<Item = &Node> {
        self.nodes_of_after(pool, None)
    }

    /// The nodes of a pool with ids after this one, or all.
    pub fn nodes_of_after(&self, pool: &PoolId, after: Option<&NodeId>) -> impl Iterator<Item = &Node> {
        let ids = self.index.nodes_of(pool).map(|ids| ids.range(range_after(after)));
        ids.into_iter().flatten().filter_map(|id| self.nodes.get(id))
    }

    /// The run that a node has of something now, or had last, see [`Job::current_run`].
    pub fn current_run(&self, job: &JobId, node: &NodeId, unit: &Unit) -> Option<RunId> {
        self.job(job)?.current_run(node, unit)
    }

    /// What a node needs to know to carry out a run; `None` if the node does not, or no longer, have it.
    pub fn run_specification<'a>(&'a self, run: &'a RunId) -> Option<RunSpecification<'a>> {
        self.job(&run.job)?.run_specification(run)
    }

    /// The environment variables of a run, see [`RunSpecification::environment`].
    pub fn environment(&self, run: &RunId) -> Option<Vec<(String, String)>> {
        Some(self.run_specification(run)?.environment(self.url()))
    }
}
