//! Rules on objects.

use std::panic::{AssertUnwindSafe, catch_unwind};

use kube_cel::cel::{ExecutionError, Value as Cel, parser::Expression};
use serde_json::Value;

use super::{
    Rule,
    functions::CONTEXT,
    meter,
    stack::on_own_stack,
    values::{optional, to_cel},
};
use crate::{Cause, CauseReason, Schema, Type, checks::Checks, correlate::Elements, path::FieldPath};

/// What the rules of a schema say of an object, and of what it was before.
pub(crate) fn evaluate(
    schema: &Schema,
    new: &Value,
    old: Option<&Value>,
    causes: &mut Vec<Cause>,
    max: usize,
) {
    // The interpreter recurses as deeply as expressions are nested.
    let evaluated = on_own_stack(|| {
        let mut found = Vec::new();
        let mut walk = Walk { path: FieldPath::default(), causes: &mut found, budget: meter::OBJECT, max };
        walk.value(schema, new, old);
        found
    });
    match evaluated {
        Ok(mut found) => causes.append(&mut found),
        Err(error) => causes.push(Cause::internal("", &format!("rules were not checked: {error}"))),
    }
}

struct Walk<'a> {
    path: FieldPath,
    causes: &'a mut Vec<Cause>,
    budget: u64,
    max: usize,
}

impl Walk<'_> {
    fn value(&mut self, schema: &Schema, value: &Value, old: Option<&Value>) {
        let Some(checks) = schema.0.checks.as_deref().filter(|checks| checks.rules_below) else { return };
        if value.is_null() || self.causes.len() >= self.max || self.budget == 0 {
            return;
        }
        self.rules(checks, schema, value, old);
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let Some(below) = schema.field(name) else { continue };
                    let mark = self.path.push_field(name);
                    self.value(below, value, old.and_then(|old| old.get(name)));
                    self.path.back(mark);
                }
            }
            Value::Array(elements) => {
                let Some(items) = schema.items() else { return };
                let former = Elements::new(schema, old);
                for (index, element) in elements.iter().enumerate() {
                    let mark = self.path.push_index(index);
                    self.value(items, element, former.of(element));
                    self.path.back(mark);
                }
            }
            _ => {}
        }
    }

    fn rules(&mut self, checks: &Checks, schema: &Schema, value: &Value, old: Option<&Value>) {
        if checks.rules.is_empty() {
            return;
        }
        let unchanged = old == Some(value);
        let new = to_cel(Some(schema), value);
        let former = old.map(|old| to_cel(Some(schema), old));
        for rule in &checks.rules {
            let needs_old = rule.is_transition && !rule.optional_old;
            // What was allowed once stays allowed as long as nobody touches it.
            if needs_old && former.is_none() || unchanged && !rule.is_transition {
                continue;
            }
            let bound = match (&former, rule.optional_old) {
                (former, true) => Some(optional(former.clone())),
                (Some(former), false) => Some(former.clone()),
                (None, false) => None,
            };
            self.rule(rule, schema, &new, bound.as_ref());
            if self.budget == 0 {
                return;
            }
        }
    }

    fn rule(&mut self, rule: &Rule, schema: &Schema, new: &Cel, old: Option<&Cel>) {
        let is_short = self.budget <= meter::RULE;
        let result = self.run(&rule.expression, new, old);
        if result == Ok(Cel::Bool(true)) {
            return;
        }
        let path = match &rule.field_path {
            Some(below) => self.path.field(below),
            None => self.path.as_str().to_owned(),
        };
        // Kubernetes shows the type in the place of the value.
        let kind = Value::from(type_name(schema.kind()));
        let detail = match &result {
            Ok(Cel::Bool(_)) => self.message(rule, new, old),
            Ok(_) => {
                self.causes.push(Cause::invalid(
                    path,
                    &kind,
                    &format!("rule must evaluate to bool: {}", rule.text),
                ));
                return;
            }
            Err(error) => {
                let named = rule.message.as_deref().unwrap_or(&rule.text);
                let detail = match error {
                    Failure::Spent if is_short => {
                        "validation failed due to running out of cost budget, no further validation rules will be run"
                            .to_owned()
                    }
                    Failure::Spent => format!(
                        "'operation cancelled: actual cost limit exceeded': no further validation rules will be run due \
                         to call cost exceeds limit for rule: {named}"
                    ),
                    Failure::Overload => format!(
                        "'no such overload': call arguments did not match a supported operator, function or macro \
                         signature for rule: {named}"
                    ),
                    Failure::Words(words) => format!("{words} evaluating rule: {named}"),
                };
                if *error == Failure::Spent {
                    self.budget = 0;
                }
                self.causes.push(Cause::invalid(self.path.as_str(), &kind, &detail));
                return;
            }
        };
        self.causes.push(match rule.reason {
            CauseReason::Required => Cause::required(path, &detail),
            CauseReason::Forbidden => Cause::forbidden(path, &detail),
            CauseReason::Duplicate => Cause::duplicate(path, &kind),
            _ => Cause::invalid(path, &kind, &detail),
        });
    }

    fn message(&mut self, rule: &Rule, new: &Cel, old: Option<&Cel>) -> String {
        let made =
            rule.message_expression.as_ref().and_then(|expression| self.run(expression, new, old).ok());
        match made {
            Some(Cel::String(text)) if !text.trim().is_empty() && !text.contains('\n') => {
                text.trim().to_owned()
            }
            _ => rule.message.as_deref().map_or_else(|| format!("failed rule: {}", rule.text), str::to_owned),
        }
    }

    /// Evaluates, and takes what it cost from the object's budget.
    fn run(&mut self, expression: &Expression, new: &Cel, old: Option<&Cel>) -> Result<Cel, Failure> {
        let budget = self.budget.min(meter::RULE);
        let (result, used) = meter::within(budget, || {
            let mut scope = CONTEXT.new_inner_scope();
            // Binding copies the values.
            let sizes = meter::size(new) + old.map_or(0, meter::size);
            meter::charge(sizes / 2 + 1).map_err(|_| Failure::Spent)?;
            scope.add_variable_from_value("self", new.clone());
            if let Some(old) = old {
                scope.add_variable_from_value("oldSelf", old.clone());
            }
            // The interpreter has arithmetic on times that panics at the ends of the calendar.
            let run = AssertUnwindSafe(|| Cel::resolve(expression, &scope).map_err(|error| failure(&error)));
            let words = || Failure::Words("the expression cannot be evaluated".to_owned());
            catch_unwind(run).unwrap_or_else(|_| Err(words()))
        });
        self.budget -= used;
        result.unwrap_or(Err(Failure::Spent))
    }
}

