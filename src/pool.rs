//! A pool: a set of nodes, and how many of them there are to be.

mod image;
mod scaling;

use alloc::{sync::Arc, vec::Vec};
use core::fmt;

use crate::{
    BatchError, ETag, ErrorCode, Preconditions, TimeSpan, Timestamp,
    error::Unfit,
    id::{JobId, JobScheduleId, NodeId, PoolId},
    names::wire_enum,
    node::NodeTasks,
    stamps::Stamps,
    task::Properties,
};

pub use crate::allocation::{NodeCounts, NodeFillType};
pub use image::{OsType, SupportedImage, VerificationType};
pub use scaling::{
    AutoScale, AutoScaleRun, AutoScaleSettings, EnableAutoScale, EvaluationInterval, InvalidInterval,
    PoolSample,
};

/// What a user asked a pool to be. Only [`UpdatePool`] changes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PoolSpecification {
    /// The pool's id, unique within the account.
    pub id: PoolId,
    /// How many slots each node has.
    pub task_slots_per_node: u32,
    /// Which node a task is assigned to.
    pub node_fill_type: NodeFillType,
    /// Everything else: `vmSize`, `virtualMachineConfiguration` and so on.
    pub other: Properties,
}

wire_enum! {
    /// The state of a pool.
    pub enum PoolState {
        /// It is in use.
        Active = "active",
        /// Its nodes are leaving; then it is gone.
        Deleting = "deleting",
    }
}

wire_enum! {
    /// Whether a pool has the nodes that it is to have ([P2](crate::evidence#p2)).
    pub enum AllocationState {
        /// It has.
        Steady = "steady",
        /// Nodes are being added or removed.
        Resizing = "resizing",
        /// A user has stopped the resize ([P9](crate::evidence#p9)).
        Stopping = "stopping",
    }
}

/// Adds a pool: `Pool - Add`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AddPool {
    /// What the pool is.
    pub specification: Arc<PoolSpecification>,
    /// How many nodes it is to have; with a formula only until that says otherwise.
    pub target: NodeCounts,
    /// How it scales by a formula, if it does.
    pub auto_scale: Option<AutoScaleSettings>,
}

/// Changes how many nodes a pool is to have: `Pool - Resize`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct ResizePool {
    /// The new number of dedicated nodes; `None` keeps the old one.
    pub dedicated: Option<u32>,
    /// The new number of low-priority nodes; `None` keeps the old one.
    pub low_priority: Option<u32>,
    /// What becomes of the tasks on nodes that leave.
    pub tasks: NodeTasks,
    /// How long the resize may take; [`Pool::RESIZE_TIMEOUT`] by default. Stored and shown only
    /// ([P7](crate::evidence#p7)).
    pub resize_timeout: Option<TimeSpan>,
    /// The conditions on the pool's version.
    pub preconditions: Preconditions,
}

/// Stops the resize of a pool, which then keeps the nodes that it has: `Pool - Stop Resize`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct StopResize {
    /// The conditions on the pool's version.
    pub preconditions: Preconditions,
}

/// Changes what a pool is: `Pool - Patch` and `Pool - Update Properties` ([P10](crate::evidence#p10)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct UpdatePool {
    /// The new number of slots of each node; `None` keeps the old one.
    pub task_slots_per_node: Option<u32>,
    /// Which node a task is assigned to; `None` keeps the old choice.
    pub node_fill_type: Option<NodeFillType>,
    /// Other properties. Each replaces the old one whole; a null removes it. The others stay.
    pub other: Properties,
    /// The conditions on the pool's version.
    pub preconditions: Preconditions,
}

impl UpdatePool {
    /// What can be changed while the pool has nodes; the rest only while it has none
    /// ([P11](crate::evidence#p11)).
    pub const ALWAYS: &'static [&'static str] = &[
        "startTask",
        "certificateReferences",
        "applicationPackageReferences",
        "metadata",
        "targetNodeCommunicationMode",
    ];

    /// Whether the pool must have no nodes (P11).
    pub(crate) fn needs_empty_pool(&self) -> bool {
        self.task_slots_per_node.is_some()
            || self.node_fill_type.is_some()
            || self.other.keys().any(|name| !Self::ALWAYS.contains(&name.as_str()))
    }

    /// The specification after the change.
    pub(crate) fn apply_to(&self, old: &PoolSpecification) -> PoolSpecification {
        let mut new = old.clone();
        new.task_slots_per_node = self.task_slots_per_node.unwrap_or(old.task_slots_per_node);
        new.node_fill_type = self.node_fill_type.unwrap_or(old.node_fill_type);
        new.other.extend(self.other.clone());
        new.other.retain(|_, value| !value.is_null());
        new
    }
}

