//! What is still to be done for a job: the instructions that no report has answered yet.

use alloc::vec::Vec;

use crate::{
    id::NodeId,
    job::{
        effect::{Effect, Instruction, StopCause},
        record::JobNode,
        resource::Job,
        run::Unit,
    },
    task::Task,
};

impl Job {
    /// Every instruction of the job that is still outstanding, in an order in which to act, see
    /// [`Account::outstanding`](crate::Account::outstanding).
    pub fn outstanding(&self) -> Vec<Instruction> {
        let mut effects = Vec::new();
        for (id, node) in self.nodes.iter() {
            self.outstanding_on(id, node, &mut effects);
        }
        effects.into_iter().filter_map(|effect| effect.instruction().cloned()).collect()
    }

    fn outstanding_on(&self, id: &NodeId, node: &JobNode, effects: &mut Vec<Effect>) {
        let preparing = node.preparing();
        if let Some(run) = preparing {
            self.instruct_run(effects, id, Unit::Preparation, run.number);
            if run.is_stopping() {
                self.instruct_stop(effects, id, Unit::Preparation, run.number, StopCause::JobEnding);
            }
        }
        for (task, number) in &node.tasks {
            let unit = || Unit::Task(task.clone());
            if preparing.is_none() {
                self.instruct_run(effects, id, unit(), *number);
            }
            // When the job ends, the end of a preparation answers for the tasks that wait for it (E3).
            let ending = (self.state.is_ending() && preparing.is_none()).then_some(StopCause::JobEnding);
            let stop = self.task(task).and_then(Task::stop).map(StopCause::Task);
            if let Some(cause) = stop.or(ending) {
                self.instruct_stop(effects, id, unit(), *number, cause);
            }
        }
        if let Some(run) = node.releasing() {
            self.instruct_run(effects, id, Unit::Release, run.number);
        }
    }
}
