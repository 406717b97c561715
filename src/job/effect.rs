//! What follows from a call: facts that became true, and instructions for the host.

use core::fmt;

use crate::{
    id::{JobId, JobScheduleId, NodeId, PoolId, TaskId},
    job::{
        fact::{JobFact, JobNodeFact},
        run::{RunId, Unit},
    },
    job_schedule::JobScheduleFact,
    node::{NodeAction, NodeFact},
    pool::{NodeCounts, PoolFact},
    task::{TaskFact, TaskStop},
};

/// One consequence of a call. A call returns its effects in the order in which to act on them.
///
/// A host matches two arms: it may store or log a [`Fact`], and it must carry out an [`Instruction`].
/// The facts alone, applied to the state before a call with
/// [`Account::apply`](crate::Account::apply), give the state after it ([I5](crate::evidence#i5)).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[must_use = "instructions among the effects must be carried out"]
pub enum Effect {
    /// Something has become true in the state already.
    Fact(Fact),
    /// The host must do something.
    Instruction(Instruction),
}

/// Something that has become true, by the resource that it is about.
///
/// New facts may be added in any version. A host that stores or logs facts need not look inside.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum Fact {
    /// About a job.
    Job(JobId, JobFact),
    /// About a task of a job.
    Task(JobId, TaskId, TaskFact),
    /// About a job on one of its nodes.
    JobNode(JobId, NodeId, JobNodeFact),
    /// About a job schedule.
    JobSchedule(JobScheduleId, JobScheduleFact),
    /// About a pool.
    Pool(PoolId, PoolFact),
    /// About a node.
    Node(NodeId, NodeFact),
}

/// Something that the host must do.
///
/// It changes no state, and carrying it out twice does no harm: whatever starts or stops something
/// names the run. A host that restarts gets those that are still open from
/// [`Account::outstanding`](crate::Account::outstanding).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[must_use = "an instruction must be carried out"]
pub enum Instruction {
    /// Run this on its node, then report its start and its end. Deliver it again until the node reports
    /// or is gone.
    Run(RunId),
    /// Stop this run if the node has it, do not start it if not, then report its end
    /// ([E2](crate::evidence#e2), [K6](crate::evidence#k6)). A node that has another run of the same unit
    /// leaves that alone. Deliver it again until the node reports or is gone; the end of a release task is
    /// not waited for ([E6](crate::evidence#e6)).
    Stop {
        /// The run.
        run: RunId,
        /// Why.
        cause: StopCause,
    },
    /// Make nodes for a pool, and add each with [`Account::add_node`](crate::Account::add_node).
    AddNodes {
        /// The pool.
        pool: PoolId,
        /// How many of each kind.
        nodes: NodeCounts,
    },
    /// Make the pool that a job asks for with [`Account::add_auto_pool`](crate::Account::add_auto_pool), or
    /// say why not with [`Account::refuse_auto_pool`](crate::Account::refuse_auto_pool)
    /// ([P19](crate::evidence#p19)).
    AddPool {
        /// The job.
        job: JobId,
    },
    /// Do this to a node, then report it with [`Account::node_event`](crate::Account::node_event).
    Act {
        /// The node.
        node: NodeId,
        /// What to do.
        action: NodeAction,
    },
}

/// Why a run is to be stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum StopCause {
    /// Its job is terminating or deleting ([E2](crate::evidence#e2), [E3](crate::evidence#e3)).
    JobEnding,
    /// Something about the task itself.
    Task(TaskStop),
    /// The release task's time is over ([E6](crate::evidence#e6)).
    ReleaseTimeout,
}

impl Effect {
    /// The fact, if it is one.
    pub fn fact(&self) -> Option<&Fact> {
        match self {
            Self::Fact(fact) => Some(fact),
            Self::Instruction(_) => None,
        }
    }

    /// The instruction, if it is one.
    pub fn instruction(&self) -> Option<&Instruction> {
        match self {
            Self::Instruction(instruction) => Some(instruction),
            Self::Fact(_) => None,
        }
    }

    /// The facts among effects, in their order.
    pub fn facts(effects: &[Self]) -> impl Iterator<Item = &Fact> {
        effects.iter().filter_map(Self::fact)
    }

    /// The instructions among effects, in their order.
    pub fn instructions(effects: &[Self]) -> impl Iterator<Item = &Instruction> {
        effects.iter().filter_map(Self::instruction)
    }

    /// A short name, such as `TaskCompleted` or `StopTask`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Fact(fact) => fact.name(),
            Self::Instruction(instruction) => instruction.name(),
        }
    }

    /// The job that the effect is about, if it is about one.
    pub fn job(&self) -> Option<&JobId> {
        match self {
            Self::Fact(fact) => fact.job(),
            Self::Instruction(instruction) => instruction.job(),
        }
    }

    /// The task that the effect is about, if it is about one.
    pub fn task(&self) -> Option<&TaskId> {
        match self {
            Self::Fact(fact) => fact.task(),
            Self::Instruction(instruction) => instruction.task(),
        }
    }

    /// The node that the effect is about, if it is about one.
    pub fn node(&self) -> Option<&NodeId> {
        match self {
            Self::Fact(fact) => fact.node(),
            Self::Instruction(instruction) => instruction.node(),
        }
    }

    /// The pool that the effect is about, if it is about one.
    pub fn pool(&self) -> Option<&PoolId> {
        match self {
            Self::Fact(fact) => fact.pool(),
            Self::Instruction(instruction) => instruction.pool(),
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fact(fact) => fact.fmt(f),
            Self::Instruction(instruction) => instruction.fmt(f),
        }
    }
}

impl From<Fact> for Effect {
    fn from(fact: Fact) -> Self {
        Self::Fact(fact)
    }
}

