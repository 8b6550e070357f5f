//! Expressions as they are evaluated: names checked, loops and functions metered.

use kube_cel::cel::{
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators},
    parser::Expression,
};

use super::{
    functions::{KNOWN, QUALIFIED, name},
    values::escape,
};
use crate::{Schema, Type};

/// How deeply an expression may be nested. The interpreter recurses.
const MAX_DEPTH: usize = 80;

/// What an expression must give.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Bool,
    String,
}

impl Wanted {
    fn word(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::String => "string",
        }
    }
}

/// The type of what is written out.
fn plain(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::Literal(LiteralValue::Boolean(_)) => Some("bool"),
        Expr::Literal(LiteralValue::String(_)) => Some("string"),
        Expr::Literal(_) | Expr::List(_) | Expr::Map(_) => Some("something else"),
        _ => None,
    }
}

/// A rewritten expression.
pub(super) struct Rewritten {
    pub(super) expression: Expression,
    pub(super) uses_old: bool,
}

/// Rewrites an expression about a place of a schema.
pub(super) fn rewrite(expression: Expression, schema: &Schema, wanted: Wanted) -> Result<Rewritten, String> {
    if plain(&expression.expr).is_some_and(|kind| kind != wanted.word()) {
        return Err(format!("must evaluate to {}", wanted.word()));
    }
    let mut rewriter = Rewriter { variables: Vec::new(), schema, uses_old: false, depth: 0, steps: 0 };
    let (expression, kind) = rewriter.rewrite(expression)?;
    if let Kind::Place(place) = kind {
        let fits = match wanted {
            Wanted::Bool => place.kind() == Type::Boolean,
            Wanted::String => place.kind() == Type::String,
        };
        if !fits && place.kind() != Type::Any {
            return Err(format!("must evaluate to {}", wanted.word()));
        }
    }
    Ok(Rewritten { expression, uses_old: rewriter.uses_old })
}

/// What is known of a value.
#[derive(Clone)]
enum Kind {
    Unknown,
    Place(Schema),
}

struct Rewriter<'a> {
    /// Variables of loops, the innermost last.
    variables: Vec<(String, Kind)>,
    schema: &'a Schema,
    uses_old: bool,
    depth: usize,
    /// Steps of the interpreter so far.
    steps: i64,
}

fn call(function: &str, arguments: Vec<Expression>) -> Expression {
    let call = CallExpr { func_name: function.to_owned(), target: None, args: arguments };
    Expression { id: 0, expr: Expr::Call(call) }
}

