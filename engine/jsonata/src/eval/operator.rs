//! Operators.

use std::cmp::Ordering;

use super::{Env, Machine};
use crate::ast::{Binary, Node, Operator};
use crate::error::{Error, Outcome};
use crate::limits::STRING_MAX;
use crate::value::{
    Array, Flags, Value, View, compare_text, equal, is_same, quote, to_text, truth,
};

/// Longest range, as in the reference.
const RANGE_MAX: f64 = 1e7;

impl Machine<'_> {
    pub(super) fn binary(
        &mut self,
        node: &Node,
        binary: &Binary,
        input: &Value,
        env: &Env,
    ) -> Outcome<Value> {
        let lhs = self.eval(&binary.lhs, input, env)?;
        let operator = binary.operator;
        if matches!(operator, Operator::And | Operator::Or) {
            let decided = truth(&lhs, &mut self.fuel);
            return self.logic(binary, decided, input, env).map_err(|e| blamed(e, node, operator));
        }
        let rhs = self.eval(&binary.rhs, input, env)?;
        self.operate(operator, &lhs, &rhs).map_err(|error| blamed(error, node, operator))
    }

    /// `and` and `or`: the right side is evaluated only when it counts.
    fn logic(
        &mut self,
        binary: &Binary,
        lhs: Outcome<bool>,
        input: &Value,
        env: &Env,
    ) -> Outcome<Value> {
        if lhs? == (binary.operator == Operator::Or) {
            return Ok(Value::from(binary.operator == Operator::Or));
        }
        let rhs = self.eval(&binary.rhs, input, env)?;
        truth(&rhs, &mut self.fuel).map(Value::from)
    }

    fn operate(&mut self, operator: Operator, lhs: &Value, rhs: &Value) -> Outcome<Value> {
        match operator {
            Operator::Add
            | Operator::Subtract
            | Operator::Multiply
            | Operator::Divide
            | Operator::Modulo => arithmetic(operator, lhs, rhs),
            Operator::Equal | Operator::NotEqual => {
                if lhs.is_undefined() || rhs.is_undefined() {
                    return Ok(false.into());
                }
                let is_equal = equal(lhs, rhs, &mut self.fuel)?;
                Ok((is_equal == (operator == Operator::Equal)).into())
            }
            Operator::Concatenate => self.concatenate(lhs, rhs),
            Operator::In => self.includes(lhs, rhs),
            Operator::Range => self.range(lhs, rhs),
            _ => compare(operator, lhs, rhs),
        }
    }

    fn concatenate(&mut self, lhs: &Value, rhs: &Value) -> Outcome<Value> {
        let left = to_text(lhs, false, &mut self.fuel)?;
        let right = to_text(rhs, false, &mut self.fuel)?;
        if right.is_empty() {
            return Ok(Value::text(left));
        }
        let length = left.len() + right.len();
        self.fuel.pay_bytes(length)?;
        if length > STRING_MAX {
            return Err(Error::limit("D1016", STRING_MAX));
        }
        let mut text = String::with_capacity(length);
        text.push_str(&left);
        text.push_str(&right);
        Ok(Value::text(text))
    }

    fn includes(&mut self, lhs: &Value, rhs: &Value) -> Outcome<Value> {
        if lhs.is_undefined() || rhs.is_undefined() {
            return Ok(false.into());
        }
        let Some(items) = rhs.items() else { return Ok(is_same(lhs, rhs).into()) };
        self.fuel.pay(items.len() as u64)?;
        Ok(items.iter().any(|item| is_same(&item, lhs)).into())
    }

    fn range(&mut self, lhs: &Value, rhs: &Value) -> Outcome<Value> {
        let (Some(first), Some(last)) = (whole(lhs, "T2003")?, whole(rhs, "T2004")?) else {
            return Ok(Value::Undefined);
        };
        if first > last {
            return Ok(Value::Undefined);
        }
        let size = last - first + 1.0;
        if size > RANGE_MAX {
            return Err(Error::new("D2014").with_json("value", &quote(&Value::Number(size))));
        }
        self.fuel.pay(size as u64)?;
        self.fuel.check_memory(size as usize * size_of::<Value>())?;
        let items = (0..size as u64).map(|at| Value::Number(first + at as f64)).collect();
        Ok(Value::Array(Array::new(items, Flags::SEQUENCE)))
    }

    pub(super) fn negate(
        &mut self,
        node: &Node,
        operand: &Node,
        input: &Value,
        env: &Env,
    ) -> Outcome<Value> {
        let value = self.eval(operand, input, env)?;
        match value.view() {
            View::Undefined => Ok(Value::Undefined),
            View::Number(number) if !number.is_nan() => {
                finite(&value).map(|number| Value::Number(-number))
            }
            _ => {
                let error = Error::new("D1002").at(node.position).with_token("-");
                Err(error.with_json("value", &quote(&value)))
            }
        }
    }
}