/// Removes nodes from a pool: `Pool - Remove Nodes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct RemoveNodes {
    /// The nodes.
    pub nodes: Vec<NodeId>,
    /// What becomes of their tasks.
    pub tasks: NodeTasks,
    /// See [`ResizePool::resize_timeout`].
    pub resize_timeout: Option<TimeSpan>,
    /// The conditions on the pool's version.
    pub preconditions: Preconditions,
}

/// Deletes a pool with its nodes: `Pool - Delete`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct DeletePool {
    /// The conditions on the pool's version.
    pub preconditions: Preconditions,
}

/// Something that became true of a pool. `at` is when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are named after what they hold")]
pub enum PoolFact {
    /// It was added.
    Added {
        specification: Arc<PoolSpecification>,
        target: NodeCounts,
        auto_scale: Option<AutoScaleSettings>,
        owner: Option<PoolOwner>,
        at: Timestamp,
    },
    /// It is to have this many nodes.
    Resizing { target: NodeCounts, resize_timeout: TimeSpan, at: Timestamp },
    /// Its resize is being stopped ([P9](crate::evidence#p9)).
    Stopping { at: Timestamp },
    /// It has the nodes that it is to have, or those that it had when its resize was stopped.
    Steady { at: Timestamp },
    /// A user changed what it is ([P10](crate::evidence#p10)).
    Updated { specification: Arc<PoolSpecification>, at: Timestamp },
    /// It scales by this formula from now on ([P15](crate::evidence#p15)).
    AutoScaleEnabled {
        settings: AutoScaleSettings,
        /// Whether the intervals between evaluations begin again.
        restarts: bool,
        at: Timestamp,
    },
    /// It no longer scales by a formula ([P15](crate::evidence#p15)).
    AutoScaleDisabled { at: Timestamp },
    /// Its tasks and nodes were counted ([P18](crate::evidence#p18)).
    Sampled { sample: PoolSample },
    /// Its formula was evaluated, at the run's time ([P16](crate::evidence#p16)).
    Scaled {
        run: AutoScaleRun,
        /// How many nodes it is to have, if a resize begins.
        resize: Option<NodeCounts>,
        /// Which node a task is assigned to from now on, if the formula says so.
        node_fill_type: Option<NodeFillType>,
    },
    /// It is deleted with this owner from now on, or only by a user ([X8](crate::evidence#x8)).
    OwnerChanged { owner: Option<PoolOwner> },
    /// It is being deleted, its nodes with it.
    Deleting { at: Timestamp },
    /// It is gone.
    Deleted,
}

impl PoolFact {
    /// A short name, such as `PoolResizing`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Added { .. } => "PoolAdded",
            Self::Resizing { .. } => "PoolResizing",
            Self::Stopping { .. } => "PoolStopping",
            Self::Steady { .. } => "PoolSteady",
            Self::Updated { .. } => "PoolUpdated",
            Self::AutoScaleEnabled { .. } => "PoolAutoScaleEnabled",
            Self::AutoScaleDisabled { .. } => "PoolAutoScaleDisabled",
            Self::Sampled { .. } => "PoolSampled",
            Self::Scaled { .. } => "PoolScaled",
            Self::OwnerChanged { .. } => "PoolOwnerChanged",
            Self::Deleting { .. } => "PoolDeleting",
            Self::Deleted => "PoolDeleted",
        }
    }
}

