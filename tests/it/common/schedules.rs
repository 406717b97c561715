//! What must hold of job schedules: a second, simpler account of when jobs are made.

use std::collections::{BTreeMap, BTreeSet};

use azbatch::{
    Account, Effect, Fact, JobId, JobSchedule, JobScheduleId, Timestamp,
    job::{JobFact, JobState},
    job_schedule::{JobScheduleFact, JobScheduleState, JobScheduleStateName},
};

/// What the account does not tell of its job schedules.
#[derive(Default)]
pub(crate) struct Memories(BTreeMap<JobScheduleId, Memory>);

#[derive(Default)]
struct Memory {
    /// The turns that are over end with this one.
    last_turn: Option<Timestamp>,
    /// The number of the job that it made last.
    last_number: u32,
    /// The jobs that it made.
    made: BTreeSet<JobId>,
}

impl Memories {
    /// Judges what a step did to job schedules, and remembers it.
    pub(crate) fn follow(
        &mut self,
        before: &Account,
        effects: &[Effect],
        after: &Account,
        is_tick: bool,
        now: Timestamp,
    ) {
        if is_tick {
            for schedule in before.job_schedules() {
                let memory = self.0.entry(schedule.id().clone()).or_default();
                let expected = memory.expected(schedule, effects, after, now);
                let found: Vec<&JobScheduleFact> = facts(effects, schedule.id()).collect();
                assert_eq!(found, expected.iter().collect::<Vec<_>>(), "L3, L5: {schedule:?} at {now}");
            }
        }
        for schedule in after.job_schedules() {
            check_versions(before.job_schedule(schedule.id()), effects, schedule);
        }
        for fact in Effect::facts(effects) {
            let Fact::JobSchedule(id, fact) = fact else { continue };
            let memory = self.0.entry(id.clone()).or_default();
            match fact {
                JobScheduleFact::Added { .. } => *memory = Memory::default(),
                JobScheduleFact::JobMade { number, turn } => {
                    memory.last_turn = Some(*turn);
                    memory.last_number = *number;
                    assert!(memory.made.insert(id.job(*number)), "L2: job {number} is made twice");
                }
                JobScheduleFact::TurnLost { turn } => memory.last_turn = Some(*turn),
                JobScheduleFact::Deleting { .. } => {
                    let mut jobs = after.jobs().filter(|job| belongs(job.id(), id));
                    assert!(jobs.all(|job| job.state().name().as_str() == "deleting"), "L5: {id} is deleted");
                }
                _ => {}
            }
        }
    }
}

impl Memory {
    /// What a tick is to do to a schedule.
    fn expected(
        &self,
        schedule: &JobSchedule,
        effects: &[Effect],
        after: &Account,
        now: Timestamp,
    ) -> Vec<JobScheduleFact> {
        let id = schedule.id();
        let at = now.max(schedule.stamps().modified()).max(schedule.stamps().entered());
        // Jobs move first, and what is made now does not count.
        let is_new = |job: &JobId| {
            Effect::facts(effects)
                .any(|fact| matches!(fact, Fact::Job(added, JobFact::Added { .. }) if added == job))
        };
        let jobs: Vec<_> = after.jobs().filter(|job| belongs(job.id(), id) && !is_new(job.id())).collect();
        let alive = jobs
            .iter()
            .any(|job| self.made.contains(job.id()) && !matches!(job.state(), JobState::Completed(_)));
        let completed = JobScheduleFact::Completed { at };
        match schedule.state() {
            JobScheduleState::Deleting { .. } if jobs.is_empty() => vec![JobScheduleFact::Deleted],
            JobScheduleState::Terminating if !alive => vec![completed],
            JobScheduleState::Disabled if !alive && self.is_done(schedule, now) => vec![completed],
            JobScheduleState::Active if !alive => {
                if self.is_done(schedule, now) {
                    return vec![completed];
                }
                let Some(turn) = self.due(schedule, now) else { return Vec::new() };
                let window = schedule.settings().schedule.start_window;
                if window.is_some_and(|window| turn.saturating_add(window.span()) <= now) {
                    let only = schedule.settings().schedule.recurrence_interval.is_none();
                    let lost = JobScheduleFact::TurnLost { turn };
                    return if only { vec![lost, completed] } else { vec![lost] };
                }
                vec![JobScheduleFact::JobMade { number: self.last_number + 1, turn }]
            }
            _ => Vec::new(),
        }
    }

    /// Whether no job will be made any more.
    fn is_done(&self, schedule: &JobSchedule, now: Timestamp) -> bool {
        let times = &schedule.settings().schedule;
        let first = first_turn(schedule);
        let only = times.recurrence_interval.is_none() && self.last_turn.is_some_and(|last| first <= last);
        only || times.do_not_run_after.is_some_and(|after| after < now)
    }

    /// The latest turn that is due and was not before, by counting.
    fn due(&self, schedule: &JobSchedule, now: Timestamp) -> Option<Timestamp> {
        let first = first_turn(schedule);
        let latest = match schedule.settings().schedule.recurrence_interval {
            None => first,
            Some(interval) => {
                let passed = now.since(first).ticks();
                let rest = passed % interval.span().ticks();
                Timestamp::from_ticks(first.ticks() + passed - rest).unwrap()
            }
        };
        (first <= now && self.last_turn.is_none_or(|last| last < latest)).then_some(latest)
    }
}

fn first_turn(schedule: &JobSchedule) -> Timestamp {
    let created = schedule.stamps().created();
    schedule.settings().schedule.do_not_run_until.map_or(created, |until| until.max(created))
}

/// By the text alone.
fn belongs(job: &JobId, schedule: &JobScheduleId) -> bool {
    let prefix = format!("{schedule}:").to_lowercase();
    job.as_str().to_lowercase().starts_with(&prefix)
}

fn facts<'a>(effects: &'a [Effect], id: &'a JobScheduleId) -> impl Iterator<Item = &'a JobScheduleFact> {
    Effect::facts(effects).filter_map(move |fact| match fact {
        Fact::JobSchedule(of, fact) if of == id => Some(fact),
        _ => None,
    })
}

/// I3, L1: stamps never go back, and the ETag moves when it should and only then.
fn check_versions(old: Option<&JobSchedule>, effects: &[Effect], new: &JobSchedule) {
    let id = new.id();
    if let Some((previous, _)) = new.stamps().previous() {
        assert_ne!(previous, JobScheduleStateName::Terminating, "T7: {id}");
    }
    let Some(old) = old else { return };
    assert!(old.stamps().entered() <= new.stamps().entered(), "I3: {id}");
    let moves = |fact: &JobScheduleFact| {
        matches!(
            fact,
            JobScheduleFact::Updated { .. }
                | JobScheduleFact::Touched { .. }
                | JobScheduleFact::Disabled { .. }
                | JobScheduleFact::Enabled { .. }
                | JobScheduleFact::Terminating { .. }
        )
    };
    if facts(effects, id).any(moves) {
        assert!(old.stamps().modified() < new.stamps().modified(), "I3: {id}'s ETag comes again");
    } else {
        assert_eq!(old.etag(), new.etag(), "L1: {id}'s ETag moved");
    }
}
