//! What is still to be done: the instructions that nothing has answered yet.

use alloc::vec::Vec;

use crate::{
    account::resource::Account,
    job::{Instruction, Job},
    node::{Node, Stage},
    pool::Pool,
};

impl Account {
    /// Every instruction that is still outstanding, in an order in which to act: what a host delivers
    /// after it has read a stored account, because it cannot know which of them it had delivered.
    ///
    /// Nothing changes, and carrying out an instruction twice does no harm. What was started and then
    /// told to stop is listed as both. The stop of a release task is never listed, because its end is
    /// not waited for.
    pub fn outstanding(&self) -> Vec<Instruction> {
        let waiting = self.pools.values().filter(|pool| pool.waits_for_nodes());
        let mut instructions: Vec<Instruction> =
            waiting.map(Pool::id).filter_map(|pool| self.nodes_to_add(pool)).collect();
        let poolless = self.jobs.values().filter(|job| job.wanted_pool().is_some());
        instructions.extend(poolless.map(|job| Instruction::AddPool { job: job.id().clone() }));
        instructions.extend(self.nodes.values().filter_map(issued_action));
        instructions.extend(self.jobs.values().flat_map(Job::outstanding));
        instructions
    }
}

/// An action that waits for the node's tasks is not an instruction yet.
fn issued_action(node: &Node) -> Option<Instruction> {
    match node.state().action()? {
        (action, Stage::Issued) => Some(Instruction::Act { node: node.id().clone(), action }),
        (_, Stage::Waiting { .. }) => None,
    }
}
