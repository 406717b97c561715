//! The names that enums have on the wire, each in one place: request bodies are read by them, answers
//! printed by them, and the models list them as choices (B4).

use crate::{
    job::{DisableTasks, OnAllTasksComplete, OnTaskFailure},
    node::{NodeTasks, SchedulingState},
    pool::{AllocationState, NodeFillType, PoolState},
    task::{DependencyAction, JobAction},
};

/// An enum whose values have names on the wire.
pub(crate) trait Wire: Copy + 'static {
    /// Every name, in the order of the values.
    const NAMES: &'static [&'static str];

    /// The value of a name as it is spelled here; bodies are brought into that form when they are read.
    fn from_wire(name: &str) -> Option<Self>;

    /// The name of a value.
    fn as_wire(self) -> &'static str;
}

macro_rules! names {
    ($($enum:ident { $($value:ident $name:literal),* })*) => {$(
        impl Wire for $enum {
            const NAMES: &'static [&'static str] = &[$($name),*];

            fn from_wire(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$value),)*
                    _ => None,
                }
            }

            fn as_wire(self) -> &'static str {
                match self { $(Self::$value => $name),* }
            }
        }
    )*};
}

names! {
    AllocationState { Steady "steady", Resizing "resizing" }
    DependencyAction { Satisfy "satisfy", Block "block" }
    DisableTasks { Requeue "requeue", Terminate "terminate", Wait "wait" }
    JobAction { None "none", Disable "disable", Terminate "terminate" }
    NodeFillType { Spread "spread", Pack "pack" }
    NodeTasks {
        Requeue "requeue",
        Terminate "terminate",
        TaskCompletion "taskcompletion",
        RetainedData "retaineddata"
    }
    OnAllTasksComplete { NoAction "noaction", TerminateJob "terminatejob" }
    OnTaskFailure { NoAction "noaction", PerformExitOptionsJobAction "performexitoptionsjobaction" }
    PoolState { Active "active", Deleting "deleting" }
    SchedulingState { Enabled "enabled", Disabled "disabled" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reads_back<T: Wire>() {
        for name in T::NAMES {
            assert_eq!(T::from_wire(name).map(T::as_wire), Some(*name)); // B4
        }
        assert!(T::from_wire("").is_none());
    }

    #[test]
    fn every_name_reads_back() {
        reads_back::<AllocationState>();
        reads_back::<DependencyAction>();
        reads_back::<DisableTasks>();
        reads_back::<JobAction>();
        reads_back::<NodeFillType>();
        reads_back::<NodeTasks>();
        reads_back::<OnAllTasksComplete>();
        reads_back::<OnTaskFailure>();
        reads_back::<PoolState>();
        reads_back::<SchedulingState>();
    }
}
