//! What a formula makes of its metrics.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::Write;

use crate::{
    allocation::{NodeCounts, NodeFillType},
    autoscale::{
        functions::{self, MethodError},
        operators,
        samples::{Metric, Metrics},
        tree::{Binary, Expression, Formula, Kind, Member, Position},
        value::{Value, part_of_time},
    },
    node::NodeTasks,
};

/// What a formula says of a pool at one time ([P12](crate::evidence#p12)).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Evaluation {
    /// How many nodes the pool is to have: as before if there is an error, or for what the formula does
    /// not say.
    pub target: NodeCounts,
    /// What becomes of the tasks on nodes that leave.
    pub tasks: NodeTasks,
    /// Which node a task is assigned to, if the formula says so.
    pub node_fill_type: Option<NodeFillType>,
    /// Why the evaluation ended before the end of the formula, unless `stop()` ended it.
    pub error: Option<EvaluationError>,
    /// The formula's own variables, with their values as text.
    variables: BTreeMap<String, String>,
}

impl Evaluation {
    /// The values of all variables, as the service shows them ([P14](crate::evidence#p14)).
    pub fn results(&self) -> String {
        let mut results = format!(
            "$TargetDedicatedNodes={};$TargetLowPriorityNodes={};$NodeDeallocationOption={}",
            self.target.dedicated, self.target.low_priority, self.tasks
        );
        if let Some(fill_type) = self.node_fill_type {
            // Writing to a string does not fail.
            write!(results, ";$NodeFillType={fill_type}").unwrap_or_default();
        }
        for (name, value) in &self.variables {
            write!(results, ";{name}={value}").unwrap_or_default();
        }
        results
    }
}

/// Why an evaluation failed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[error("Line {line}, Col {column}: {what}")]
pub struct EvaluationError {
    /// The line, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
    /// Whether there are too few samples; anything else is a mistake in the formula.
    pub is_insufficient_data: bool,
    /// What is wrong.
    pub what: String,
}

impl Formula {
    /// Evaluates the formula. It takes time and memory in proportion to the formula's length at most.
    pub fn evaluate(&self, metrics: &impl Metrics) -> Evaluation {
        let mut machine = Machine { metrics, variables: BTreeMap::new(), random: metrics.now().ticks() };
        let error = match machine.run(self) {
            Ok(()) | Err(Halt::Stopped) => None,
            Err(Halt::Failed(error)) => Some(error),
        };
        let target = metrics.target();
        let (dedicated, low_priority) = (machine.target(true), machine.target(false));
        let is_valid = error.is_none();
        Evaluation {
            target: NodeCounts {
                dedicated: dedicated.filter(|_| is_valid).unwrap_or(target.dedicated),
                low_priority: low_priority.filter(|_| is_valid).unwrap_or(target.low_priority),
            },
            tasks: machine.choice(TASKS).unwrap_or_default(),
            node_fill_type: machine.choice(FILL_TYPE),
            error,
            variables: machine.own_variables(),
        }
    }
}

/// The names of the targets; an alias counts where the full name was not set.
const DEDICATED: [&str; 2] = ["$TargetDedicatedNodes", "$TargetDedicated"];
const LOW_PRIORITY: [&str; 2] = ["$TargetLowPriorityNodes", "$TargetLowPriority"];
const TASKS: &str = "$NodeDeallocationOption";
const FILL_TYPE: &str = "$NodeFillType";

/// Why an evaluation ends early.
enum Halt {
    Stopped,
    Failed(EvaluationError),
}

impl Halt {
    fn failed(at: Position, what: impl Into<String>) -> Self {
        let (line, column) = (at.line, at.column);
        Self::Failed(EvaluationError { line, column, is_insufficient_data: false, what: what.into() })
    }

    fn insufficient(at: Position, metric: Metric, wanted: f64, received: f64) -> Self {
        let what = format!(
            "Insufficient data from data set: {metric} wanted {}%, received {}%",
            libm::round(wanted),
            libm::floor(received)
        );
        let (line, column) = (at.line, at.column);
        Self::Failed(EvaluationError { line, column, is_insufficient_data: true, what })
    }
}

type Evaluated = Result<Value, Halt>;

struct Machine<'a, M> {
    metrics: &'a M,
    variables: BTreeMap<String, Value>,
    /// What the next random number is made of.
    random: u64,
}

