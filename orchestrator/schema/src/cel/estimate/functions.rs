//! What functions and operators cost, and what they make.

use kube_cel::cel::common::ast::operators;

use super::known::{At, Kind, Known, Size, scaled};
use crate::{
    Schema,
    cel::types::{self, Plain},
};

const TEXTS: [Plain; 2] = [Plain::String, Plain::Bytes];

/// What a call costs besides its arguments, and what it gives.
pub(super) fn call(word: &str, target: Option<&Known>, args: &[&Known], root: &Schema) -> (u64, Known) {
    let (cost, size) = match (target, args) {
        (None, [a, b]) => operator(word, a, b),
        (None, args) => free(word, args),
        (Some(target), args) => method(word, target, args, root),
    };
    let mut value = Known { kind: gives(word, target, args), computed: size, ..Known::default() };
    if let (operators::ADD, [a, b]) = (word, args) {
        value.entries = a.entries.zip(b.entries).map(|(a, b)| a.or(b));
    }
    if let ("dyn", [given]) = (word, args) {
        value = Known { kind: Kind::Any, computed: given.size(), entries: given.entries, ..Known::default() };
    }
    (cost, value)
}

type Cost = (u64, Option<Size>);

const PLAIN: Cost = (1, None);

/// Operators, and functions of two arguments.
fn operator(word: &str, a: &Known, b: &Known) -> Cost {
    let (first, second) = (a.size_or_unknown(), b.size_or_unknown());
    let both_may_be = |kinds: &[Plain]| a.kind.may_be(kinds) && b.kind.may_be(kinds);
    let comparison = || scaled(first.most.min(second.most), 0.1);
    match word {
        operators::LOGICAL_AND | operators::LOGICAL_OR => (0, None),
        operators::EQUALS | operators::NOT_EQUALS => match (&a.kind, &b.kind) {
            (Kind::Other, Kind::Other) => PLAIN,
            _ => (comparison(), None),
        },
        operators::LESS | operators::LESS_EQUALS | operators::GREATER | operators::GREATER_EQUALS
            if both_may_be(&TEXTS) =>
        {
            let is_text = a.kind.plain().or(b.kind.plain()).is_some();
            (comparison().max(u64::from(!is_text)), None)
        }
        operators::ADD if both_may_be(&TEXTS) => {
            let sum = first.plus(second);
            (sum.traversal(), Some(sum))
        }
        operators::ADD if both_may_be(&[Plain::List]) => (1, Some(first.plus(second))),
        operators::IN if b.kind.may_be(&[Plain::List]) => (second.most, None),
        "sets.contains" | "sets.intersects" => (first.times(second).most.saturating_add(1), None),
        "sets.equivalent" => (first.times(second).most.saturating_mul(2).saturating_add(1), None),
        _ => PLAIN,
    }
}

/// Functions that are no methods.
fn free(word: &str, args: &[&Known]) -> Cost {
    let [given] = args else { return PLAIN };
    let size = given.size_or_unknown();
    match word {
        "url" => (size.traversal(), None),
        "bytes" if given.kind.may_be(&[Plain::String]) => {
            (size.traversal().max(1), Some(Size { most: size.most.saturating_mul(4), ..size }))
        }
        "string" if given.kind.may_be(&[Plain::Bytes]) => {
            (size.traversal().max(1), Some(Size { least: size.least / 4, ..size }))
        }
        "strings.quote" => {
            let most = size.most.saturating_mul(2).saturating_add(2);
            (size.traversal(), Some(Size { least: size.least.saturating_add(2), most }))
        }
        // Going through a text twice: to read an address, and to compare it with how it should be written.
        "ip.isCanonical" => (scaled(size.most, 0.2), None),
        _ => PLAIN,
    }
}

