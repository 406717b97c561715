//! The few names that steps use, so that steps affect each other.

use crate::{JobId, JobScheduleId, NodeId, PoolId, TaskId, node::UserName};

/// Three jobs, each in two spellings that are one (S4). The last may be a schedule's.
const JOBS: [[&str; 2]; 3] = [["Job-1", "job-1"], ["job-2", "JOB-2"], ["Nightly:job-1", "nightly:job-1"]];
/// Tasks; `02` and `2` are one number to a dependency range (K9), and the last three may be a job's own (B9).
const TASKS: [[&str; 2]; 7] = [
    ["1", "1"],
    ["02", "02"],
    ["2", "2"],
    ["Build", "build"],
    ["manager", "Manager"],
    ["jobpreparation", "JobPreparation"],
    ["jobrelease", "JobRelease"],
];
/// Job schedules; a job and a schedule cannot have one id (L9).
const SCHEDULES: [[&str; 2]; 3] = [["Nightly", "nightly"], ["JOB-1", "Job-1"], ["weekly", "Weekly"]];
const NODES: [[&str; 2]; 3] = [["Node-a", "node-a"], ["Node-b", "NODE-B"], ["node-c", "Node-C"]];
const POOLS: [[&str; 2]; 2] = [["pool-1", "pool-1"], ["pool-2", "pool-2"]];
const USERS: [[&str; 2]; 2] = [["ada", "Ada"], ["eve", "eve"]];

/// One of the few names that the steps of a [`Sequence`](super::Sequence) use: of three jobs, seven tasks, three
/// nodes, two pools and three job schedules. Each job, task and node has two spellings, which are one id to the
/// service.
///
/// ```
/// use azbatch::testing::Name;
///
/// assert_eq!(Name::nth(0).job().as_str(), "Job-1");
/// assert_eq!(Name::nth(0).respelled().job().as_str(), "job-1");
/// assert_eq!(Name::nth(0).node().as_str(), "Node-a");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name(pub(super) u8);

impl Name {
    /// The first spelling of one of them. Numbers begin again where the names end.
    pub const fn nth(which: u8) -> Self {
        Self(which & 0x7F)
    }

    /// The same one in its other spelling ([S4](crate::evidence#s4)).
    #[must_use]
    pub const fn respelled(self) -> Self {
        Self(self.0 ^ 0x80)
    }

    fn of<const N: usize>(self, names: &[[&'static str; 2]; N]) -> &'static str {
        names[usize::from(self.0 & 0x7F) % N][usize::from(self.0 >> 7)]
    }

    /// As the id of a job.
    pub fn job(self) -> JobId {
        JobId::new(self.of(&JOBS)).unwrap()
    }

    /// As the id of a job schedule. The first one makes jobs with the id of the third job.
    pub fn schedule(self) -> JobScheduleId {
        JobScheduleId::new(self.of(&SCHEDULES)).unwrap()
    }

    /// As the id of a task.
    pub fn task(self) -> TaskId {
        TaskId::new(self.of(&TASKS)).unwrap()
    }

    /// As the id of a node.
    pub fn node(self) -> NodeId {
        NodeId::new(self.of(&NODES)).unwrap()
    }

    /// As the id of a pool.
    pub fn pool(self) -> PoolId {
        PoolId::new(self.of(&POOLS)).unwrap()
    }

    /// As the name of a user of a node. Two spellings are two users ([N11](crate::evidence#n11)).
    pub fn user(self) -> UserName {
        UserName::new(self.of(&USERS)).unwrap()
    }
}
