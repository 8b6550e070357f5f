//! Functions of expressions: Kubernetes' own, and those that rewritten expressions call.

use std::{
    cmp::Ordering,
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use kube_cel::{
    KubeCelExt as _,
    cel::{
        Context, ExecutionError, FunctionContext, ResolveResult, Value,
        common::ast::Expr,
        extractors::{Arguments, This},
        objects::Key,
    },
};
use regex::Regex;

use super::meter::{self, MAX_SIZE, charge, charge_value};
use super::{pairs, types};
use crate::pattern;

/// Names of functions that rewriting puts in. No expression can spell them.
pub(super) mod name {
    /// Pays for a look at the argument, and gives it back.
    pub(crate) const METERED: &str = "@metered";
    /// The same for lists of which every pair is compared.
    pub(crate) const SQUARED: &str = "@squared";
    /// The list that a loop makes of another one.
    pub(crate) const COLLECT: &str = "@collect";
    /// A loop over two variables.
    pub(crate) const PAIRS: &str = "@pairs";
    /// Pays for a turn of a loop.
    pub(crate) const TICK: &str = "@tick";
    pub(crate) const ADD: &str = "@add";
    pub(crate) const EQUAL: &str = "@equal";
    pub(crate) const UNEQUAL: &str = "@unequal";
    pub(crate) const IN: &str = "@contains";
    pub(crate) const LESS: &str = "@less";
    pub(crate) const LESS_EQUAL: &str = "@less_equal";
    pub(crate) const GREATER: &str = "@greater";
    pub(crate) const GREATER_EQUAL: &str = "@greater_equal";
}

/// Functions that expressions may call, methods among them.
pub(super) const KNOWN: [&str; 95] = [
    "add",
    "asApproximateFloat",
    "asInteger",
    "bytes",
    "charAt",
    "cidr",
    "compareTo",
    "contains",
    "containsCIDR",
    "containsIP",
    "distinct",
    "double",
    "duration",
    "dyn",
    "endsWith",
    "family",
    "find",
    "findAll",
    "first",
    "flatten",
    "format",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getEscapedPath",
    "getFullYear",
    "getHost",
    "getHostname",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getPort",
    "getQuery",
    "getScheme",
    "getSeconds",
    "hasValue",
    "indexOf",
    "int",
    "ip",
    "isCIDR",
    "isCIDRv4",
    "isCIDRv6",
    "isGlobalUnicast",
    "isGreaterThan",
    "isIP",
    "isIPv4",
    "isIPv6",
    "isInteger",
    "isLessThan",
    "isLinkLocalMulticast",
    "isLinkLocalUnicast",
    "isLoopback",
    "isQuantity",
    "isSemver",
    "isSorted",
    "isURL",
    "isUnspecified",
    "join",
    "last",
    "lastIndexOf",
    "lowerAscii",
    "major",
    "masked",
    "matches",
    "max",
    "min",
    "minor",
    "or",
    "orValue",
    "patch",
    "prefixLength",
    "quantity",
    "replace",
    "reverse",
    "semver",
    "sign",
    "size",
    "slice",
    "sort",
    "split",
    "startsWith",
    "string",
    "sub",
    "substring",
    "sum",
    "timestamp",
    "trim",
    "type",
    "uint",
    "upperAscii",
    "url",
    "validate",
    "value",
];

/// Functions of a namespace.
pub(super) const QUALIFIED: [&str; 44] = [
    "base64.decode",
    "base64.encode",
    "format.byte",
    "format.date",
    "format.datetime",
    "format.dns1035Label",
    "format.dns1035LabelPrefix",
    "format.dns1123Label",
    "format.dns1123LabelPrefix",
    "format.dns1123Subdomain",
    "format.dns1123SubdomainPrefix",
    "format.labelValue",
    "format.named",
    "format.qualifiedName",
    "format.uri",
    "format.uuid",
    "ip.isCanonical",
    "jsonpatch.escapeKey",
    "lists.range",
    "math.abs",
    "math.bitAnd",
    "math.bitNot",
    "math.bitOr",
    "math.bitShiftLeft",
    "math.bitShiftRight",
    "math.bitXor",
    "math.ceil",
    "math.floor",
    "math.greatest",
    "math.isFinite",
    "math.isInf",
    "math.isNaN",
    "math.least",
    "math.round",
    "math.sign",
    "math.sqrt",
    "math.trunc",
    "optional.none",
    "optional.of",
    "optional.ofNonZeroValue",
    "sets.contains",
    "sets.equivalent",
    "sets.intersects",
    "strings.quote",
];

/// All of them. Variables go into scopes below.
pub(super) static CONTEXT: LazyLock<Context<'static>> = LazyLock::new(|| {
    let mut context = Context::default().with_all();
    context.add_function(name::METERED, |value: Value| -> ResolveResult {
        bounded(&value)?;
        charge_value(&value)?;
        Ok(value)
    });
    context.add_function(name::SQUARED, |value: Value| -> ResolveResult {
        if let Value::List(elements) = &value {
            let length = elements.len() as u64;
            charge(length.saturating_mul(meter::size(&value)) / 2 + 1)?;
        }
        charge_value(&value)?;
        Ok(value)
    });
    context.add_function(name::TICK, |units: i64| -> ResolveResult {
        charge(units.unsigned_abs())?;
        Ok(Value::Bool(true))
    });
    context.add_function(name::COLLECT, collect);
    context.add_function(name::PAIRS, pairs::run);
    context.add_function(name::ADD, |left: Value, right: Value| -> ResolveResult {
        charge_value(&left)?;
        charge_value(&right)?;
        let sum = (left + right)?;
        bounded(&sum)?;
        Ok(sum)
    });
    context.add_function(name::EQUAL, |left: Value, right: Value| equal(&left, &right).map(Value::Bool));
    context.add_function(name::UNEQUAL, |left: Value, right: Value| {
        equal(&left, &right).map(|equal| Value::Bool(!equal))
    });
    context.add_function(name::IN, contains);
    context.add_function(name::LESS, |left: Value, right: Value| compare(&left, &right, Ordering::is_lt));
    context
        .add_function(name::LESS_EQUAL, |left: Value, right: Value| compare(&left, &right, Ordering::is_le));
    context.add_function(name::GREATER, |left: Value, right: Value| compare(&left, &right, Ordering::is_gt));
    context.add_function(name::GREATER_EQUAL, |left: Value, right: Value| {
        compare(&left, &right, Ordering::is_ge)
    });
    context.add_function("size", size);
    context.add_function("type", |value: Value| -> ResolveResult { Ok(string(types::of_value(&value))) });
    context.add_function("dyn", |value: Value| -> ResolveResult { Ok(value) });
    context.add_function(
        "matches",
        |This(text): This<Arc<String>>, expression: Arc<String>| -> ResolveResult {
            Ok(Value::Bool(regex("matches", &expression)?.is_match(&text)))
        },
    );
    context.add_function("find", |This(text): This<Arc<String>>, expression: Arc<String>| -> ResolveResult {
        let regex = regex("find", &expression)?;
        Ok(string(regex.find(&text).map_or("", |found| found.as_str())))
    });
    context.add_function("findAll", find_all);
    context.add_function("replace", replace);
    context.add_function("join", join);
    context.add_function("lists.range", |count: i64| -> ResolveResult {
        let count = usize::try_from(count).unwrap_or_default();
        if count > MAX_SIZE {
            return Err(ExecutionError::function_error("lists.range", "the list is too long"));
        }
        charge(count as u64)?;
        Ok(Value::List(Arc::new((0_i64..).take(count).map(Value::Int).collect())))
    });
    context
});

