//! How a pool scales by a formula: its settings, what was counted, and the latest run.

use alloc::{collections::VecDeque, string::String};

use crate::{
    Preconditions, TimeSpan, Timestamp,
    autoscale::{EvaluationError, Formula},
    error::Unfit,
};

/// How a pool scales ([P15](crate::evidence#p15)).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AutoScaleSettings {
    /// The formula.
    pub formula: Formula,
    /// How long after an evaluation the next one is due.
    pub evaluation_interval: EvaluationInterval,
}

/// How long after an evaluation the next one is due: `PT5M` to `P7D` ([P15](crate::evidence#p15)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "TimeSpan", into = "TimeSpan")
)]
pub struct EvaluationInterval(TimeSpan);

impl EvaluationInterval {
    /// `PT15M`.
    pub const DEFAULT: Self = Self(TimeSpan::from_mins(15));
    /// `PT5M`.
    pub const MIN: Self = Self(TimeSpan::from_mins(5));
    /// `P7D`.
    pub const MAX: Self = Self(TimeSpan::from_days(7));

    /// `None` if it is too short or too long.
    pub fn new(span: TimeSpan) -> Option<Self> {
        (Self::MIN.0..=Self::MAX.0).contains(&span).then_some(Self(span))
    }

    /// The span of time.
    pub const fn get(self) -> TimeSpan {
        self.0
    }
}

impl Default for EvaluationInterval {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl From<EvaluationInterval> for TimeSpan {
    fn from(interval: EvaluationInterval) -> Self {
        interval.0
    }
}

/// A span of time that is too short or too long for an [`EvaluationInterval`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an evaluation interval is from PT5M to P7D")]
pub struct InvalidInterval;

impl TryFrom<TimeSpan> for EvaluationInterval {
    type Error = InvalidInterval;

    fn try_from(span: TimeSpan) -> Result<Self, InvalidInterval> {
        Self::new(span).ok_or(InvalidInterval)
    }
}

/// Lets a pool scale by a formula, or changes how: `Pool - Enable Auto Scale`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct EnableAutoScale {
    /// The formula; `None` keeps the one that the pool has.
    pub formula: Option<Formula>,
    /// The interval; `None` keeps the one that the pool has.
    pub evaluation_interval: Option<EvaluationInterval>,
    /// The conditions on the pool's version.
    pub preconditions: Preconditions,
}

/// An evaluation of a formula, as the service shows it ([P16](crate::evidence#p16)).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AutoScaleRun {
    /// When it was.
    pub timestamp: Timestamp,
    /// The values of the variables, such as `$TargetDedicatedNodes=1`.
    pub results: String,
    /// Why it failed, if it did.
    pub error: Option<EvaluationError>,
}

/// What was counted at one time ([P18](crate::evidence#p18)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PoolSample {
    /// When.
    pub at: Timestamp,
    /// Tasks that could run and do not.
    pub active_tasks: u32,
    /// Tasks on nodes.
    pub running_tasks: u32,
    /// Tasks that ended successfully.
    pub succeeded_tasks: u32,
    /// Tasks that failed.
    pub failed_tasks: u32,
    /// Dedicated nodes, without those that are leaving.
    pub dedicated_nodes: u32,
    /// Low-priority nodes, without those that are leaving.
    pub low_priority_nodes: u32,
    /// Preempted nodes.
    pub preempted_nodes: u32,
    /// Nodes that take tasks.
    pub usable_nodes: u32,
}

/// How a pool scales by its formula, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AutoScale {
    settings: AutoScaleSettings,
    /// When a user enabled or changed it last.
    enabled: Timestamp,
    /// `None` if it would be after the end of time.
    next_evaluation: Option<Timestamp>,
    run: Option<AutoScaleRun>,
    /// The oldest first.
    samples: VecDeque<PoolSample>,
}

impl AutoScale {
    /// How long after a sample the next one is due: `PT30S`.
    pub const SAMPLE_PERIOD: TimeSpan = TimeSpan::from_secs(30);
    /// How many samples are kept: those of a day ([P18](crate::evidence#p18)).
    pub const MAX_SAMPLES: usize = 2880;
    /// How long after an enabling the next one is accepted: `PT30S` ([P17](crate::evidence#p17)).
    pub const ENABLE_PERIOD: TimeSpan = TimeSpan::from_secs(30);

    pub(super) fn new(settings: AutoScaleSettings, at: Timestamp) -> Self {
        Self { settings, enabled: at, next_evaluation: Some(at), run: None, samples: VecDeque::new() }
    }

    /// The formula and the interval.
    pub fn settings(&self) -> &AutoScaleSettings {
        &self.settings
    }

    /// The latest evaluation.
    pub fn run(&self) -> Option<&AutoScaleRun> {
        self.run.as_ref()
    }

    /// What was counted, the oldest first.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = &PoolSample> + ExactSizeIterator {
        self.samples.iter()
    }

    /// When a user enabled or changed it last.
    pub fn enabled(&self) -> Timestamp {
        self.enabled
    }

    /// When the next sample is due, if time goes on so far (P18).
    pub(crate) fn next_sample(&self) -> Option<Timestamp> {
        match self.samples.back() {
            Some(latest) => latest.at.checked_add(Self::SAMPLE_PERIOD),
            None => Some(self.enabled),
        }
    }

    /// When the next evaluation is due, if time goes on so far (P16).
    pub(crate) fn next_evaluation(&self) -> Option<Timestamp> {
        self.next_evaluation
    }

    pub(super) fn due(&self) -> Option<Timestamp> {
        [self.next_sample(), self.next_evaluation].into_iter().flatten().min()
    }

    /// P15: only a new interval begins again.
    pub(super) fn change(&mut self, settings: AutoScaleSettings, restarts: bool, at: Timestamp) {
        self.settings = settings;
        self.enabled = at;
        if restarts {
            self.next_evaluation = Some(at);
        }
    }

    pub(super) fn add_sample(&mut self, sample: PoolSample) -> Result<(), Unfit> {
        if self.samples.back().is_some_and(|latest| sample.at <= latest.at) {
            return Err(Unfit("the pool has this sample or a later one"));
        }
        self.samples.push_back(sample);
        if self.samples.len() > Self::MAX_SAMPLES {
            self.samples.pop_front();
        }
        Ok(())
    }

    pub(super) fn evaluated(&mut self, run: AutoScaleRun) {
        if self.next_evaluation.is_none_or(|next| next <= run.timestamp) {
            self.next_evaluation = run.timestamp.checked_add(self.settings.evaluation_interval.get());
        }
        self.run = Some(run);
    }

    /// Whether what is stored could have come about (P18).
    pub(crate) fn is_consistent(&self) -> bool {
        self.samples.len() <= Self::MAX_SAMPLES
            && self.samples.iter().map(|sample| sample.at).is_sorted_by(|one, next| one < next)
    }
}
