//! Expressions as they are evaluated: names checked, loops and functions metered.

use kube_cel::cel::{
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr, operators},
    parser::Expression,
};

use super::{
    functions::{KNOWN, QUALIFIED, name},
    pairs::Loop,
    types::{self, Plain},
    values::property,
};
use crate::{Schema, Type, pattern};

/// How deeply an expression may be nested. The interpreter recurses.
const MAX_DEPTH: usize = 80;

const NO_RANGE: &str = "expression cannot be the range of a comprehension (must be list or map)";

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
            Expr::Ident(name) => match (self.variable(&name), types::named(&name)) {
                (Ok(kind), _) => (Expr::Ident(name), kind),
                (Err(_), Some(value)) => named(value),
                (Err(error), None) => return Err(error),
            },
            Expr::Select(select) if self.is_type(&select) => {
                let value = types::named(&format!("google.protobuf.{}", select.field));
                named(value.ok_or_else(|| format!("undeclared reference to '{}'", select.field))?)
            }
            Expr::Select(mut select) => {
                let (operand, kind) = self.rewrite(*select.operand)?;
                let below = field(&kind, &select.field)?;
                if select.test {
                    select.operand = Box::new(operand);
                    (Expr::Select(select), Kind::Plain(Plain::Bool))
                } else {
                    // Unlike a selection, an index does not copy what is below.
                    let index = literal(LiteralValue::String(select.field.as_str().into()));
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
        match (Loop::parse(&func_name, args.len()), target) {
            (Some(how), Some(target)) => self.pairs(how, *target, args),
            (_, target) => self.function(func_name, target, args),
        }
    }

    /// Whether it is the name of a type, with the package that it is in.
    fn is_type(&self, select: &SelectExpr) -> bool {
        let Expr::Select(package) = &select.operand.expr else { return false };
        let Expr::Ident(root) = &package.operand.expr else { return false };
        root == "google"
            && package.field == "protobuf"
            && !select.test
            && self.variables.iter().all(|(name, _)| name != root)
    }

    /// A loop over two variables.
    fn pairs(
        &mut self,
        how: Loop,
        target: Expression,
        args: Vec<Expression>,
    ) -> Result<(Expr, Kind), String> {
        let (range, of) = self.rewrite(target)?;
        let (key, value) = match (&of, of.plain()) {
            (Kind::Place(schema), Some(Plain::List)) => (Kind::Plain(Plain::Int), schema.items()),
            (Kind::Place(schema), Some(Plain::Map)) => (Kind::Plain(Plain::String), schema.additional()),
            (_, Some(Plain::List)) => (Kind::Plain(Plain::Int), None),
            (_, None | Some(Plain::Map)) => (Kind::Unknown, None),
            _ => return Err(NO_RANGE.into()),
        };
        let value = value.cloned().map_or(Kind::Unknown, Kind::Place);
        let mut args = args.into_iter();
        let (Some(first), Some(second), Some(last)) = (args.next(), args.next(), args.next_back()) else {
            return Err("a loop without variables".into());
        };
        let (Expr::Ident(first_name), Expr::Ident(second_name)) = (&first.expr, &second.expr) else {
            return Err("argument must be a simple name".into());
        };
        let before = self.steps;
        self.variables.push((first_name.clone(), key));
        self.variables.push((second_name.clone(), value));
        let keep = args.next().unwrap_or_else(|| literal(LiteralValue::Boolean(true.into())));
        let (keep, kept) = self.rewrite(keep)?;
        let (make, made) = self.rewrite(last)?;
        self.variables.truncate(self.variables.len() - 2);
        if [kept.plain(), made.plain().filter(|_| how.is_test())]
            .into_iter()
            .flatten()
            .any(|kind| kind != Plain::Bool)
        {
            return Err(format!("found no matching overload for '{}': its test is no bool", how.word()));
        }
        if how == Loop::Entries && made.plain().is_some_and(|kind| kind != Plain::Map) {
            return Err(format!("found no matching overload for '{}': it makes no map", how.word()));
        }
        let gives = match how {
            Loop::List => Plain::List,
            Loop::Map | Loop::Entries => Plain::Map,
            _ => Plain::Bool,
        };
        let units = number(self.steps - before);
        let word = literal(LiteralValue::String(how.word().into()));
        let range = call(name::METERED, vec![range]);
        Ok((call(name::PAIRS, vec![range, first, second, keep, make, word, units]).expr, Kind::Plain(gives)))
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
        if let ("type", [Some(Plain::Type)], Some(value)) = (word, &plain(&kinds)[..], types::named("type")) {
            // As values, types are texts.
            return Ok(named(value));
        }
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
            _ => return Err(NO_RANGE.into()),
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
        let no = literal(LiteralValue::Boolean(false.into()));
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

fn literal(value: LiteralValue) -> Expression {
    Expression { id: 0, expr: Expr::Literal(value) }
}

fn number(number: i64) -> Expression {
    literal(LiteralValue::Int(number.into()))
}

/// The name of a type, as the value that it is.
fn named(value: &str) -> (Expr, Kind) {
    (Expr::Literal(LiteralValue::String(value.into())), Kind::Plain(Plain::Type))
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
    let yes = || literal(LiteralValue::Boolean(true.into()));
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
    match property(schema, name).or_else(|| schema.additional()) {
        Some(below) => Ok(Kind::Place(below.clone())),
        None => Err(format!("undefined field '{name}'")),
    }
}
