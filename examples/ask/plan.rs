//! What a run is going to make.

use super::{
    ledger::Ledger,
    question::{Makes, Question},
};

pub struct Plan {
    asked: usize,
    /// Without a pool.
    skipped: usize,
    makes: Makes,
}

impl Plan {
    pub fn new(questions: &[Question], has_pool: bool) -> Self {
        let mut plan = Self { asked: 0, skipped: 0, makes: Makes::default() };
        for question in questions {
            if question.needs_node && !has_pool {
                plan.skipped += 1;
                continue;
            }
            plan.asked += 1;
            plan.makes.jobs += question.makes.jobs;
            plan.makes.tasks += question.makes.tasks;
            plan.makes.schedules += question.makes.schedules;
        }
        plan
    }

    /// What the user reads before the first request that makes something.
    pub fn says(&self, ledger: &Ledger, pool: Option<&str>) -> String {
        let Self { asked, skipped, makes } = self;
        let mut text = format!("{asked} questions; they make: {makes}\n");
        text += &format!("all of them are named {}-..., and are deleted in the end\n", ledger.prefix());
        match pool {
            Some(pool) => text += &format!("tasks run on the pool {pool}, which is not changed\n"),
            None => text += &format!("no task runs; {skipped} questions need --pool and are skipped\n"),
        }
        text
    }
}
