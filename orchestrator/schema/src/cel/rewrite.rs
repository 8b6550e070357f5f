//! Expressions as they are evaluated: names checked, loops and functions metered.

use kube_cel::cel::{
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, operators},
    parser::Expression,
};

use super::{
    functions::{KNOWN, QUALIFIED, name},
    types::{self, Plain},
    values::escape,
};
use crate::{Schema, Type, pattern};

/// How deeply an expression may be nested. The interpreter recurses.
const MAX_DEPTH: usize = 80;

/// What an expression must give.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Bool,
    String,
}

impl Wanted {
    pub(super) fn kind(self) -> Plain {
        match self {
            Self::Bool => Plain::Bool,
            Self::String => Plain::String,
        }
    }

    pub(super) fn refusal(self) -> &'static str {
        match self {
            Self::Bool => "cel expression must evaluate to a bool",
            Self::String => "messageExpression must evaluate to a string",
        }
    }
}

/// A rewritten expression.
pub(super) struct Rewritten {
    pub(super) expression: Expression,
    pub(super) uses_old: bool,
    /// The type of its value, if known.
    pub(super) kind: Option<Plain>,
}

/// Rewrites an expression about a place of a schema.
pub(super) fn rewrite(expression: Expression, schema: &Schema) -> Result<Rewritten, String> {
    let mut rewriter = Rewriter { variables: Vec::new(), schema, uses_old: false, depth: 0, steps: 0 };
    let (expression, kind) = rewriter.rewrite(expression)?;
    Ok(Rewritten { expression, uses_old: rewriter.uses_old, kind: kind.plain() })
}

/// What is known of a value.
#[derive(Clone)]
enum Kind {
    Unknown,
    Plain(Plain),
    Place(Schema),
}

impl Kind {
    fn plain(&self) -> Option<Plain> {
        match self {
            Self::Unknown => None,
            Self::Plain(kind) => Some(*kind),
            Self::Place(schema) => Plain::of_schema(schema),
        }
    }
}

impl From<Option<Plain>> for Kind {
    fn from(kind: Option<Plain>) -> Self {
        kind.map_or(Self::Unknown, Self::Plain)
    }
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
            Expr::Literal(literal) => {
                let kind = Kind::Plain(Plain::of_literal(&literal));
                (Expr::Literal(literal), kind)
            }
            Expr::Ident(name) => {
                let kind = self.variable(&name)?;
                (Expr::Ident(name), kind)
            }
            Expr::Select(mut select) => {
                let (operand, kind) = self.rewrite(*select.operand)?;
                let below = field(&kind, &select.field)?;
                if select.test {
                    select.operand = Box::new(operand);
                    (Expr::Select(select), Kind::Plain(Plain::Bool))
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
                list.elements = self.all(list.elements)?.0;
                (Expr::List(list), Kind::Plain(Plain::List))
            }
            Expr::Map(mut map) => {
                for entry in &mut map.entries {
                    let EntryExpr::MapEntry(entry) = &mut entry.expr else {
                        return Err("messages cannot be made".into());
                    };
                    entry.key = self.rewrite(std::mem::take(&mut entry.key))?.0;
                    entry.value = self.rewrite(std::mem::take(&mut entry.value))?.0;
                }
                (Expr::Map(map), Kind::Plain(Plain::Map))
            }
            Expr::Struct(made) => return Err(format!("undeclared reference to '{}'", made.type_name)),
            Expr::Unspecified => return Err("the expression is empty".into()),
        };
        self.depth -= 1;
        Ok((Expression { id, expr }, kind))
    }

    fn all(&mut self, expressions: Vec<Expression>) -> Result<(Vec<Expression>, Vec<Kind>), String> {
        expressions.into_iter().map(|expression| self.rewrite(expression)).collect()
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
        let replaced = operator(&func_name);
        if replaced.is_some() || func_name.starts_with(['_', '@', '!', '-']) {
            let (args, kinds) = self.all(args)?;
            let gives = types::operator(&func_name, &plain(&kinds))?;
            let kind = match (func_name.as_str(), kinds.first()) {
                (operators::INDEX, Some(Kind::Place(schema))) => {
                    schema.items().or_else(|| schema.additional()).cloned().map_or(Kind::Unknown, Kind::Place)
                }
                _ => gives.into(),
            };
            return Ok((call(replaced.unwrap_or(&func_name), args).expr, kind));
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
        let mut receiver = None;
        let target = match target {
            Some(target) if qualified.is_none() => {
                let (target, kind) = self.rewrite(*target)?;
                receiver = Some(kind.plain());
                Some(Box::new(pay(target)))
            }
            other => other,
        };
        let literal = args.last().and_then(text);
        let (args, kinds) = self.all(args)?;
        let gives = types::function(word, receiver, &plain(&kinds))?;
        if let (true, Some(literal)) = (matches!(word, "matches" | "find" | "findAll"), literal) {
            pattern::compile(&literal).map_err(|error| format!("error parsing regexp: {error}"))?;
        }
        let args = args.into_iter().map(pay).collect();
        let made = Expression { id: 0, expr: Expr::Call(CallExpr { func_name, target, args }) };
        self.steps += 4;
        Ok((call(name::METERED, vec![made]).expr, gives.into()))
    }

    fn comprehension(&mut self, comprehension: ComprehensionExpr) -> Result<(Expr, Kind), String> {
        if comprehension.iter_var2.is_some() {
            return Err("loops over two variables are not supported".into());
        }
        let collected = collected(&comprehension);
        let (iter_range, range) = self.rewrite(comprehension.iter_range)?;
        let element = match (&range, range.plain()) {
            (Kind::Place(schema), Some(Plain::List)) => {
                schema.items().cloned().map_or(Kind::Unknown, Kind::Place)
            }
            // The keys of what is no literal are names of fields.
            (Kind::Place(_), Some(Plain::Map)) => Kind::Plain(Plain::String),
            (_, None | Some(Plain::List | Plain::Map)) => Kind::Unknown,
            _ => {
                return Err("expression cannot be the range of a comprehension (must be list or map)".into());
            }
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
            return Ok((collect.expr, Kind::Plain(Plain::List)));
        }
        let (accu_init, accumulated) = self.rewrite(comprehension.accu_init)?;
        self.variables.push((comprehension.accu_var.clone(), accumulated));
        let loop_cond = self.rewrite(comprehension.loop_cond)?.0;
        self.variables.push((comprehension.iter_var.clone(), element));
        let loop_step = self.rewrite(comprehension.loop_step)?.0;
        self.variables.pop();
        let units = number(self.steps - before);
        let (result, kind) = self.rewrite(comprehension.result)?;
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
        Ok((Expr::Comprehension(Box::new(metered)), kind))
    }
}

fn plain(kinds: &[Kind]) -> Vec<Option<Plain>> {
    kinds.iter().map(Kind::plain).collect()
}

/// A text that is written out.
fn text(expression: &Expression) -> Option<String> {
    match &expression.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner().to_owned()),
        _ => None,
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
    let schema = match kind {
        Kind::Place(schema) => schema,
        Kind::Unknown | Kind::Plain(Plain::Map) => return Ok(Kind::Unknown),
        Kind::Plain(_) => return Err(format!("type does not support field selection: {name}")),
    };
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