/// Why an expression has no value.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// It cost more than it may.
    Spent,
    /// A function or operator does not take what it was given.
    Overload,
    /// Something else, in the words of cel-go, which Kubernetes answers with.
    Words(String),
}

fn failure(error: &ExecutionError) -> Failure {
    Failure::Words(match error {
        ExecutionError::NoSuchKey(key) => format!("no such key: {key}"),
        ExecutionError::DivisionByZero(_) => "division by zero".into(),
        ExecutionError::RemainderByZero(_) => "modulus by zero".into(),
        ExecutionError::Overflow(_, Cel::UInt(_), _) => "unsigned integer overflow".into(),
        ExecutionError::Overflow(..) => "integer overflow".into(),
        ExecutionError::IndexOutOfBounds(Cel::Int(index)) => format!("index out of bounds: {index}"),
        ExecutionError::NoSuchOverload
        | ExecutionError::UnexpectedType { .. }
        | ExecutionError::UnsupportedBinaryOperator(..)
        | ExecutionError::UnsupportedUnaryOperator(..)
        | ExecutionError::UnsupportedIndex(..)
        | ExecutionError::UnsupportedListIndex(_)
        | ExecutionError::UnsupportedMapIndex(_)
        | ExecutionError::UnsupportedTargetType { .. }
        | ExecutionError::NotSupportedAsMethod { .. }
        | ExecutionError::ValuesNotComparable(..) => return Failure::Overload,
        ExecutionError::FunctionError { message, .. } => message.clone(),
        error => error.to_string(),
    })
}

fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::Object | Type::Any => "object",
        Type::Array => "array",
        Type::String | Type::Quantity => "string",
        Type::Integer | Type::IntOrString => "integer",
        Type::Number => "number",
        Type::Boolean => "boolean",
    }
}