/// The operator and its place are named by its errors; by those from the right side of `and` and `or`
/// too, as in the reference.
fn blamed(error: Box<Error>, node: &Node, operator: Operator) -> Box<Error> {
    error.at(node.position).with_token(operator.text())
}

fn finite(value: &Value) -> Outcome<f64> {
    match value.as_f64() {
        Some(number) if number.is_infinite() => {
            Err(Error::new("D1001").with_json("value", &quote(value)))
        }
        Some(number) => Ok(number),
        None => Ok(f64::NAN),
    }
}

/// A number, nothing, or an error of that code.
fn operand(value: &Value, code: &'static str) -> Outcome<Option<f64>> {
    match value.view() {
        View::Undefined => Ok(None),
        View::Number(number) if !number.is_nan() => finite(value).map(Some),
        _ => Err(Error::new(code).with_json("value", &quote(value))),
    }
}

fn whole(value: &Value, code: &'static str) -> Outcome<Option<f64>> {
    match value.view() {
        View::Undefined => Ok(None),
        View::Number(number) if number.fract() == 0.0 => Ok(Some(number)),
        _ => Err(Error::new(code).with_json("value", &quote(value))),
    }
}

fn arithmetic(operator: Operator, lhs: &Value, rhs: &Value) -> Outcome<Value> {
    let (a, b) = (operand(lhs, "T2001")?, operand(rhs, "T2002")?);
    let (Some(a), Some(b)) = (a, b) else { return Ok(Value::Undefined) };
    Ok(Value::Number(match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide => a / b,
        _ => a % b,
    }))
}

fn compare(operator: Operator, lhs: &Value, rhs: &Value) -> Outcome<Value> {
    let comparable =
        |value: &Value| matches!(value.view(), View::Undefined | View::Number(_) | View::Text(_));
    if !comparable(lhs) || !comparable(rhs) {
        let is_scalar = matches!(lhs.view(), View::Number(_) | View::Text(_));
        let culprit = if is_scalar { rhs } else { lhs };
        return Err(Error::new("T2010").with_json("value", &quote(culprit)));
    }
    let order = match (lhs.view(), rhs.view()) {
        (View::Undefined, _) | (_, View::Undefined) => return Ok(Value::Undefined),
        (View::Number(a), View::Number(b)) => a.partial_cmp(&b),
        (View::Text(a), View::Text(b)) => Some(compare_text(a, b)),
        _ => {
            let error = Error::new("T2009").with_json("value", &quote(lhs));
            return Err(error.with_json("value2", &quote(rhs)));
        }
    };
    let holds = match operator {
        Operator::Less => order == Some(Ordering::Less),
        Operator::LessOrEqual => matches!(order, Some(Ordering::Less | Ordering::Equal)),
        Operator::Greater => order == Some(Ordering::Greater),
        _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
    };
    Ok(holds.into())
}
