//! The operators, for the types of operands that they are documented for (P12).

use alloc::{format, string::String, vec::Vec};
use core::cmp::Ordering;

use crate::{
    Timestamp,
    autoscale::{
        tree::{Arithmetic, Binary, Comparison, Unary},
        value::Value,
    },
};

/// `-` and `!`.
pub(super) fn unary(operator: Unary, operand: &Value) -> Result<Value, String> {
    match (operator, operand) {
        (Unary::Minus, Value::Number(number)) => Ok(Value::Number(-number)),
        (Unary::Not, Value::Number(number)) => Ok(Value::of_bool(*number == 0.0)),
        (Unary::Minus, Value::Interval(ticks)) => Ok(Value::Interval(ticks.saturating_neg())),
        (Unary::Minus, operand) => Err(format!("`-` does not take a {}", operand.type_name())),
        (Unary::Not, operand) => Err(format!("`!` does not take a {}", operand.type_name())),
    }
}

/// Why an operator does not take these operands.
pub(super) fn mismatch(operator: Binary, left: &Value, right: &Value) -> String {
    let (symbol, left, right) = (operator.as_str(), left.type_name(), right.type_name());
    format!("`{symbol}` does not take a {left} and a {right}")
}

/// `==`, `<` and so on: 1 or 0.
pub(super) fn compare(operator: Comparison, left: &Value, right: &Value) -> Result<Value, String> {
    let ordering = match (left, right) {
        (Value::Number(one), Value::Number(other)) => one.partial_cmp(other),
        (Value::Text(one), Value::Text(other)) => Some(one.cmp(other)),
        (Value::Time(one), Value::Time(other)) => Some(one.cmp(other)),
        (Value::Interval(one), Value::Interval(other)) => Some(one.cmp(other)),
        _ => return Err(mismatch(Binary::Compare(operator), left, right)),
    };
    // Without an order, which is so for NaN, only `!=` holds.
    Ok(Value::of_bool(match operator {
        Comparison::Equal => ordering == Some(Ordering::Equal),
        Comparison::NotEqual => ordering != Some(Ordering::Equal),
        Comparison::Less => ordering == Some(Ordering::Less),
        Comparison::LessOrEqual => ordering.is_some_and(Ordering::is_le),
        Comparison::Greater => ordering == Some(Ordering::Greater),
        Comparison::GreaterOrEqual => ordering.is_some_and(Ordering::is_ge),
    }))
}

/// `+`, `-`, `*` and `/`.
pub(super) fn compute(operator: Arithmetic, left: &Value, right: &Value) -> Result<Value, String> {
    let result = match (left, operator, right) {
        (Value::Number(one), _, Value::Number(other)) => {
            Ok(Value::Number(of_numbers(operator, *one, *other)))
        }
        (Value::Vector(elements), _, Value::Number(other)) => {
            Value::of_vector(elements.iter().map(|one| of_numbers(operator, *one, *other)).collect())
        }
        (Value::Vector(ones), _, Value::Vector(others)) => of_vectors(operator, ones, others),
        (Value::Number(number), Arithmetic::Times, Value::Interval(ticks))
        | (Value::Interval(ticks), Arithmetic::Times, Value::Number(number)) => {
            Value::of_ticks(as_float(*ticks) * number)
        }
        (Value::Interval(ticks), Arithmetic::Divide, Value::Number(number)) => {
            Value::of_ticks(as_float(*ticks) / number)
        }
        (Value::Interval(one), Arithmetic::Plus, Value::Interval(other)) => interval(one.checked_add(*other)),
        (Value::Interval(one), Arithmetic::Minus, Value::Interval(other)) => {
            interval(one.checked_sub(*other))
        }
        (Value::Interval(ticks), Arithmetic::Plus, Value::Time(time))
        | (Value::Time(time), Arithmetic::Plus, Value::Interval(ticks)) => {
            shifted(*time, *ticks).map(Value::Time)
        }
        (Value::Time(one), Arithmetic::Minus, Value::Time(other)) => {
            interval(one.ticks().cast_signed().checked_sub(other.ticks().cast_signed()))
        }
        _ => return Err(mismatch(Binary::Compute(operator), left, right)),
    };
    result.map_err(String::from)
}

fn of_numbers(operator: Arithmetic, one: f64, other: f64) -> f64 {
    match operator {
        Arithmetic::Plus => one + other,
        Arithmetic::Minus => one - other,
        Arithmetic::Times => one * other,
        Arithmetic::Divide => one / other,
    }
}

fn of_vectors(operator: Arithmetic, ones: &[f64], others: &[f64]) -> Result<Value, &'static str> {
    if ones.len() != others.len() {
        return Err("the vectors have different lengths");
    }
    let pairs = ones.iter().zip(others);
    let elements: Vec<f64> = pairs.map(|(one, other)| of_numbers(operator, *one, *other)).collect();
    Value::of_vector(elements)
}

fn interval(ticks: Option<i64>) -> Result<Value, &'static str> {
    ticks.map(Value::Interval).ok_or("the timeinterval is out of range")
}

/// The instant so many ticks later, or earlier.
pub(super) fn shifted(time: Timestamp, ticks: i64) -> Result<Timestamp, &'static str> {
    let shifted = time.ticks().checked_add_signed(ticks).and_then(Timestamp::from_ticks);
    shifted.ok_or("the timestamp is out of range")
}

#[allow(clippy::cast_precision_loss, reason = "all numbers of a formula are of this precision")]
fn as_float(ticks: i64) -> f64 {
    ticks as f64
}
