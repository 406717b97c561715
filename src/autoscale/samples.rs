//! What a formula can know of its pool.

use alloc::vec::Vec;

use crate::{Timestamp, allocation::NodeCounts, names::wire_enum};

/// How far apart samples are, in ticks: 30 s ([P13](crate::evidence#p13)).
pub(super) const PERIOD_TICKS: i64 = 300_000_000;

wire_enum! {
    /// A read-only variable of a formula, of which there are samples.
    pub enum Metric {
        /// The average percentage of CPU usage.
        CpuPercent = "$CPUPercent",
        /// The number of seconds consumed.
        WallClockSeconds = "$WallClockSeconds",
        /// The average amount of memory used.
        MemoryBytes = "$MemoryBytes",
        /// The average amount of space used on the local disks.
        DiskBytes = "$DiskBytes",
        /// The number of bytes read.
        DiskReadBytes = "$DiskReadBytes",
        /// The number of bytes written.
        DiskWriteBytes = "$DiskWriteBytes",
        /// The number of read operations on disks.
        DiskReadOps = "$DiskReadOps",
        /// The number of write operations on disks.
        DiskWriteOps = "$DiskWriteOps",
        /// The number of inbound bytes.
        NetworkInBytes = "$NetworkInBytes",
        /// The number of outbound bytes.
        NetworkOutBytes = "$NetworkOutBytes",
        /// The number of nodes.
        SampleNodeCount = "$SampleNodeCount",
        /// The number of tasks that could run and do not.
        ActiveTasks = "$ActiveTasks",
        /// The number of running tasks.
        RunningTasks = "$RunningTasks",
        /// Active and running tasks together.
        PendingTasks = "$PendingTasks",
        /// The number of tasks that ended successfully.
        SucceededTasks = "$SucceededTasks",
        /// The number of tasks that failed.
        FailedTasks = "$FailedTasks",
        /// The number of slots of a node.
        TaskSlotsPerNode = "$TaskSlotsPerNode",
        /// The number of dedicated nodes.
        CurrentDedicatedNodes = "$CurrentDedicatedNodes",
        /// The number of low-priority nodes, preempted ones too.
        CurrentLowPriorityNodes = "$CurrentLowPriorityNodes",
        /// The number of preempted nodes.
        PreemptedNodeCount = "$PreemptedNodeCount",
        /// The number of nodes that can run tasks.
        UsableNodeCount = "$UsableNodeCount",
    }
}

impl Metric {
    /// The metric of this name, which may be one that older formulas use.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "$CurrentDedicated" => Some(Self::CurrentDedicatedNodes),
            name => name.parse().ok(),
        }
    }
}

/// The value of a metric at one time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Timestamp,
    /// The value.
    pub value: f64,
}

/// What a formula is evaluated against.
pub trait Metrics {
    /// The time of the evaluation.
    fn now(&self) -> Timestamp;

    /// How many nodes the pool is to have so far.
    fn target(&self) -> NodeCounts;

    /// The samples of a metric, the oldest first; none if there are none.
    fn samples(&self, metric: Metric) -> Vec<Sample>;

    /// The value of a metric where a formula uses it as a number; by default its latest sample.
    fn value(&self, metric: Metric) -> Option<f64> {
        self.samples(metric).last().map(|sample| sample.value)
    }
}