fn method(word: &str, target: &Known, args: &[&Known], root: &Schema) -> Cost {
    let size = target.size_or_unknown();
    let given = args.first().map(|given| given.size_or_unknown());
    match (word, given) {
        ("startsWith" | "endsWith", Some(given)) => (given.traversal(), None),
        ("contains", Some(given)) => (size.traversal().saturating_mul(given.traversal()), None),
        ("matches", Some(given)) => (expression(size, given), None),
        ("find" | "findAll", Some(given)) => (expression(size, given), Some(Size::at_most(size.most))),
        ("lowerAscii" | "upperAscii" | "substring" | "trim", _) => (size.traversal(), Some(size)),
        ("format", _) => (size.traversal(), None),
        ("split", _) => (scaled(size.most, 0.2), Some(Size::at_most(size.most))),
        ("replace", Some(from)) => {
            let to = args.get(1).map_or(Size::UNKNOWN, |to| to.size_or_unknown());
            (scaled(size.most, 0.2), Some(replaced(size, from, to)))
        }
        ("join", _) => {
            let element = element(target, root).map_or(Size::exact(0), |element| sized(&element));
            let all = size.times(element);
            let between = given
                .unwrap_or(Size::exact(0))
                .times(Size { least: size.least.saturating_sub(1), most: size.most.saturating_sub(1) });
            let joined = all.plus(between);
            (joined.traversal(), Some(joined))
        }
        ("isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf", _) => match element(target, root) {
            Some(element) => {
                let is_text = element.kind.plain().is_some_and(|plain| TEXTS.contains(&plain));
                let each = if is_text { sized(&element).traversal().saturating_add(1) } else { 1 };
                (size.most.saturating_mul(each), None)
            }
            None => (size.traversal(), None),
        },
        ("reverse" | "flatten" | "slice", _) => (size.most.saturating_add(super::LIST), Some(size)),
        // Every element is compared with every other one.
        ("distinct" | "sort", _) => {
            (size.times(size).most.saturating_add(super::LIST), Some(Size::at_most(size.most)))
        }
        // Addresses have 4 or 16 bytes; given as a text they are read first.
        ("containsIP", Some(given)) => (4 + read(args, given), None),
        ("containsCIDR", Some(given)) => (7 + read(args, given), None),
        ("validate", Some(given)) => (given.traversal().saturating_mul(32), None),
        _ => PLAIN,
    }
}

fn read(args: &[&Known], given: Size) -> u64 {
    if args.iter().any(|given| given.kind.may_be(&[Plain::String])) { given.traversal() } else { 0 }
}

/// What it costs to look for an expression: the text once for each four characters of the expression.
fn expression(text: Size, expression: Size) -> u64 {
    let text = text.plus(Size::exact(1)).traversal();
    text.saturating_mul(scaled(expression.most, 0.25))
}

/// How long a text is of which parts were replaced.
fn replaced(text: Size, from: Size, to: Size) -> Size {
    // (how often it is replaced, what stays)
    let (most, kept_most) = match from.least {
        // Before each character, and at the end.
        0 => (text.most.saturating_add(1), text.most),
        from if to.most <= from => (0, text.most),
        from => (text.most.div_ceil(from), 0),
    };
    let (least, kept_least) = match from.most {
        0 => (text.least.saturating_add(1), text.least),
        from if from <= to.least => (0, text.least),
        from => (text.least.div_ceil(from), 0),
    };
    Size { least, most }.times(to).plus(Size { least: kept_least, most: kept_most })
}

/// What a list is made of.
fn element(list: &Known, root: &Schema) -> Option<Known> {
    if !list.is_list() {
        return None;
    }
    // Even if what made the list tells how large its elements are, this is not looked at.
    let at = match &list.at {
        At::Nowhere => At::Nowhere,
        at => at.element(root),
    };
    Some(Known { kind: list.kind.element(), at, ..Known::default() })
}

fn sized(element: &Known) -> Size {
    element.at.size().unwrap_or(Size::UNKNOWN)
}

/// The type of what it gives.
fn gives(word: &str, target: Option<&Known>, args: &[&Known]) -> Kind {
    let first = target.or(args.first().copied()).map(|known| &known.kind);
    match (word, first) {
        ("orValue", Some(Kind::Optional(inner))) => {
            args.first().map_or_else(Kind::default, |other| inner.or(&other.kind))
        }
        ("value", Some(Kind::Optional(inner))) => (**inner).clone(),
        ("or", Some(optional @ Kind::Optional(_))) => optional.clone(),
        ("optional.of" | "optional.ofNonZeroValue", Some(inner)) => Kind::Optional(Box::new(inner.clone())),
        ("optional.none", _) => Kind::Optional(Box::default()),
        ("first" | "last", Some(list)) => Kind::Optional(Box::new(list.element())),
        ("min" | "max" | "sum", Some(list)) => list.element(),
        ("distinct" | "reverse" | "slice" | "sort", Some(list)) => list.clone(),
        ("split" | "findAll", _) => Kind::List(Box::new(Kind::Plain(Plain::String))),
        ("lists.range", _) => Kind::List(Box::new(Kind::Plain(Plain::Int))),
        ("flatten", _) => Kind::List(Box::default()),
        (operators::ADD, Some(first)) => {
            let second = args.get(1).map_or(&Kind::Any, |second| &second.kind);
            first.or(second)
        }
        ("getHost" | "getHostname" | "getPort" | "getScheme" | "getEscapedPath" | "strings.quote", _) => {
            Kind::Plain(Plain::String)
        }
        ("bytes", _) => Kind::Plain(Plain::Bytes),
        _ => {
            let plain: Vec<_> = args.iter().map(|known| known.kind.plain()).collect();
            let known = if word.starts_with(['_', '@', '!', '-']) {
                types::operator(word, &plain)
            } else {
                types::function(word, target.map(|target| target.kind.plain()), &plain)
            };
            known.ok().flatten().map_or(Kind::Other, Kind::Plain)
        }
    }
}
