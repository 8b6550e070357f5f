//! From the words of a definition to rules.

use kube_cel::cel::parser::{Expression, Parser};
use serde_json::Value;

use super::{Rule, estimate::estimate, rewrite, stack::on_own_stack};
use crate::{Cause, CauseReason, Schema, path::FieldPath};

/// How many brackets may be opened, wherever they stand: what is text and what is not, only the parser knows.
const MAX_BRACKETS: usize = 200;
/// How long an expression may be, in bytes.
const MAX_LENGTH: usize = 10_000;

/// Compiles the rules of a place. What is wrong with them becomes causes. `uncorrelated` is the list around it, if any,
/// that gives its elements no state before.
pub(crate) fn compile(
    rules: &Value,
    schema: &Schema,
    path: &FieldPath,
    uncorrelated: Option<&str>,
    causes: &mut Vec<Cause>,
) -> Vec<Rule> {
    let field = path.field("x-kubernetes-validations");
    let Value::Array(rules) = rules else {
        causes.push(Cause::type_invalid(field, rules, "must be a list"));
        return Vec::new();
    };
    let mut compiled = Vec::new();
    for (index, raw) in rules.iter().enumerate() {
        let field = format!("{field}[{index}]");
        match (rule(raw, schema, &field), uncorrelated) {
            (Ok(rule), Some(list)) if rule.is_transition => {
                let detail = format!(
                    "oldSelf cannot be used on the uncorrelatable portion of the schema within {list}"
                );
                causes.push(Cause::invalid(format!("{field}.rule"), &raw["rule"], &detail));
            }
            (Ok(rule), _) => compiled.push(rule),
            (Err(mut found), _) => causes.append(&mut found),
        }
    }
    compiled
}

fn rule(raw: &Value, schema: &Schema, field: &str) -> Result<Rule, Vec<Cause>> {
    let mut causes = Vec::new();
    let text = raw["rule"].as_str().unwrap_or_default().trim();
    let message = raw["message"].as_str();
    if text.is_empty() {
        return Err(vec![Cause::required(format!("{field}.rule"), "rule is not specified")]);
    }
    match message {
        Some(message) if message.trim().is_empty() => {
            let detail = "message must be non-empty if specified";
            causes.push(Cause::invalid(format!("{field}.message"), &message.into(), detail));
        }
        Some(message) if message.trim().contains(['\n', '\r']) => {
            let detail = "message must not contain line breaks";
            causes.push(Cause::invalid(format!("{field}.message"), &message.into(), detail));
        }
        None if text.contains(['\n', '\r']) && raw["messageExpression"].is_null() => {
            let detail = "message must be specified if rule contains line breaks";
            causes.push(Cause::required(format!("{field}.message"), detail));
        }
        _ => {}
    }
    let reason = match raw["reason"].as_str() {
        None | Some("FieldValueInvalid") => CauseReason::Invalid,
        Some("FieldValueForbidden") => CauseReason::Forbidden,
        Some("FieldValueRequired") => CauseReason::Required,
        Some("FieldValueDuplicate") => CauseReason::Duplicate,
        Some(other) => {
            let known =
                ["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"];
            causes.push(Cause::not_supported(format!("{field}.reason"), &other.into(), &known));
            CauseReason::Invalid
        }
    };
    let field_path = raw["fieldPath"].as_str().and_then(|written| match resolve_path(written, schema) {
        Ok(path) => Some(path.into()),
        Err(detail) => {
            causes.push(Cause::invalid(format!("{field}.fieldPath"), &written.into(), &detail));
            None
        }
    });
    let optional_old = raw["optionalOldSelf"] == true;
    let mut expression = |word: &str, text: &str, result| {
        expression(text, schema, optional_old, result)
            .map_err(|detail| {
                causes.push(Cause::invalid(format!("{field}.{word}"), &text.into(), &detail));
            })
            .ok()
    };
    let compiled = expression("rule", text, rewrite::Wanted::Bool);
    let message_expression = raw["messageExpression"]
        .as_str()
        .and_then(|text| expression("messageExpression", text, rewrite::Wanted::String));
    if let (Some((compiled, _)), false) = (&compiled, raw["optionalOldSelf"].is_null())
        && !compiled.uses_old
    {
        let detail = "may not be set if oldSelf is not used in rule";
        causes.push(Cause::invalid(format!("{field}.optionalOldSelf"), &raw["optionalOldSelf"], detail));
    }
    match compiled {
        Some((compiled, cost)) if causes.is_empty() => Ok(Rule {
            text: text.into(),
            is_transition: compiled.uses_old,
            expression: compiled.expression,
            message: message.map(|message| message.trim().into()),
            message_cost: message_expression.as_ref().map(|(_, cost)| *cost),
            message_expression: message_expression.map(|(compiled, _)| compiled.expression),
            cost,
            reason,
            field_path,
            optional_old,
        }),
        _ => Err(causes),
    }
}

/// An expression that is ready to be evaluated, and what it costs at most.
fn expression(
    text: &str,
    schema: &Schema,
    optional_old: bool,
    wanted: rewrite::Wanted,
) -> Result<(rewrite::Rewritten, u64), String> {
    let failed = |error: String| format!("compilation failed: {error}");
    bounds(text).map_err(failed)?;
    // A definition must not be able to overflow the stack of the thread that serves it.
    let made = on_own_stack(|| {
        let parsed = parse(text)?;
        let cost = estimate(&parsed, schema, optional_old);
        Ok((rewrite::rewrite(parsed, schema)?, cost))
    });
    let (made, cost) = made.flatten().map_err(failed)?;
    match made.kind {
        Some(kind) if kind != wanted.kind() => Err(wanted.refusal().into()),
        _ => Ok((made, cost)),
    }
}

fn parse(text: &str) -> Result<Expression, String> {
    Parser::new().enable_optional_syntax(true).parse(text).map_err(|error| error.to_string())
}

/// Refuses what could take the parser too far.
fn bounds(text: &str) -> Result<(), String> {
    if text.len() > MAX_LENGTH {
        return Err(format!("the expression is longer than {MAX_LENGTH} bytes"));
    }
    if text.matches(['(', '[', '{']).count() > MAX_BRACKETS {
        return Err(format!("the expression has more than {MAX_BRACKETS} brackets"));
    }
    Ok(())
}

/// A field path as `.spec.a['b.c']`, relative to the rule: its form in causes.
fn resolve_path(written: &str, schema: &Schema) -> Result<String, String> {
    let mut path = FieldPath::default();
    let mut schema = schema.clone();
    let mut rest = written;
    if rest.is_empty() {
        return Err("must not be empty".into());
    }
    while !rest.is_empty() {
        let (name, after) = if let Some(inner) = rest.strip_prefix("['") {
            inner.split_once("']").ok_or("a bracket is not closed")?
        } else if let Some(inner) = rest.strip_prefix('.') {
            inner.split_at(inner.find(['.', '[']).unwrap_or(inner.len()))
        } else {
            return Err("must begin with a dot or a bracket".into());
        };
        let below = schema.property(name).cloned();
        match below.or_else(|| schema.additional().cloned()) {
            Some(below) if schema.property(name).is_some() => {
                path.push_field(name);
                schema = below;
            }
            Some(below) => {
                path.push_key(name);
                schema = below;
            }
            None => return Err(format!("does not refer to a valid field: no field {name}")),
        }
        rest = after;
    }
    Ok(path.as_str().to_owned())
}
