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
    seconds: u32,
}

impl Plan {
    pub fn new(questions: &[Question], has_pool: bool) -> Self {
        let mut plan = Self { asked: 0, skipped: 0, makes: Makes::default(), seconds: 0 };
        for question in questions {
            if question.needs_node && !has_pool {
                plan.skipped += 1;
                continue;
            }
            plan.asked += 1;
            plan.seconds += question.seconds;
            plan.makes.jobs += question.makes.jobs;
            plan.makes.tasks += question.makes.tasks;
            plan.makes.schedules += question.makes.schedules;
        }
        plan
    }

    /// What the user reads before the first request that makes something.
    pub fn says(&self, ledger: &Ledger, pool: Option<&str>) -> String {
        let Self { asked, skipped, makes, seconds } = self;
        let minutes = seconds.div_ceil(60);
        let prefix = ledger.prefix();
        let tasks = match pool {
            Some(pool) => format!(
                "tasks run on nodes of the pool {pool} and take its slots, each for up to 10 minutes if it is not \
                 stopped earlier; the pool is not changed"
            ),
            None => format!("no task runs; {skipped} questions need --pool and are skipped"),
        };
        format!(
            "{asked} questions, about {minutes} min; they make: {makes}\n\
             all of them are named {prefix}-..., and are deleted in the end\n\
             the jobs are counted with those that schedules make, the tasks without preparation and release tasks\n\
             {tasks}\n"
        )
    }
}