impl Rewriter<'_> {
    fn rewrite(&mut self, expression: Expression) -> Result<(Expression, Kind), String> {
        self.depth += 1;
        self.steps += 1;
        if self.depth > MAX_DEPTH {
            return Err(format!("the expression is nested deeper than {MAX_DEPTH} levels"));
        }
        let id = expression.id;
        let (expr, kind) = match expression.expr {
            Expr::Literal(literal) => (Expr::Literal(literal), Kind::Unknown),
            Expr::Ident(name) => {
                let kind = self.variable(&name)?;
                (Expr::Ident(name), kind)
            }
            Expr::Select(mut select) => {
                let (operand, kind) = self.rewrite(*select.operand)?;
                let below = field(&kind, &select.field)?;
                if select.test {
                    select.operand = Box::new(operand);
                    (Expr::Select(select), Kind::Unknown)
                } else {
                    // Unlike a selection, an index does not copy what is below.
                    let literal = LiteralValue::String(select.field.as_str().into());
                    let index = Expression { id, expr: Expr::Literal(literal) };
                    (call(operators::INDEX, vec![operand, index]).expr, below)
                }
            }
            Expr::Call(call) => self.called(call)?,
            Expr::Comprehension(comprehension) => self.comprehension(*comprehension)?,
            Expr::List(mut list) => {
                list.elements = self.all(list.elements)?;
                (Expr::List(list), Kind::Unknown)
            }
            Expr::Map(mut map) => {
                for entry in &mut map.entries {
                    let EntryExpr::MapEntry(entry) = &mut entry.expr else {
                        return Err("messages cannot be made".into());
                    };
                    entry.key = self.rewrite(std::mem::take(&mut entry.key))?.0;
                    entry.value = self.rewrite(std::mem::take(&mut entry.value))?.0;
                }
                (Expr::Map(map), Kind::Unknown)
            }
            Expr::Struct(made) => return Err(format!("undeclared reference to '{}'", made.type_name)),
            Expr::Unspecified => return Err("the expression is empty".into()),
        };
        self.depth -= 1;
        Ok((Expression { id, expr }, kind))
    }

    fn all(&mut self, expressions: Vec<Expression>) -> Result<Vec<Expression>, String> {
        expressions.into_iter().map(|expression| Ok(self.rewrite(expression)?.0)).collect()
    }

    fn variable(&mut self, name: &str) -> Result<Kind, String> {
        if let Some((_, kind)) = self.variables.iter().rev().find(|(known, _)| known == name) {
            return Ok(kind.clone());
        }
        match name {
            "self" => Ok(Kind::Place(self.schema.clone())),
            "oldSelf" => {
                self.uses_old = true;
                // It may be an optional, whose methods are called.
                Ok(Kind::Unknown)
            }
            _ => Err(format!("undeclared reference to '{name}'")),
        }
    }

    fn called(&mut self, made: CallExpr) -> Result<(Expr, Kind), String> {
        let CallExpr { func_name, target, args } = made;
        if let Some(replaced) = operator(&func_name) {
            let args = self.all(args)?;
            return Ok((call(replaced, args).expr, Kind::Unknown));
        }
        if func_name.starts_with(['_', '@', '!', '-']) {
            let mut kinds = Vec::new();
            let mut rewritten = Vec::new();
            for argument in args {
                let (argument, kind) = self.rewrite(argument)?;
                rewritten.push(argument);
                kinds.push(kind);
            }
            let kind = match (func_name.as_str(), kinds.first()) {
                (operators::INDEX, Some(Kind::Place(schema))) => {
                    schema.items().or_else(|| schema.additional()).cloned().map_or(Kind::Unknown, Kind::Place)
                }
                _ => Kind::Unknown,
            };
            return Ok((call(&func_name, rewritten).expr, kind));
        }
        self.function(func_name, target, args)
    }

    /// A function or method: it pays for what it is given and for what it makes.
    fn function(
        &mut self,
        func_name: String,
        target: Option<Box<Expression>>,
        args: Vec<Expression>,
    ) -> Result<(Expr, Kind), String> {
        let namespace = target.as_ref().and_then(|target| match &target.expr {
            Expr::Ident(namespace) => Some(format!("{namespace}.{func_name}")),
            _ => None,
        });
        let qualified = namespace.filter(|name| QUALIFIED.contains(&name.as_str()));
        let word = qualified.as_deref().unwrap_or(&func_name);
        if qualified.is_none() && !KNOWN.contains(&func_name.as_str()) {
            return Err(format!("undeclared reference to '{func_name}'"));
        }
        let toll = if matches!(word, "distinct" | "sets.contains" | "sets.equivalent" | "sets.intersects") {
            name::SQUARED
        } else {
            name::METERED
        };
        let pay = |expression| call(toll, vec![expression]);
        let target = match target {
            Some(target) if qualified.is_none() => Some(Box::new(pay(self.rewrite(*target)?.0))),
            other => other,
        };
        let args = self.all(args)?.into_iter().map(pay).collect();
        let made = Expression { id: 0, expr: Expr::Call(CallExpr { func_name, target, args }) };
        self.steps += 4;
        Ok((call(name::METERED, vec![made]).expr, Kind::Unknown))
    }

    fn comprehension(&mut self, comprehension: ComprehensionExpr) -> Result<(Expr, Kind), String> {
        if comprehension.iter_var2.is_some() {
            return Err("loops over two variables are not supported".into());
        }
        let collected = collected(&comprehension);
        let (iter_range, range) = self.rewrite(comprehension.iter_range)?;
        let element = match &range {
            Kind::Place(schema) => match schema.kind() {
                Type::Array => schema.items().cloned().map_or(Kind::Unknown, Kind::Place),
                Type::Object | Type::Any => Kind::Unknown,
                _ => {
                    return Err(
                        "expression cannot be the range of a comprehension (must be list or map)".into()
                    );
                }
            },
            Kind::Unknown => Kind::Unknown,
        };
        let before = self.steps;
        if let Some((keep, make)) = collected {
            self.variables.push((comprehension.iter_var.clone(), element));
            let keep = self.rewrite(keep)?.0;
            let make = self.rewrite(make)?.0;
            self.variables.pop();
            let variable = Expression { id: 0, expr: Expr::Ident(comprehension.iter_var) };
            let range = call(name::METERED, vec![iter_range]);
            let units = number(self.steps - before);
            let collect = call(name::COLLECT, vec![range, variable, keep, make, units]);
            return Ok((collect.expr, Kind::Unknown));
        }
        let accu_init = self.rewrite(comprehension.accu_init)?.0;
        self.variables.push((comprehension.accu_var.clone(), Kind::Unknown));
        let loop_cond = self.rewrite(comprehension.loop_cond)?.0;
        self.variables.push((comprehension.iter_var.clone(), element));
        let loop_step = self.rewrite(comprehension.loop_step)?.0;
        self.variables.pop();
        let units = number(self.steps - before);
        let result = self.rewrite(comprehension.result)?.0;
        self.variables.pop();
        let tick = call(name::TICK, vec![units]);
        let no = Expression { id: 0, expr: Expr::Literal(LiteralValue::Boolean(false.into())) };
        let metered = ComprehensionExpr {
            // What a loop goes through is copied, element by element.
            iter_range: call(name::METERED, vec![iter_range]),
            accu_init,
            loop_cond: call(operators::CONDITIONAL, vec![tick, loop_cond, no]),
            loop_step,
            result,
            iter_var: comprehension.iter_var,
            iter_var2: None,
            accu_var: comprehension.accu_var,
        };
        Ok((Expr::Comprehension(Box::new(metered)), Kind::Unknown))
    }
}

