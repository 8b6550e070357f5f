//! Loops over two variables: index and element of a list, or key and value of a map.

use std::{collections::HashMap, sync::Arc};

use kube_cel::cel::{
    ExecutionError, FunctionContext, ResolveResult, Value,
    common::ast::Expr,
    objects::{Key, Map},
};

use super::meter::{charge, charge_value};

/// What becomes of the pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loop {
    All,
    Exists,
    ExistsOne,
    List,
    Map,
    /// Its maps are put together into one.
    Entries,
}

impl Loop {
    /// By the word and the number of arguments, with which Kubernetes knows it too.
    pub(super) fn parse(word: &str, arguments: usize) -> Option<Self> {
        match (word, arguments) {
            ("all", 3) => Some(Self::All),
            ("exists", 3) => Some(Self::Exists),
            ("existsOne" | "exists_one", 3) => Some(Self::ExistsOne),
            ("transformList", 3 | 4) => Some(Self::List),
            ("transformMap", 3 | 4) => Some(Self::Map),
            ("transformMapEntry", 3 | 4) => Some(Self::Entries),
            _ => None,
        }
    }

    /// The word, with which it is called again when it runs.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Exists => "exists",
            Self::ExistsOne => "existsOne",
            Self::List => "transformList",
            Self::Map => "transformMap",
            Self::Entries => "transformMapEntry",
        }
    }

    /// Whether it asks something of each pair, and makes nothing of it.
    pub(super) fn is_test(self) -> bool {
        matches!(self, Self::All | Self::Exists | Self::ExistsOne)
    }
}

/// Runs a loop: what it goes through, the two variables, whether a pair counts, what becomes of it, which loop it is, and
/// what a turn costs.
pub(super) fn run(call: &FunctionContext) -> ResolveResult {
    let [range, first, second, keep, make, how, units] = call.args else {
        return Err(ExecutionError::invalid_argument_count(7, call.args.len()));
    };
    let (Expr::Ident(first), Expr::Ident(second)) = (&first.expr, &second.expr) else {
        return Err(ExecutionError::NoSuchOverload);
    };
    let (Value::String(how), Value::Int(units)) =
        (Value::resolve(how, call.ptx)?, Value::resolve(units, call.ptx)?)
    else {
        return Err(ExecutionError::NoSuchOverload);
    };
    let how = Loop::parse(&how, 3).ok_or(ExecutionError::NoSuchOverload)?;
    let mut made = Made::new(how);
    for (key, value) in pairs(Value::resolve(range, call.ptx)?)? {
        charge(units.unsigned_abs())?;
        let mut scope = call.ptx.new_inner_scope();
        scope.add_variable_from_value(first.as_str(), Value::from(&key));
        scope.add_variable_from_value(second.as_str(), value);
        if Value::resolve(keep, &scope)? == Value::Bool(false) {
            continue;
        }
        if made.add(key, Value::resolve(make, &scope))? == Turn::Last {
            break;
        }
    }
    made.end()
}

/// In the order of the keys, so that what is made is the same each time.
fn pairs(range: Value) -> Result<Vec<(Key, Value)>, ExecutionError> {
    match range {
        Value::List(elements) => Ok((0_i64..).map(Key::Int).zip(elements.iter().cloned()).collect()),
        Value::Map(map) => {
            let mut pairs: Vec<_> = map.map.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            pairs.sort_by_cached_key(|(key, _)| key.to_string());
            Ok(pairs)
        }
        _ => Err(ExecutionError::NoSuchOverload),
    }
}

#[derive(PartialEq, Eq)]
enum Turn {
    Next,
    Last,
}

/// What a loop has made so far.
struct Made {
    how: Loop,
    is_found: bool,
    /// What could not be said of a pair. Another one may make it of no matter.
    failed: Option<ExecutionError>,
    list: Vec<Value>,
    map: HashMap<Key, Value>,
}

impl Made {
    fn new(how: Loop) -> Self {
        Self { how, is_found: false, failed: None, list: Vec::new(), map: HashMap::new() }
    }

    fn add(&mut self, key: Key, made: ResolveResult) -> Result<Turn, ExecutionError> {
        match self.how {
            Loop::All | Loop::Exists => match made {
                Ok(Value::Bool(says)) if says == (self.how == Loop::Exists) => {
                    self.is_found = true;
                    return Ok(Turn::Last);
                }
                Ok(Value::Bool(_)) => {}
                Ok(_) => return Err(ExecutionError::NoSuchOverload),
                Err(error) => self.failed = self.failed.take().or(Some(error)),
            },
            Loop::ExistsOne => match made? {
                Value::Bool(true) if self.is_found => {
                    self.is_found = false;
                    return Ok(Turn::Last);
                }
                Value::Bool(says) => self.is_found |= says,
                _ => return Err(ExecutionError::NoSuchOverload),
            },
            Loop::List => {
                let made = made?;
                charge_value(&made)?;
                self.list.push(made);
            }
            Loop::Map => {
                let made = made?;
                charge_value(&made)?;
                self.map.insert(key, made);
            }
            Loop::Entries => {
                let made = made?;
                charge_value(&made)?;
                let Value::Map(entries) = made else { return Err(ExecutionError::NoSuchOverload) };
                for (key, value) in entries.map.iter() {
                    if self.map.insert(key.clone(), value.clone()).is_some() {
                        let words = format!("insert failed: key '{key}' already exists");
                        return Err(ExecutionError::function_error(self.how.word(), words));
                    }
                }
            }
        }
        Ok(Turn::Next)
    }

    fn end(self) -> ResolveResult {
        match (self.how, self.failed) {
            (Loop::All | Loop::Exists, Some(error)) if !self.is_found => Err(error),
            (Loop::All, _) => Ok(Value::Bool(!self.is_found)),
            (Loop::Exists | Loop::ExistsOne, _) => Ok(Value::Bool(self.is_found)),
            (Loop::List, _) => Ok(Value::List(Arc::new(self.list))),
            (Loop::Map | Loop::Entries, _) => Ok(Value::Map(Map { map: Arc::new(self.map) })),
        }
    }
}
