//! Where a job's tasks run: in a pool that exists apart from it, or in one that is made for it.

use alloc::{boxed::Box, format, sync::Arc};

use crate::{
    id::{InvalidId, PoolId, PoolIdPrefix},
    names::wire_enum,
    pool::{AutoScaleSettings, NodeCounts, NodeFillType, PoolSpecification},
    task::Properties,
};

/// Where a job's tasks run: its `poolInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum PoolInfo {
    /// In a pool of this id, which need not exist.
    Named(PoolId),
    /// In a pool that the service makes for the job or for its schedule ([P19](crate::evidence#p19)).
    Auto(Arc<AutoPool>),
}

impl PoolInfo {
    /// Whether a disabled job that has this pool can be given that one: any that exists apart from it, and
    /// its own auto pool, which can be kept or not (X8).
    pub(super) fn can_become(&self, new: &Self) -> bool {
        match new {
            Self::Named(_) => true,
            Self::Auto(new_pool) => {
                self == new || (new_pool.lifetime == PoolLifetime::Job && self.is_same_auto_pool(new))
            }
        }
    }

    /// Whether both are one auto pool, which is kept or not.
    pub(super) fn is_same_auto_pool(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Auto(old), Self::Auto(new)) => {
                AutoPool { keep_alive: new.keep_alive, ..(**old).clone() } == **new
            }
            (Self::Named(_), _) | (_, Self::Named(_)) => false,
        }
    }
}

impl From<PoolId> for PoolInfo {
    fn from(pool: PoolId) -> Self {
        Self::Named(pool)
    }
}

/// A pool that is made for a job or its schedule: `autoPoolSpecification`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AutoPool {
    /// What the pool's id begins with.
    pub id_prefix: Option<PoolIdPrefix>,
    /// How long the pool exists.
    pub lifetime: PoolLifetime,
    /// Whether the pool stays when its lifetime is over.
    pub keep_alive: bool,
    /// How many slots each node has.
    pub task_slots_per_node: u32,
    /// Which node a task is assigned to.
    pub node_fill_type: NodeFillType,
    /// How many nodes the pool is to have.
    pub target: NodeCounts,
    /// How it scales by a formula, if it does.
    pub auto_scale: Option<AutoScaleSettings>,
    /// Everything else of the pool: `vmSize`, `virtualMachineConfiguration` and so on.
    pub other: Properties,
}

wire_enum! {
    /// How long an auto pool exists.
    pub enum PoolLifetime {
        /// As long as the job schedule, whose jobs all use it.
        JobSchedule = "jobschedule",
        /// As long as the job.
        Job = "job",
    }
}

impl AutoPool {
    /// The id of such a pool: the prefix, if there is one, an underscore, and a name that only this pool
    /// has. The service uses a GUID in upper case ([P19](crate::evidence#p19)).
    ///
    /// # Errors
    /// [`InvalidId`] if that is not a valid id.
    pub fn pool_id(&self, name: &str) -> Result<PoolId, InvalidId> {
        match &self.id_prefix {
            Some(prefix) => PoolId::new(&format!("{prefix}_{name}")),
            None => PoolId::new(name),
        }
    }

    /// The specification of such a pool.
    pub(crate) fn specification(&self, id: PoolId) -> PoolSpecification {
        let (task_slots_per_node, node_fill_type) = (self.task_slots_per_node, self.node_fill_type);
        PoolSpecification { id, task_slots_per_node, node_fill_type, other: self.other.clone() }
    }
}

/// Why an auto pool could not be made. The job ends, and shows this as its scheduling error
/// ([X9](crate::evidence#x9)).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AutoPoolFailure {
    /// The kind of failure.
    pub code: AutoPoolFailureCode,
    /// A text for people.
    pub message: Box<str>,
}

wire_enum! {
    /// The kind of an [`AutoPoolFailure`].
    pub enum AutoPoolFailureCode {
        /// The account can have no more nodes or pools.
        QuotaReached = "AutoPoolCreationFailedWithQuotaReached",
        /// Its formula is invalid.
        InvalidAutoScaleFormula = "InvalidAutoScaleFormulaInAutoPool",
        /// Its other settings are invalid.
        InvalidSettings = "InvalidAutoPoolSettings",
        /// A certificate that it names does not exist.
        InvalidCertificates = "InvalidCertificatesInAutoPool",
        /// An application package that it names does not exist.
        InvalidApplicationPackageReferences = "InvalidApplicationPackageReferencesInAutoPool",
    }
}

/// What became of the pool that a job asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(super) enum AutoPoolState {
    /// It was made.
    Made(PoolId),
    /// It could not be made.
    Failed(AutoPoolFailure),
}