fn number(number: i64) -> Expression {
    Expression { id: 0, expr: Expr::Literal(LiteralValue::Int(number.into())) }
}

/// Whether an element counts and what becomes of it, if that is all that a loop does (`map`, `filter`).
fn collected(comprehension: &ComprehensionExpr) -> Option<(Expression, Expression)> {
    let accumulator =
        |expression: &Expression| expression.expr == Expr::Ident(comprehension.accu_var.clone());
    let Expr::List(start) = &comprehension.accu_init.expr else { return None };
    let Expr::Call(step) = &comprehension.loop_step.expr else { return None };
    if !start.elements.is_empty() || !accumulator(&comprehension.result) {
        return None;
    }
    let yes = || Expression { id: 0, expr: Expr::Literal(LiteralValue::Boolean(true.into())) };
    let (keep, step) = match (step.func_name.as_str(), step.args.as_slice()) {
        (operators::CONDITIONAL, [keep, then, otherwise]) if accumulator(otherwise) => match &then.expr {
            Expr::Call(then) => (keep.clone(), then),
            _ => return None,
        },
        _ => (yes(), step),
    };
    match (step.func_name.as_str(), step.args.as_slice()) {
        (operators::ADD, [list, element]) if accumulator(list) => match &element.expr {
            Expr::List(one) if one.elements.len() == 1 => Some((keep, one.elements[0].clone())),
            _ => None,
        },
        _ => None,
    }
}

/// Operators whose cost depends on what they are given.
fn operator(function: &str) -> Option<&'static str> {
    Some(match function {
        operators::ADD => name::ADD,
        operators::EQUALS => name::EQUAL,
        operators::NOT_EQUALS => name::UNEQUAL,
        operators::IN => name::IN,
        operators::LESS => name::LESS,
        operators::LESS_EQUALS => name::LESS_EQUAL,
        operators::GREATER => name::GREATER,
        operators::GREATER_EQUALS => name::GREATER_EQUAL,
        _ => return None,
    })
}

/// What is known of a field.
fn field(kind: &Kind, name: &str) -> Result<Kind, String> {
    let Kind::Place(schema) = kind else { return Ok(Kind::Unknown) };
    match schema.kind() {
        Type::Any => return Ok(Kind::Unknown),
        Type::Object => {}
        _ => return Err(format!("type does not support field selection: {name}")),
    }
    let is_metadata = schema.0.definition.is_some_and(|definition| definition.ends_with(".ObjectMeta"));
    if is_metadata && !matches!(name, "name" | "generateName") {
        return Err(format!("undefined field '{name}'"));
    }
    let named = schema.property_names().find(|known| escape(known) == name);
    match named.and_then(|known| schema.property(known)).or_else(|| schema.additional()) {
        Some(below) => Ok(Kind::Place(below.clone())),
        None => Err(format!("undefined field '{name}'")),
    }
}