impl fmt::Display for PoolFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added { .. } => f.write_str("added"),
            Self::Resizing { target, .. } => write!(f, "resizing to {target}"),
            Self::Stopping { .. } => f.write_str("stopping its resize"),
            Self::Steady { .. } => f.write_str("steady"),
            Self::Updated { .. } => f.write_str("updated"),
            Self::AutoScaleEnabled { .. } => f.write_str("scaling by a formula"),
            Self::AutoScaleDisabled { .. } => f.write_str("no longer scaling by a formula"),
            Self::Sampled { .. } => f.write_str("sampled"),
            Self::Scaled { resize: Some(target), .. } => write!(f, "its formula resizes it to {target}"),
            Self::Scaled { resize: None, run, .. } if run.error.is_some() => {
                f.write_str("its formula failed")
            }
            Self::Scaled { resize: None, .. } => f.write_str("its formula leaves it as it is"),
            Self::OwnerChanged { owner: Some(_) } => f.write_str("to be deleted with its owner"),
            Self::OwnerChanged { owner: None } => f.write_str("to be kept when its owner ends"),
            Self::Deleting { .. } => f.write_str("deleting"),
            Self::Deleted => f.write_str("deleted"),
        }
    }
}

/// A pool. It changes only through its [`Account`](crate::Account).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Pool {
    specification: Arc<PoolSpecification>,
    stamps: Stamps<PoolState>,
    state: PoolState,
    allocation_state: AllocationState,
    allocation_state_transition_time: Timestamp,
    target: NodeCounts,
    /// That of the latest resize; before the first it is what the specification says (P7).
    resize_timeout: Option<TimeSpan>,
    auto_scale: Option<AutoScale>,
    #[cfg_attr(feature = "serde", serde(default))]
    owner: Option<PoolOwner>,
}

/// What an auto pool was made for. The pool is deleted when that has ended ([P20](crate::evidence#p20)).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PoolOwner {
    /// A job.
    Job(JobId),
    /// A job schedule.
    JobSchedule(JobScheduleId),
    /// A job or job schedule that is gone. A later one with the same id is another one.
    Gone,
}

impl Pool {
    /// How long a resize may take by default: `PT15M`.
    pub const RESIZE_TIMEOUT: TimeSpan = TimeSpan::from_mins(15);

    pub(crate) fn new(
        specification: Arc<PoolSpecification>,
        target: NodeCounts,
        auto_scale: Option<AutoScaleSettings>,
        owner: Option<PoolOwner>,
        at: Timestamp,
    ) -> Self {
        Self {
            specification,
            stamps: Stamps::new(at),
            state: PoolState::Active,
            allocation_state: AllocationState::Resizing,
            allocation_state_transition_time: at,
            target,
            resize_timeout: None,
            auto_scale: auto_scale.map(|settings| AutoScale::new(settings, at)),
            owner,
        }
    }

    /// The pool's id.
    pub fn id(&self) -> &PoolId {
        &self.specification.id
    }

    /// What the user asked for.
    pub fn specification(&self) -> &PoolSpecification {
        &self.specification
    }

    /// What the pool was made for, if it is deleted with that.
    pub fn owner(&self) -> Option<&PoolOwner> {
        self.owner.as_ref()
    }

    /// When the pool was added, modified and last changed state.
    pub fn stamps(&self) -> &Stamps<PoolState> {
        &self.stamps
    }

    /// The pool's ETag ([T1](crate::evidence#t1), [P6](crate::evidence#p6)).
    pub fn etag(&self) -> ETag {
        self.stamps.etag()
    }

    /// The state.
    pub fn state(&self) -> PoolState {
        self.state
    }

    /// Whether the pool has the nodes that it is to have.
    pub fn allocation_state(&self) -> AllocationState {
        self.allocation_state
    }

    /// When that last changed.
    pub fn allocation_state_transition_time(&self) -> Timestamp {
        self.allocation_state_transition_time
    }

    /// How many nodes the pool is to have.
    pub fn target(&self) -> NodeCounts {
        self.target
    }

    /// How long the latest resize may take; `None` before the first, when it is what the specification
    /// says ([P7](crate::evidence#p7)). Stored and shown only: the host makes the nodes.
    pub fn resize_timeout(&self) -> Option<TimeSpan> {
        self.resize_timeout
    }

    /// How the pool scales by a formula, if it does ([P15](crate::evidence#p15)).
    pub fn auto_scale(&self) -> Option<&AutoScale> {
        self.auto_scale.as_ref()
    }

