//! The service's own moves (S1): first of jobs, then of job schedules, of nodes and of pools.

use alloc::vec::Vec;

use crate::{
    Clock, Timestamp,
    account::resource::Account,
    id::PoolId,
    job::{Effect, Instruction},
    node::NodeFact,
    pool::{PoolFact, PoolState},
};

impl Account {
    /// Makes every move of the service's own that is due; see [`Job::tick`](crate::Job::tick). It visits
    /// only what is due: jobs, then job schedules, then nodes, then pools, each by id.
    #[must_use = "instructions among the effects must be carried out"]
    pub fn tick(&mut self, clock: impl Clock) -> Vec<Effect> {
        let now = clock.now();
        let mut effects = self.buffer.take();
        // Hosts tick after every request, and mostly nothing is due.
        if self.deadline().is_none_or(|due| now < due) {
            return effects;
        }
        // P20: not those whose owners end at this tick.
        let expired_pools = self.index.pools_expired();
        for id in self.index.jobs_due(now) {
            self.drive_job(&mut effects, &id, |job| job.tick(now));
        }
        for id in self.index.job_schedules_due(now) {
            self.move_job_schedule(&mut effects, &id, now);
        }
        for id in self.index.nodes_due(now) {
            let action = self.nodes.get(&id).and_then(|node| node.state().action());
            if let Some((action, _)) = action {
                self.emit_node(&mut effects, &id, NodeFact::ActionIssued { action });
                Self::instruct(&mut effects, Instruction::Act { node: id, action });
            }
        }
        for id in self.index.pools_due() {
            self.move_pool(&mut effects, &id, now);
        }
        for id in expired_pools {
            self.delete_expired_pool(&mut effects, &id, now);
        }
        for id in self.index.pools_scaling(now) {
            self.scale_pool(&mut effects, &id, now);
        }
        effects
    }

    /// P2, P9: a pool that has the nodes that it is to have, or whose resize was stopped, becomes steady;
    /// one that is being deleted and has no nodes is gone.
    fn move_pool(&mut self, effects: &mut Vec<Effect>, id: &PoolId, now: Timestamp) {
        let Some(pool) = self.pools.get(id) else { return };
        let fact = match pool.state() {
            PoolState::Active => PoolFact::Steady { at: pool.next_stamp(now) },
            PoolState::Deleting => PoolFact::Deleted,
        };
        self.emit_pool(effects, id, fact);
    }

    /// When the next [`tick`](Self::tick) can do something ([S3](crate::evidence#s3)). A past or present
    /// instant means now; `None` means that nothing is due until the next request or report.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.index.deadline()
    }
}