impl<M: Metrics> Machine<'_, M> {
    fn run(&mut self, formula: &Formula) -> Result<(), Halt> {
        for statement in formula.statements.iter() {
            let value = self.evaluate(&statement.value)?;
            if let Some(variable) = &statement.variable {
                self.assign(variable, value).map_err(|what| Halt::failed(statement.value.at, what))?;
            }
        }
        Ok(())
    }

    fn assign(&mut self, variable: &str, value: Value) -> Result<(), String> {
        let value = self.plain(value)?;
        if Metric::named(variable).is_some() || constant(variable).is_some() {
            return Err(format!("`{variable}` cannot be set"));
        }
        let is_right = match variable {
            name if DEDICATED.contains(&name) || LOW_PRIORITY.contains(&name) => {
                matches!(value, Value::Number(number) if number.is_finite())
            }
            TASKS => as_choice::<NodeTasks>(&value).is_some(),
            FILL_TYPE => as_choice::<NodeFillType>(&value).is_some(),
            _ => true,
        };
        if !is_right {
            return Err(format!("`{variable}` cannot be `{value}`"));
        }
        self.variables.insert(variable.into(), value);
        Ok(())
    }

    fn evaluate(&mut self, expression: &Expression) -> Evaluated {
        let at = expression.at;
        let failed = |what: String| Halt::failed(at, what);
        match &expression.kind {
            Kind::Number(number) => Ok(Value::Number(*number)),
            Kind::Text(text) => Ok(Value::Text(text.clone())),
            Kind::Name(name) => self.named(name).ok_or_else(|| failed(format!("`{name}` is not defined"))),
            Kind::List(items) => {
                let items = self.all(items)?;
                functions::call("vec", &items, self.metrics.now()).map_err(failed)
            }
            Kind::Call { function, arguments } => self.call(at, function, arguments),
            Kind::Members { of, members } => self.members(of, members),
            Kind::Unary { operator, operand } => {
                let operand = self.operand(operand)?;
                operators::unary(*operator, &operand).map_err(failed)
            }
            Kind::Chain { first, rest } => {
                let mut value = self.operand(first)?;
                for (operator, operand) in rest {
                    value = self.binary(at, *operator, &value, operand)?;
                }
                Ok(value)
            }
            Kind::Choice { arms, otherwise } => {
                for (condition, value) in arms {
                    if self.condition(condition)? {
                        return self.evaluate(value);
                    }
                }
                self.evaluate(otherwise)
            }
        }
    }

    fn all(&mut self, expressions: &[Expression]) -> Result<Vec<Value>, Halt> {
        expressions.iter().map(|expression| self.operand(expression)).collect()
    }

    /// A value that is not a metric, which stands for its number.
    fn operand(&mut self, expression: &Expression) -> Evaluated {
        let value = self.evaluate(expression)?;
        self.plain(value).map_err(|what| Halt::failed(expression.at, what))
    }

    fn plain(&self, value: Value) -> Result<Value, String> {
        match value {
            Value::Metric(metric) => {
                let number = self.metrics.value(metric).map(Value::Number);
                number.ok_or_else(|| format!("there are no samples of {metric}"))
            }
            Value::Number(_) | Value::Vector(_) | Value::Text(_) | Value::Time(_) | Value::Interval(_) => {
                Ok(value)
            }
        }
    }

    /// Only a number says whether something holds.
    fn condition(&mut self, expression: &Expression) -> Result<bool, Halt> {
        let value = self.operand(expression)?;
        if let Value::Number(number) = value {
            return Ok(number != 0.0);
        }
        Err(Halt::failed(expression.at, format!("a condition cannot be a {}", value.type_name())))
    }

    /// `&&` and `||` leave out what does not matter.
    fn binary(&mut self, at: Position, operator: Binary, left: &Value, right: &Expression) -> Evaluated {
        let decides = match (operator, left) {
            (Binary::And, Value::Number(number)) => *number == 0.0,
            (Binary::Or, Value::Number(number)) => *number != 0.0,
            (Binary::And | Binary::Or | Binary::Compare(_) | Binary::Compute(_), _) => false,
        };
        if decides {
            return Ok(Value::of_bool(operator == Binary::Or));
        }
        let right = self.operand(right)?;
        let result = match (operator, left, &right) {
            (Binary::Compare(operator), ..) => operators::compare(operator, left, &right),
            (Binary::Compute(operator), ..) => operators::compute(operator, left, &right),
            (Binary::And | Binary::Or, Value::Number(_), Value::Number(number)) => {
                Ok(Value::of_bool(*number != 0.0))
            }
            (Binary::And | Binary::Or, ..) => Err(operators::mismatch(operator, left, &right)),
        };
        result.map_err(|what| Halt::failed(at, what))
    }

    fn call(&mut self, at: Position, function: &str, arguments: &[Expression]) -> Evaluated {
        let arguments = self.all(arguments)?;
        match (function, arguments.as_slice()) {
            ("stop", []) => Err(Halt::Stopped),
            ("rand", []) => Ok(Value::Number(self.next_random())),
            (function, arguments) => {
                let result = functions::call(function, arguments, self.metrics.now());
                result.map_err(|what| Halt::failed(at, what))
            }
        }
    }

    /// At least 0 and less than 1. The same time gives the same numbers (I5).
    #[allow(clippy::cast_precision_loss, reason = "53 bits are what a double holds")]
    fn next_random(&mut self) -> f64 {
        // SplitMix64.
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.random;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn members(&mut self, of: &Expression, members: &[Member]) -> Evaluated {
        let mut value = self.evaluate(of)?;
        for member in members {
            value = self.member(of.at, &value, member)?;
        }
        Ok(value)
    }

    fn member(&mut self, at: Position, of: &Value, Member { name, arguments }: &Member) -> Evaluated {
        match (of, arguments) {
            (Value::Metric(metric), Some(arguments)) => {
                let arguments = self.all(arguments)?;
                let result = functions::method(*metric, name, &arguments, self.metrics);
                result.map_err(|error| match error {
                    MethodError::Insufficient { wanted, received } => {
                        Halt::insufficient(at, *metric, wanted, received)
                    }
                    MethodError::Other(what) => Halt::failed(at, what),
                })
            }
            (Value::Time(time), None) => {
                let part = part_of_time(*time, name).map(Value::Number);
                part.ok_or_else(|| Halt::failed(at, format!("a timestamp has no member `{name}`")))
            }
            (of, _) => Err(Halt::failed(at, format!("a {} has no member `{name}`", of.type_name()))),
        }
    }

    /// A variable, a metric or a constant.
    fn named(&self, name: &str) -> Option<Value> {
        let known = |names: [&str; 2]| names.contains(&name);
        if known(DEDICATED) || known(LOW_PRIORITY) {
            let mut names = if known(DEDICATED) { DEDICATED } else { LOW_PRIORITY };
            if names.first() != Some(&name) {
                names.reverse();
            }
            let set = names.iter().find_map(|name| self.variables.get(*name)).cloned();
            let target = self.metrics.target();
            let target = if known(DEDICATED) { target.dedicated } else { target.low_priority };
            return set.or(Some(Value::Number(target.into())));
        }
        let set = self.variables.get(name).cloned();
        set.or_else(|| Metric::named(name).map(Value::Metric)).or_else(|| constant(name))
    }

    /// The target that the formula has set: what is less than 0 is 0, and a fraction is cut off (P13).
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what is out of range becomes the nearest number"
    )]
    fn target(&self, dedicated: bool) -> Option<u32> {
        let names = if dedicated { DEDICATED } else { LOW_PRIORITY };
        match names.iter().find_map(|name| self.variables.get(*name))? {
            Value::Number(number) => Some(number.clamp(0.0, f64::from(i32::MAX)) as u32),
            Value::Vector(_) | Value::Text(_) | Value::Time(_) | Value::Interval(_) | Value::Metric(_) => {
                None
            }
        }
    }

    fn choice<T: core::str::FromStr>(&self, name: &str) -> Option<T> {
        self.variables.get(name).and_then(as_choice)
    }

    fn own_variables(self) -> BTreeMap<String, String> {
        let is_known = |name: &str| {
            DEDICATED.contains(&name) || LOW_PRIORITY.contains(&name) || name == TASKS || name == FILL_TYPE
        };
        let own = self.variables.into_iter().filter(|(name, _)| !is_known(name));
        own.map(|(name, value)| (name, value.to_string())).collect()
    }
}

