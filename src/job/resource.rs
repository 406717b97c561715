//! The job itself: its parts, and what can be read of it.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use crate::{
    BatchError, ETag, ErrorCode, Timestamp,
    buffer::Buffer,
    error::Unfit,
    id::{JobId, NodeId, PoolId, TaskId},
    job::{
        auto_pool::{AutoPool, AutoPoolState, PoolInfo},
        counts::Counts,
        effect::{Effect, Fact, Instruction, StopCause},
        fact::{JobFact, JobNodeFact},
        nodes::NodeTable,
        record::JobNode,
        run::{RunId, Unit},
        specification::{JobSettings, JobSpecification, JobTemplate},
        state::{JobState, JobStateName, Living, TerminateReason},
        table::JobRequest,
        tasks::TaskTable,
    },
    stamps::Stamps,
    task::{FailureAction, Task, TaskFact},
};

/// A job as a state machine.
///
/// A job holds its tasks and what it knows of its nodes. Three kinds of input change it
/// ([S1](crate::evidence#s1)): requests, which can be refused and then change nothing; reports and node
/// events, which are facts; and ticks. It can be driven alone, but usually an [`Account`](crate::Account)
/// holds it.
///
/// A copy shares the tasks until either of the two changes one, so copying is cheap however many tasks
/// there are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(remote = "Self"))]
pub struct Job {
    pub(super) specification: Arc<JobSpecification>,
    pub(super) settings: Arc<JobSettings>,
    /// When the request arrived (T6).
    pub(super) received: Timestamp,
    pub(super) stamps: Stamps<JobStateName>,
    pub(super) state: JobState,
    /// What became of the pool that its settings ask for; `None` if they ask for none, or not yet.
    #[cfg_attr(feature = "serde", serde(default))]
    pub(super) auto_pool: Option<AutoPoolState>,
    /// What failed tasks ask of the job and the job has not done yet (X3).
    pub(super) failure_actions: BTreeMap<TaskId, FailureAction>,
    /// The number of the last run.
    pub(super) last_run: u64,
    pub(super) nodes: NodeTable,
    /// Shared with copies of the job until one of them changes a task.
    pub(super) tasks: Arc<TaskTable>,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) buffer: Buffer<Effect>,
}

impl Job {
    pub(crate) fn new(
        specification: Arc<JobSpecification>,
        settings: Arc<JobSettings>,
        received: Timestamp,
        last_run: u64,
        at: Timestamp,
    ) -> Self {
        Self {
            specification,
            settings,
            received,
            stamps: Stamps::new(at),
            state: JobState::Living(Living::Active),
            auto_pool: None,
            failure_actions: BTreeMap::new(),
            last_run,
            nodes: NodeTable::default(),
            tasks: Arc::default(),
            buffer: Buffer::default(),
        }
    }

    /// Lets the next call that returns effects append them to this Vec and return it, instead of a new one. A
    /// refused call leaves it to the call after it.
    ///
    /// A caller that hands back each Vec, emptied, once it has acted on the effects drives a job without an
    /// allocation for them. A copy of the job does not have what was lent.
    pub fn append_to(&mut self, effects: Vec<Effect>) {
        self.buffer.put(effects);
    }

    /// What was lent, until a call takes it.
    pub(crate) fn buffer(&mut self) -> &mut Buffer<Effect> {
        &mut self.buffer
    }

    /// The job's id.
    pub fn id(&self) -> &JobId {
        &self.specification.id
    }

    /// What the user asked for.
    pub fn specification(&self) -> &JobSpecification {
        &self.specification
    }

    /// What the user asked for, apart from the job's id.
    pub fn template(&self) -> &JobTemplate {
        &self.specification.template
    }

    /// What the user can change.
    pub fn settings(&self) -> &JobSettings {
        &self.settings
    }

    /// The state.
    pub fn state(&self) -> &JobState {
        &self.state
    }

    /// The pool whose nodes run the job's tasks; `None` if it has still to be made, or could not be made.
    pub fn pool(&self) -> Option<&PoolId> {
        match (&self.settings.pool, &self.auto_pool) {
            (PoolInfo::Named(pool), _) | (PoolInfo::Auto(_), Some(AutoPoolState::Made(pool))) => Some(pool),
            (PoolInfo::Auto(_), Some(AutoPoolState::Failed(_)) | None) => None,
        }
    }

    /// The pool that has still to be made for the job, if one has ([P19](crate::evidence#p19)).
    pub fn wanted_pool(&self) -> Option<&Arc<AutoPool>> {
        match (&self.state, &self.settings.pool, &self.auto_pool) {
            (JobState::Living(_), PoolInfo::Auto(pool), None) => Some(pool),
            (JobState::Living(_) | JobState::Ending(_) | JobState::Completed(_), _, _) => None,
        }
    }

    /// When the request for the job arrived: its creationTime, which is a little earlier than
    /// [`stamps().created()`](Stamps::created), its startTime ([T6](crate::evidence#t6)).
    pub fn creation_time(&self) -> Timestamp {
        self.received
    }

    /// When the job was created, modified ([T2](crate::evidence#t2)) and last changed state.
    pub fn stamps(&self) -> &Stamps<JobStateName> {
        &self.stamps
    }

    /// The job's ETag ([T1](crate::evidence#t1), [T2](crate::evidence#t2)).
    pub fn etag(&self) -> ETag {
        self.stamps.etag()
    }

    /// Why the job ended or is ending, if it was terminated.
    pub fn terminate_reason(&self) -> Option<&TerminateReason> {
        self.state.terminate_reason()
    }