    /// When the pool is to be sampled or its formula to be evaluated (P16, P18).
    pub(crate) fn scaling_due(&self) -> Option<Timestamp> {
        self.auto_scale.as_ref().filter(|_| self.state == PoolState::Active)?.due()
    }

    /// Whether the pool still waits for nodes that the host was told to add (P2).
    pub(crate) fn waits_for_nodes(&self) -> bool {
        self.state == PoolState::Active && self.allocation_state == AllocationState::Resizing
    }

    /// The stamp for a change at `now` (T5).
    pub(crate) fn next_stamp(&self, now: Timestamp) -> Timestamp {
        self.stamps.next(now).max(self.allocation_state_transition_time)
    }

    /// The stamp for a change at `now` that moves the ETag (T5, P6).
    pub(crate) fn next_modified_stamp(&self, now: Timestamp) -> Timestamp {
        self.stamps.next_modified(now).max(self.allocation_state_transition_time)
    }

    /// The stamp of a resize by the pool's formula at `now`. With the request that enabled it, it is that
    /// of the request (P16).
    pub(crate) fn scaled_stamp(&self, now: Timestamp) -> Timestamp {
        match &self.auto_scale {
            Some(auto_scale) if auto_scale.enabled() == self.next_stamp(now) => auto_scale.enabled(),
            Some(_) | None => self.next_modified_stamp(now),
        }
    }

    /// A pool that is not being deleted.
    ///
    /// # Errors
    /// `PoolBeingDeleted`.
    pub(crate) fn require_active(&self) -> Result<(), ErrorCode> {
        match self.state {
            PoolState::Active => Ok(()),
            PoolState::Deleting => Err(ErrorCode::PoolBeingDeleted),
        }
    }

    /// A pool that a user can resize now (P15).
    ///
    /// # Errors
    /// `PoolBeingDeleted`, `OperationNotValidOnPool`, `PoolBeingResized`.
    pub(crate) fn require_resizable(&self) -> Result<(), ErrorCode> {
        self.require_active()?;
        match self.auto_scale {
            Some(_) => Err(ErrorCode::OperationNotValidOnPool),
            None => self.require_steady(),
        }
    }

    /// A pool that is not being resized.
    ///
    /// # Errors
    /// `PoolBeingDeleted`, `PoolBeingResized`.
    pub(crate) fn require_steady(&self) -> Result<(), ErrorCode> {
        self.require_active()?;
        match self.allocation_state {
            AllocationState::Steady => Ok(()),
            AllocationState::Resizing | AllocationState::Stopping => Err(ErrorCode::PoolBeingResized),
        }
    }

    /// A pool whose resize can be stopped now (P9).
    ///
    /// # Errors
    /// `PoolBeingDeleted`, `OperationInvalidForCurrentState`.
    pub(crate) fn require_resizing(&self) -> Result<(), BatchError> {
        self.require_active()?;
        match self.allocation_state {
            AllocationState::Resizing => Ok(()),
            AllocationState::Steady => Err(BatchError::invalid_for_state("The pool is not being resized")),
            AllocationState::Stopping => {
                Err(BatchError::invalid_for_state("The resize of the pool is being stopped already"))
            }
        }
    }