/// A choice by its name on the wire.
fn as_choice<T: core::str::FromStr>(value: &Value) -> Option<T> {
    match value {
        Value::Text(text) => text.parse().ok(),
        Value::Number(_) | Value::Vector(_) | Value::Time(_) | Value::Interval(_) | Value::Metric(_) => None,
    }
}

/// What names that nobody has set stand for.
fn constant(name: &str) -> Option<Value> {
    const SECOND: i64 = 10_000_000;
    Some(match name {
        "TimeInterval_Zero" => Value::Interval(0),
        "TimeInterval_100ns" => Value::Interval(1),
        "TimeInterval_Microsecond" => Value::Interval(10),
        "TimeInterval_Millisecond" => Value::Interval(10_000),
        "TimeInterval_Second" => Value::Interval(SECOND),
        "TimeInterval_Minute" => Value::Interval(60 * SECOND),
        "TimeInterval_Hour" => Value::Interval(3600 * SECOND),
        "TimeInterval_Day" => Value::Interval(24 * 3600 * SECOND),
        "TimeInterval_Week" => Value::Interval(7 * 24 * 3600 * SECOND),
        "TimeInterval_Year" => Value::Interval(365 * 24 * 3600 * SECOND),
        name if NodeTasks::NAMES.contains(&name) => Value::Text(name.into()),
        "spread" | "Spread" => Value::Text(NodeFillType::Spread.as_str().into()),
        "pack" | "Pack" => Value::Text(NodeFillType::Pack.as_str().into()),
        _ => return None,
    })
}