    /// When the job ended, if it has.
    pub fn end_time(&self) -> Option<Timestamp> {
        self.state.end_time()
    }

    /// Whether the job's state allows a request: the table of the rules `R-<request>-<state>`.
    ///
    /// # Errors
    /// The 409 that the state calls for. Every other refusal of the request comes after it
    /// ([S5](crate::evidence#s5)).
    pub fn allows(&self, request: JobRequest) -> Result<(), BatchError> {
        self.state.allows(request)
    }

    /// A task.
    pub fn task(&self, task: &TaskId) -> Option<&Task> {
        self.tasks.get(task)
    }

    /// A task, for a request that names it.
    ///
    /// # Errors
    /// `TaskNotFound`.
    pub fn require_task(&self, task: &TaskId) -> Result<&Task, BatchError> {
        self.task(task).ok_or_else(|| ErrorCode::TaskNotFound.into())
    }

    /// The tasks, by id without case.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter()
    }

    /// The tasks with ids after this one, or all.
    pub fn tasks_after(&self, task: Option<&TaskId>) -> impl Iterator<Item = &Task> {
        self.tasks.after(task)
    }

    /// The active tasks in the order in which they were added.
    pub fn queue(&self) -> impl Iterator<Item = &Task> {
        self.tasks.queue()
    }

    /// The active tasks whose dependencies are satisfied and that were added after the one with this
    /// sequence number, or all.
    pub(crate) fn ready_after(&self, sequence: Option<u64>) -> impl Iterator<Item = &Task> {
        self.tasks.ready_after(sequence)
    }

    /// How many active tasks there are whose dependencies are satisfied.
    pub(crate) fn ready_count(&self) -> usize {
        self.tasks.ready_count()
    }

    /// How many tasks are in each state.
    pub fn task_counts(&self) -> Counts {
        self.tasks.counts()
    }

    /// How many slots the tasks in each state need.
    pub fn task_slot_counts(&self) -> Counts {
        self.tasks.slot_counts()
    }

    /// The nodes that have, or had, something of the job, by id without case.
    pub fn nodes(&self) -> impl Iterator<Item = (&NodeId, &JobNode)> {
        self.nodes.iter()
    }

    /// The nodes with ids after this one, or all.
    pub fn nodes_after(&self, node: Option<&NodeId>) -> impl Iterator<Item = (&NodeId, &JobNode)> {
        self.nodes.after(node)
    }

    /// What the job knows of a node.
    pub fn node(&self, node: &NodeId) -> Option<&JobNode> {
        self.nodes.get(node)
    }

    /// The number of the last run, see [`RunId`].
    pub(crate) fn last_run(&self) -> u64 {
        self.last_run
    }

    /// The run that a node has of something now, or had last: for a host that knows only what runs
    /// where. `None` if the node has none.
    pub fn current_run(&self, node: &NodeId, unit: &Unit) -> Option<RunId> {
        let (node, record) = self.nodes.get_key_value(node)?;
        let (unit, number) = match unit {
            Unit::Preparation => (Unit::Preparation, record.preparation.as_ref()?.number),
            Unit::Release => (Unit::Release, record.release.as_ref()?.number),
            Unit::Task(task) => {
                let (task, number) = record.tasks.get_key_value(task)?;
                (Unit::Task(task.clone()), *number)
            }
        };
        Some(self.run_id(node, unit, number))
    }

    pub(super) fn run_id(&self, node: &NodeId, unit: Unit, number: u64) -> RunId {
        RunId { job: self.id().clone(), node: node.clone(), unit, number }
    }

    /// The number of the next run. It does not overflow: see `MAX_STORED_RUNS`.
    pub(super) fn next_run(&self) -> u64 {
        self.last_run.saturating_add(1)
    }

    /// Makes a fact about the job true and adds it to the effects. Every change of state goes through
    /// this and the two methods below, so facts replayed over an old state give the new one (I5).
    pub(super) fn emit(&mut self, effects: &mut Vec<Effect>, fact: JobFact) {
        let applied = self.apply_to_job(&fact);
        Self::expect_fit(&applied);
        effects.push(Fact::Job(self.id().clone(), fact).into());
    }

    /// The same for a fact about a task.
    pub(super) fn emit_task(&mut self, effects: &mut Vec<Effect>, task: &TaskId, fact: TaskFact) {
        let applied = self.apply_to_task(task, &fact);
        Self::expect_fit(&applied);
        effects.push(Fact::Task(self.id().clone(), task.clone(), fact).into());
    }

    /// The same for a fact about one of the job's nodes.
    pub(super) fn emit_node(&mut self, effects: &mut Vec<Effect>, node: &NodeId, fact: JobNodeFact) {
        let applied = self.apply_to_node(node, &fact);
        Self::expect_fit(&applied);
        effects.push(Fact::JobNode(self.id().clone(), node.clone(), fact).into());
    }

    fn expect_fit(applied: &Result<(), Unfit>) {
        debug_assert_eq!(*applied, Ok(()), "a decision does not fit the state that it was made on");
    }

    /// Tells a node to run something.
    pub(super) fn instruct_run(&self, effects: &mut Vec<Effect>, node: &NodeId, unit: Unit, number: u64) {
        effects.push(Instruction::Run(self.run_id(node, unit, number)).into());
    }

    /// Tells a node to stop something.
    pub(super) fn instruct_stop(
        &self,
        effects: &mut Vec<Effect>,
        node: &NodeId,
        unit: Unit,
        number: u64,
        cause: StopCause,
    ) {
        effects.push(Instruction::Stop { run: self.run_id(node, unit, number), cause }.into());
    }
}
