//! Job schedules among the random inputs, and what must hold of them: a second, simpler account of when
//! jobs are made.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use azbatch::{
    Account, Effect, Fact, JobId, JobSchedule, JobScheduleId, Preconditions, TimeSpan, Timestamp,
    job::{JobFact, JobState},
    job_schedule::{
        AddJobSchedule, DeleteJobSchedule, DisableJobSchedule, EnableJobSchedule, JobScheduleChange,
        JobScheduleFact, JobSchedulePatch, JobScheduleSettings, JobScheduleSpecification, JobScheduleState,
        JobScheduleStateName, Period, Schedule, TerminateJobSchedule, UpdateJobSchedule,
    },
    task::Properties,
};

use super::{JobShape, Name, bit};

/// What a user wants of a job schedule.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ScheduleChange {
    Add { times: Times, job: JobShape },
    Times(Times),
    Job(JobShape),
    Disable,
    Enable,
    Terminate { force: bool },
    Delete { force: bool },
}

/// When jobs are made, in minutes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// From now.
    until: Option<u64>,
    /// From now.
    after: Option<u64>,
    window: Option<u64>,
    interval: Option<u64>,
}

impl ScheduleChange {
    pub(super) fn decode(kind: u8, a: u8, b: u8, c: u8) -> Self {
        match kind % 16 {
            0..=6 => Self::Add { times: Times::decode(a), job: JobShape::decode(a, b, c) },
            7..=8 => Self::Times(Times::decode(a)),
            9 => Self::Job(JobShape::decode(a, b, c)),
            10..=11 => Self::Disable,
            12..=13 => Self::Enable,
            14 => Self::Terminate { force: bit(a, 0) },
            _ => Self::Delete { force: bit(a, 0) },
        }
    }

    pub(super) fn make(
        self,
        account: &mut Account,
        schedule: JobScheduleId,
        now: Timestamp,
    ) -> Option<Vec<Effect>> {
        let force = |force: bool, account: &Account| force.then_some(account.force_timeout());
        let preconditions = Preconditions::None;
        let patch = |patch: JobSchedulePatch| {
            let change = JobScheduleChange::Patch(patch);
            UpdateJobSchedule { change, preconditions: Preconditions::None }
        };
        let result = match self {
            Self::Add { times, job } => {
                let add_job = job.command(Name::nth(2), now);
                let settings = JobScheduleSettings {
                    schedule: times.schedule(now),
                    job: Arc::new(add_job.specification.template.clone()),
                    job_settings: add_job.settings,
                    other: Properties::new(),
                };
                let specification = JobScheduleSpecification { id: schedule, other: Properties::new() };
                let command =
                    AddJobSchedule { specification: specification.into(), settings: settings.into() };
                account.add_job_schedule(&command, now)
            }
            Self::Times(times) => {
                let times = Some(times.schedule(now));
                let command = patch(JobSchedulePatch { schedule: times, ..JobSchedulePatch::default() });
                account.update_job_schedule(&schedule, &command, now)
            }
            Self::Job(job) => {
                let add_job = job.command(Name::nth(2), now);
                let job = Some((Arc::new(add_job.specification.template.clone()), add_job.settings));
                let command = patch(JobSchedulePatch { job, ..JobSchedulePatch::default() });
                account.update_job_schedule(&schedule, &command, now)
            }
            Self::Disable => {
                account.disable_job_schedule(&schedule, &DisableJobSchedule { preconditions }, now)
            }
            Self::Enable => account.enable_job_schedule(&schedule, &EnableJobSchedule { preconditions }, now),
            Self::Terminate { force: forced } => {
                let command = TerminateJobSchedule { force: force(forced, account), preconditions };
                account.terminate_job_schedule(&schedule, &command, now)
            }
            Self::Delete { force: forced } => {
                let command = DeleteJobSchedule { force: force(forced, account), preconditions };
                account.delete_job_schedule(&schedule, &command, now)
            }
        };
        result.ok()
    }
}

impl Times {
    fn decode(byte: u8) -> Self {
        Self {
            until: [None, None, None, Some(30)][usize::from(byte & 3)],
            after: [None, None, None, Some(200)][usize::from(byte >> 2 & 3)],
            window: [None, Some(1), Some(30), Some(100)][usize::from(byte >> 4 & 3)],
            interval: [Some(60), Some(60), Some(1), None][usize::from(byte >> 6)],
        }
    }

    fn schedule(self, now: Timestamp) -> Schedule {
        let minutes = |minutes: u64| TimeSpan::from_secs(minutes * 60);
        let later = |from_now: u64| now.saturating_add(minutes(from_now));
        let period = |length: u64| Period::new(minutes(length)).unwrap();
        Schedule {
            do_not_run_until: self.until.map(later),
            do_not_run_after: self.after.map(later),
            start_window: self.window.map(period),
            recurrence_interval: self.interval.map(period),
        }
    }
}

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