    /// Applies a fact to the pool. The account adds and removes pools.
    ///
    /// # Errors
    /// Why the fact does not fit the pool; nothing has changed then.
    pub(crate) fn apply(&mut self, fact: &PoolFact) -> Result<(), Unfit> {
        match fact {
            PoolFact::Added { .. } => Err(Unfit("the pool exists")),
            PoolFact::Resizing { target, resize_timeout, at } => {
                if self.require_active().is_err() || self.next_modified_stamp(*at) != *at {
                    return Err(Unfit("the pool cannot be resized at that time"));
                }
                self.target = *target;
                self.resize_timeout = Some(*resize_timeout);
                self.stamps.modify(*at);
                self.enter_allocation(AllocationState::Resizing, *at);
                Ok(())
            }
            PoolFact::Stopping { at } => {
                if !self.waits_for_nodes() || self.next_stamp(*at) != *at {
                    return Err(Unfit("the pool is not resizing at that time"));
                }
                self.enter_allocation(AllocationState::Stopping, *at);
                Ok(())
            }
            PoolFact::Steady { at } => {
                let is_steady = self.allocation_state == AllocationState::Steady;
                if is_steady || self.require_active().is_err() || self.next_stamp(*at) != *at {
                    return Err(Unfit("the pool is not resizing at that time"));
                }
                self.enter_allocation(AllocationState::Steady, *at);
                Ok(())
            }
            PoolFact::Updated { specification, at } => {
                let is_other = specification.id != self.specification.id;
                if is_other || self.require_active().is_err() || self.next_modified_stamp(*at) != *at {
                    return Err(Unfit("the pool cannot be updated at that time"));
                }
                self.specification = specification.clone();
                self.stamps.modify(*at);
                Ok(())
            }
            PoolFact::AutoScaleEnabled { settings, restarts, at } => {
                self.begin_resize(*at)?;
                match &mut self.auto_scale {
                    Some(auto_scale) => auto_scale.change(settings.clone(), *restarts, *at),
                    None => self.auto_scale = Some(AutoScale::new(settings.clone(), *at)),
                }
                Ok(())
            }
            PoolFact::AutoScaleDisabled { at } => {
                self.begin_resize(*at)?;
                self.auto_scale = None;
                Ok(())
            }
            PoolFact::Sampled { sample } => {
                let is_active = self.require_active().is_ok();
                let auto_scale = self.auto_scale.as_mut().filter(|_| is_active);
                auto_scale.ok_or(Unfit("the pool does not scale by a formula"))?.add_sample(*sample)
            }
            PoolFact::Scaled { run, resize, node_fill_type } => {
                self.scale(run, *resize)?;
                if let Some(fill_type) = node_fill_type {
                    Arc::make_mut(&mut self.specification).node_fill_type = *fill_type;
                }
                Ok(())
            }
            PoolFact::OwnerChanged { owner } => {
                if self.require_active().is_err() || self.owner == *owner {
                    return Err(Unfit("the pool cannot change its owner"));
                }
                self.owner.clone_from(owner);
                Ok(())
            }
            PoolFact::Deleting { at } => {
                if self.require_active().is_err() || self.next_stamp(*at) != *at {
                    return Err(Unfit("the pool cannot be deleted at that time"));
                }
                self.stamps.enter(Some(self.state), *at);
                self.state = PoolState::Deleting;
                Ok(())
            }
            PoolFact::Deleted => match self.state {
                PoolState::Deleting => Ok(()),
                PoolState::Active => Err(Unfit("the pool is not being deleted")),
            },
        }
    }

    /// What the pool was made for is gone (P20).
    pub(crate) fn lose_owner(&mut self) {
        self.owner = self.owner.as_ref().map(|_| PoolOwner::Gone);
    }

    /// A resize begins that a user has asked for.
    fn begin_resize(&mut self, at: Timestamp) -> Result<(), Unfit> {
        if self.require_active().is_err() || self.next_modified_stamp(at) != at {
            return Err(Unfit("the pool cannot be resized at that time"));
        }
        self.stamps.modify(at);
        self.enter_allocation(AllocationState::Resizing, at);
        Ok(())
    }

    /// Its formula was evaluated. The evaluation that belongs to a request has the request's stamp (P16).
    fn scale(&mut self, run: &AutoScaleRun, resize: Option<NodeCounts>) -> Result<(), Unfit> {
        let at = run.timestamp;
        let is_right = self.require_active().is_ok() && self.next_stamp(at) == at;
        let Some(auto_scale) = self.auto_scale.as_mut().filter(|_| is_right) else {
            return Err(Unfit("the pool does not scale by a formula at that time"));
        };
        if resize.is_some() && auto_scale.enabled() != at && self.stamps.next_modified(at) != at {
            return Err(Unfit("the pool cannot be resized at that time"));
        }
        auto_scale.evaluated(run.clone());
        if let Some(target) = resize {
            self.target = target;
            self.stamps.modify(at);
            self.enter_allocation(AllocationState::Resizing, at);
        }
        Ok(())
    }

    fn enter_allocation(&mut self, state: AllocationState, at: Timestamp) {
        self.allocation_state = state;
        self.allocation_state_transition_time = at;
    }
}