/// Of texts the characters count, not their bytes.
fn size(This(value): This<Value>) -> ResolveResult {
    let size = match &value {
        Value::String(text) => {
            charge_value(&value)?;
            text.chars().count()
        }
        Value::Bytes(bytes) => bytes.len(),
        Value::List(elements) => elements.len(),
        Value::Map(map) => map.map.len(),
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    i64::try_from(size).map(Value::Int).map_err(|_| ExecutionError::NoSuchOverload)
}

fn string(text: &str) -> Value {
    Value::String(Arc::new(text.to_owned()))
}

/// Refuses values that grew too large.
fn bounded(value: &Value) -> Result<(), ExecutionError> {
    let size = match value {
        Value::String(text) => text.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::List(elements) => elements.len(),
        _ => 0,
    };
    // What objects hold may be larger than what expressions make: requests are bounded elsewhere.
    if size > 4 * MAX_SIZE {
        return Err(ExecutionError::function_error("budget", "a value is too large"));
    }
    Ok(())
}

fn equal(left: &Value, right: &Value) -> Result<bool, ExecutionError> {
    charge_value(left)?;
    charge_value(right)?;
    Ok(left == right)
}

fn compare(left: &Value, right: &Value, test: fn(Ordering) -> bool) -> ResolveResult {
    charge_value(left)?;
    charge_value(right)?;
    let ordering = left.partial_cmp(right).ok_or(ExecutionError::NoSuchOverload)?;
    Ok(Value::Bool(test(ordering)))
}

/// `map` and `filter`: what they go through, the variable, whether an element counts, what becomes of it, and what a turn
/// costs. The interpreter would copy the list with each element that it adds.
fn collect(call: &FunctionContext) -> ResolveResult {
    let [range, variable, keep, make, units] = call.args else {
        return Err(ExecutionError::invalid_argument_count(5, call.args.len()));
    };
    let Expr::Ident(variable) = &variable.expr else { return Err(ExecutionError::NoSuchOverload) };
    let Value::Int(units) = Value::resolve(units, call.ptx)? else {
        return Err(ExecutionError::NoSuchOverload);
    };
    let elements = match Value::resolve(range, call.ptx)? {
        Value::List(elements) => elements,
        Value::Map(map) => Arc::new(map.map.keys().map(Value::from).collect()),
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    let mut made = Vec::new();
    for element in elements.iter() {
        charge(units.unsigned_abs())?;
        let mut scope = call.ptx.new_inner_scope();
        scope.add_variable_from_value(variable.as_str(), element.clone());
        match Value::resolve(keep, &scope)? {
            Value::Bool(true) => {
                let value = Value::resolve(make, &scope)?;
                charge_value(&value)?;
                made.push(value);
            }
            Value::Bool(false) => {}
            _ => return Err(ExecutionError::NoSuchOverload),
        }
    }
    Ok(Value::List(Arc::new(made)))
}

fn contains(element: Value, container: Value) -> ResolveResult {
    charge_value(&container)?;
    let found = match &container {
        Value::List(elements) => elements.contains(&element),
        Value::Map(map) => {
            let key = match element {
                Value::String(text) => Key::String(text),
                Value::Int(number) => Key::Int(number),
                Value::UInt(number) => Key::Uint(number),
                Value::Bool(flag) => Key::Bool(flag),
                _ => return Err(ExecutionError::NoSuchOverload),
            };
            map.map.contains_key(&key)
        }
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    Ok(Value::Bool(found))
}

fn find_all(This(text): This<Arc<String>>, Arguments(arguments): Arguments) -> ResolveResult {
    let (expression, limit) = match arguments.as_slice() {
        [Value::String(expression)] => (expression, usize::MAX),
        [Value::String(expression), Value::Int(limit)] => {
            (expression, usize::try_from(*limit).unwrap_or(usize::MAX))
        }
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    let regex = regex("findAll", expression)?;
    let found = regex.find_iter(&text).take(limit.min(MAX_SIZE)).map(|found| string(found.as_str()));
    Ok(Value::List(Arc::new(found.collect())))
}

fn replace(This(text): This<Arc<String>>, Arguments(arguments): Arguments) -> ResolveResult {
    let (from, to, limit) = match arguments.as_slice() {
        [Value::String(from), Value::String(to)] => (from, to, usize::MAX),
        [Value::String(from), Value::String(to), Value::Int(limit)] => {
            (from, to, usize::try_from(*limit).unwrap_or(usize::MAX))
        }
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    let count = text.matches(from.as_str()).count().min(limit);
    if text.len() + count.saturating_mul(to.len()) > 4 * MAX_SIZE {
        return Err(ExecutionError::function_error("replace", "the text is too long"));
    }
    Ok(string(&text.replacen(from.as_str(), to, limit)))
}

fn join(This(elements): This<Arc<Vec<Value>>>, Arguments(arguments): Arguments) -> ResolveResult {
    let separator = match arguments.as_slice() {
        [] => "",
        [Value::String(separator)] => separator.as_str(),
        _ => return Err(ExecutionError::NoSuchOverload),
    };
    let mut joined = String::new();
    for (index, element) in elements.iter().enumerate() {
        let Value::String(text) = element else { return Err(ExecutionError::NoSuchOverload) };
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(text);
        if joined.len() > 4 * MAX_SIZE {
            return Err(ExecutionError::function_error("join", "the text is too long"));
        }
    }
    Ok(Value::String(Arc::new(joined)))
}

/// How many compiled expressions are kept.
const MAX_CACHED: usize = 256;

/// A regular expression in Go's syntax. Most are literals of rules: they are compiled once.
fn regex(function: &str, expression: &Arc<String>) -> Result<Regex, ExecutionError> {
    static CACHE: LazyLock<Mutex<HashMap<Arc<String>, Regex>>> = LazyLock::new(Mutex::default);
    let cached = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = cached().get(expression) {
        return Ok(regex.clone());
    }
    // Compiling takes some microseconds to milliseconds.
    charge(20_000)?;
    let regex =
        pattern::compile(expression).map_err(|error| ExecutionError::function_error(function, error))?;
    let mut cache = cached();
    if cache.len() >= MAX_CACHED {
        cache.clear();
    }
    cache.insert(expression.clone(), regex.clone());
    Ok(regex)
}

#[cfg(test)]
mod tests {
    use kube_cel::cel::Program;

    use super::*;

    #[test]
    fn every_function_that_compiles_is_there() {
        for function in KNOWN.into_iter().chain(QUALIFIED) {
            let program = Program::compile(&format!("{function}()")).unwrap();
            let error = program.execute(&CONTEXT.new_inner_scope());
            assert!(!matches!(error, Err(ExecutionError::UndeclaredReference(_))), "{function}: {error:?}");
        }
    }
}
