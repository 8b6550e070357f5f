//! What an expression costs at most, whatever it is evaluated on.
//!
//! The units are those of Kubernetes, which refuses definitions by them: one for a name or a plain function, a tenth for
//! a character that a function goes through, and for a loop the cost of a turn as often as there can be elements. How
//! many there can be is known from the schema for what is in the object, and from the expression for what it writes out.
//! What a function makes has no bound unless one is known for it; that alone puts an expression over every budget.

mod functions;
mod known;

use kube_cel::cel::{
    common::ast::{CallExpr, ComprehensionExpr, EntryExpr, Expr, LiteralValue, SelectExpr, operators},
    parser::Expression,
};

use super::{functions::QUALIFIED, pairs::Loop, types::Plain};
use crate::Schema;
use known::{At, Entries, Kind, Known, Size};

/// What it costs to make a list, and a map.
const LIST: u64 = 10;
const MAP: u64 = 30;

/// What an expression about a place costs at most. Expressions that do not compile have a cost, too, which says nothing.
pub(super) fn estimate(expression: &Expression, schema: &Schema, optional_old: bool) -> u64 {
    Estimator { root: schema, variables: Vec::new(), optional_old }.visit(expression).cost
}

/// What is known of an expression.
struct Estimate {
    cost: u64,
    value: Known,
}

struct Estimator<'a> {
    /// What `self` is.
    root: &'a Schema,
    /// Variables of loops, the innermost last.
    variables: Vec<(String, Known)>,
    optional_old: bool,
}