impl From<Instruction> for Effect {
    fn from(instruction: Instruction) -> Self {
        Self::Instruction(instruction)
    }
}

impl Fact {
    /// A short name, such as `TaskCompleted`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Job(_, fact) => fact.name(),
            Self::Task(_, _, fact) => fact.name(),
            Self::JobNode(_, _, fact) => fact.name(),
            Self::JobSchedule(_, fact) => fact.name(),
            Self::Pool(_, fact) => fact.name(),
            Self::Node(_, fact) => fact.name(),
        }
    }

    /// The job that the fact is about, if it is about one.
    pub fn job(&self) -> Option<&JobId> {
        match self {
            Self::Job(job, _) | Self::Task(job, ..) | Self::JobNode(job, ..) => Some(job),
            Self::JobSchedule(..) | Self::Pool(..) | Self::Node(..) => None,
        }
    }

    /// The task that the fact is about, if it is about one.
    pub fn task(&self) -> Option<&TaskId> {
        match self {
            Self::Task(_, task, _) => Some(task),
            Self::Job(..) | Self::JobNode(..) | Self::JobSchedule(..) | Self::Pool(..) | Self::Node(..) => {
                None
            }
        }
    }

    /// The node that the fact is about, if it is about one.
    pub fn node(&self) -> Option<&NodeId> {
        match self {
            Self::JobNode(_, node, _) | Self::Node(node, _) => Some(node),
            Self::Task(_, _, fact) => fact.node(),
            Self::Job(..) | Self::JobSchedule(..) | Self::Pool(..) => None,
        }
    }

    /// The pool that the fact is about, if it is about one.
    pub fn pool(&self) -> Option<&PoolId> {
        match self {
            Self::Pool(pool, _) => Some(pool),
            Self::Node(_, fact) => fact.pool(),
            Self::Job(..) | Self::Task(..) | Self::JobNode(..) | Self::JobSchedule(..) => None,
        }
    }
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(job, fact) => write!(f, "job {job}: {fact}"),
            Self::Task(job, task, fact) => write!(f, "task {task} of job {job}: {fact}"),
            Self::JobNode(job, node, fact) => write!(f, "job {job} on node {node}: {fact}"),
            Self::JobSchedule(schedule, fact) => write!(f, "job schedule {schedule}: {fact}"),
            Self::Pool(pool, fact) => write!(f, "pool {pool}: {fact}"),
            Self::Node(node, fact) => write!(f, "node {node}: {fact}"),
        }
    }
}

impl Instruction {
    /// A short name, such as `StopTask`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Run(RunId { unit: Unit::Preparation, .. }) => "RunPreparation",
            Self::Run(RunId { unit: Unit::Task(_), .. }) => "RunTask",
            Self::Run(RunId { unit: Unit::Release, .. }) => "RunRelease",
            Self::Stop { run: RunId { unit: Unit::Preparation, .. }, .. } => "StopPreparation",
            Self::Stop { run: RunId { unit: Unit::Task(_), .. }, .. } => "StopTask",
            Self::Stop { run: RunId { unit: Unit::Release, .. }, .. } => "StopRelease",
            Self::AddNodes { .. } => "AddNodes",
            Self::AddPool { .. } => "AddPool",
            Self::Act { action: NodeAction::Reboot, .. } => "RebootNode",
            Self::Act { action: NodeAction::Reimage, .. } => "ReimageNode",
            Self::Act { action: NodeAction::Deallocate, .. } => "DeallocateNode",
            Self::Act { action: NodeAction::Start, .. } => "StartNode",
            Self::Act { action: NodeAction::Remove, .. } => "RemoveNode",
        }
    }

    /// The run that is to be started or stopped, if it is about one.
    pub fn run(&self) -> Option<&RunId> {
        match self {
            Self::Run(run) | Self::Stop { run, .. } => Some(run),
            Self::AddNodes { .. } | Self::AddPool { .. } | Self::Act { .. } => None,
        }
    }

    /// The job that the instruction is about, if it is about one.
    pub fn job(&self) -> Option<&JobId> {
        match self {
            Self::Run(run) | Self::Stop { run, .. } => Some(&run.job),
            Self::AddPool { job } => Some(job),
            Self::AddNodes { .. } | Self::Act { .. } => None,
        }
    }

    /// The task that the instruction is about, if it is about one.
    pub fn task(&self) -> Option<&TaskId> {
        self.run().and_then(RunId::task)
    }

    /// The node that is to act, if one is.
    pub fn node(&self) -> Option<&NodeId> {
        match self {
            Self::Run(run) | Self::Stop { run, .. } => Some(&run.node),
            Self::Act { node, .. } => Some(node),
            Self::AddNodes { .. } | Self::AddPool { .. } => None,
        }
    }

    /// The pool that needs nodes, if one does.
    pub fn pool(&self) -> Option<&PoolId> {
        match self {
            Self::AddNodes { pool, .. } => Some(pool),
            Self::Run(_) | Self::Stop { .. } | Self::AddPool { .. } | Self::Act { .. } => None,
        }
    }
}

impl fmt::Display for Instruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(run) => write!(f, "run {run}"),
            Self::Stop { run, cause } => write!(f, "stop {run}: {cause}"),
            Self::AddNodes { pool, nodes } => write!(f, "add {nodes} to pool {pool}"),
            Self::AddPool { job } => write!(f, "make the pool of job {job}"),
            Self::Act { node, action } => write!(f, "{action} node {node}"),
        }
    }
}

impl fmt::Display for StopCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::JobEnding => f.write_str("the job is ending"),
            Self::Task(stop) => stop.fmt(f),
            Self::ReleaseTimeout => f.write_str("the release task's time is over"),
        }
    }
}