impl Estimator<'_> {
    fn visit(&mut self, expression: &Expression) -> Estimate {
        match &expression.expr {
            Expr::Literal(literal) => Estimate { cost: 0, value: of_literal(literal) },
            Expr::Ident(name) => Estimate { cost: 1, value: self.named(name) },
            Expr::Select(select) => self.select(select),
            Expr::Call(call) => self.call(call),
            Expr::Comprehension(comprehension) => self.comprehension(comprehension),
            Expr::List(list) => {
                let elements: Vec<_> = list.elements.iter().map(|element| self.visit(element)).collect();
                let sizes = elements.iter().map(|element| element.value.size_or_unknown());
                let value = Known {
                    kind: Kind::List(first(&elements)),
                    computed: Some(Size::exact(elements.len())),
                    entries: Some(Entries { key: Size::exact(1), value: Size::of_any(sizes) }),
                    ..Known::default()
                };
                Estimate { cost: total(&elements).saturating_add(LIST), value }
            }
            Expr::Map(map) => {
                let mut keys = Vec::new();
                let mut values = Vec::new();
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        keys.push(self.visit(&entry.key));
                        values.push(self.visit(&entry.value));
                    }
                }
                let sizes =
                    |all: &[Estimate]| Size::of_any(all.iter().map(|one| one.value.size_or_unknown()));
                let value = Known {
                    kind: Kind::Map(first(&values)),
                    computed: Some(Size::exact(map.entries.len())),
                    entries: Some(Entries { key: sizes(&keys), value: sizes(&values) }),
                    ..Known::default()
                };
                Estimate { cost: total(&keys).saturating_add(total(&values)).saturating_add(MAP), value }
            }
            Expr::Struct(_) | Expr::Unspecified => Estimate { cost: 0, value: Known::default() },
        }
    }

    fn named(&self, name: &str) -> Known {
        if let Some((_, known)) = self.variables.iter().rev().find(|(known, _)| known == name) {
            return known.clone();
        }
        let whole = Kind::Place(self.root.clone());
        let kind = match name {
            "self" => whole,
            "oldSelf" if self.optional_old => Kind::Optional(Box::new(whole)),
            "oldSelf" => whole,
            _ => Kind::Plain(Plain::Type),
        };
        // Names of types have this size, too, in Kubernetes: it takes every name for that of the object.
        Known { kind, at: At::Place(self.root.clone()), ..Known::default() }
    }

    fn select(&mut self, select: &SelectExpr) -> Estimate {
        if self.is_package(&select.operand) {
            return Estimate { cost: 1, value: self.named(&select.field) };
        }
        let operand = self.visit(&select.operand);
        if select.test {
            return Estimate { cost: operand.cost, value: Known::of(Plain::Bool) };
        }
        let cost = operand.cost.saturating_add(u64::from(operand.value.kind.has_fields()));
        let value = Known {
            kind: operand.value.kind.field(&select.field),
            at: operand.value.at.field(&select.field, self.root),
            ..Known::default()
        };
        Estimate { cost, value }
    }

    /// `google.protobuf`, with which names of types begin.
    fn is_package(&self, expression: &Expression) -> bool {
        let Expr::Select(package) = &expression.expr else { return false };
        let Expr::Ident(root) = &package.operand.expr else { return false };
        root == "google" && package.field == "protobuf" && self.variables.iter().all(|(name, _)| name != root)
    }

    fn call(&mut self, call: &CallExpr) -> Estimate {
        let CallExpr { func_name, target, args } = call;
        if let (Some(how), Some(target)) = (Loop::parse(func_name, args.len()), target) {
            return self.pairs(how, target, args);
        }
        let namespace = target.as_ref().and_then(|target| match &target.expr {
            Expr::Ident(namespace) => Some(format!("{namespace}.{func_name}")),
            _ => None,
        });
        let qualified = namespace.filter(|name| QUALIFIED.contains(&name.as_str()));
        let target = target.as_ref().filter(|_| qualified.is_none()).map(|target| self.visit(target));
        let word = qualified.as_deref().unwrap_or(func_name);
        let args: Vec<_> = args.iter().map(|argument| self.visit(argument)).collect();
        let (own, value) = match (word, target.as_ref(), args.as_slice()) {
            (operators::CONDITIONAL, _, [condition, a, b]) => {
                // Only one of the two is evaluated.
                let cost = condition.cost.saturating_add(a.cost.max(b.cost));
                return Estimate { cost, value: a.value.or(&b.value) };
            }
            (operators::INDEX, _, [container, _]) => (1, container.value.element(self.root)),
            (operators::OPT_INDEX, _, [container, _]) => {
                let inner = Box::new(container.value.kind.element());
                (1, Known { kind: Kind::Optional(inner), ..Known::default() })
            }
            (operators::OPT_SELECT, _, [operand, _]) => {
                let inner = match &call.args[1].expr {
                    Expr::Literal(LiteralValue::String(name)) => operand.value.kind.field(name.inner()),
                    _ => Kind::Any,
                };
                (1, Known { kind: Kind::Optional(Box::new(inner)), ..Known::default() })
            }
            (word, target, args) => {
                let values: Vec<&Known> = args.iter().map(|argument| &argument.value).collect();
                functions::call(word, target.map(|target| &target.value), &values, self.root)
            }
        };
        let given = total(&args).saturating_add(target.map_or(0, |target| target.cost));
        Estimate { cost: own.saturating_add(given), value }
    }

    fn comprehension(&mut self, comprehension: &ComprehensionExpr) -> Estimate {
        let range = self.visit(&comprehension.iter_range);
        let start = self.visit(&comprehension.accu_init);
        let accumulated = Known {
            kind: start.value.kind.clone(),
            fallback: start.value.size(),
            entries: start.value.entries,
            ..Known::default()
        };
        self.variables.push((comprehension.accu_var.clone(), accumulated));
        let element =
            if range.value.is_list() { range.value.member(self.root) } else { range.value.key(self.root) };
        self.variables.push((comprehension.iter_var.clone(), element));
        let condition = self.visit(&comprehension.loop_cond);
        let step = self.visit(&comprehension.loop_step);
        self.variables.pop();
        let result = self.visit(&comprehension.result);
        self.variables.pop();
        let count = range.value.size_or_unknown();
        let turns = count.most.saturating_mul(condition.cost.saturating_add(step.cost));
        let cost = turns.saturating_add(range.cost).saturating_add(start.cost).saturating_add(result.cost);
        let value = match &comprehension.accu_init.expr {
            Expr::List(_) | Expr::Map(_) => Known {
                kind: step.value.kind,
                computed: Some(count),
                entries: step.value.entries,
                ..Known::default()
            },
            _ => Known { kind: result.value.kind, computed: start.value.size(), ..Known::default() },
        };
        Estimate { cost, value }
    }

    /// A loop over two variables. It costs what it would if it were written with an accumulator, as the others.
    fn pairs(&mut self, how: Loop, target: &Expression, args: &[Expression]) -> Estimate {
        let range = self.visit(target);
        let [
            Expression { expr: Expr::Ident(first), .. },
            Expression { expr: Expr::Ident(second), .. },
            rest @ ..,
        ] = args
        else {
            return range;
        };
        let key = if range.value.is_list() { Known::of(Plain::Int) } else { range.value.key(self.root) };
        self.variables.push((first.clone(), key));
        self.variables.push((second.clone(), range.value.member(self.root)));
        let rest: Vec<_> = rest.iter().map(|expression| self.visit(expression)).collect();
        self.variables.truncate(self.variables.len() - 2);
        let given = total(&rest);
        let made = rest.into_iter().next_back().map(|last| last.value).unwrap_or_default();
        let count = range.value.size_or_unknown();
        // What a turn costs besides what it evaluates, what there is before and after, and what it makes.
        let (turn, once, value) = match how {
            Loop::All => (3, 1, Known::of(Plain::Bool)),
            Loop::Exists => (4, 1, Known::of(Plain::Bool)),
            Loop::ExistsOne => (2, 2, Known::of(Plain::Bool)),
            Loop::List => {
                (LIST + 2, LIST + 1, Known { kind: Kind::List(Box::new(made.kind)), ..Known::sized(count) })
            }
            Loop::Map => (3, MAP + 1, Known { kind: Kind::Map(Box::new(made.kind)), ..Known::sized(count) }),
            Loop::Entries => (2, MAP + 1, Known { kind: made.kind, ..Known::sized(count) }),
        };
        let turns = count.most.saturating_mul(given.saturating_add(turn));
        Estimate { cost: turns.saturating_add(range.cost).saturating_add(once), value }
    }
}

fn total(all: &[Estimate]) -> u64 {
    all.iter().fold(0, |sum, one| sum.saturating_add(one.cost))
}

/// The type of the first of them, which is that of all.
fn first(all: &[Estimate]) -> Box<Kind> {
    Box::new(all.first().map(|first| first.value.kind.clone()).unwrap_or_default())
}

fn of_literal(literal: &LiteralValue) -> Known {
    let size = match literal {
        LiteralValue::String(text) => text.inner().chars().count(),
        LiteralValue::Bytes(bytes) => bytes.inner().len(),
        _ => 1,
    };
    Known { computed: Some(Size::exact(size)), ..Known::of(Plain::of_literal(literal)) }
}

#[cfg(test)]
mod tests;
