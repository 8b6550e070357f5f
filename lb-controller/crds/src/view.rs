use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::findings::Findings;
use crate::formats::Wrong;
use crate::{Selector, selector};

/// The fields of an object that [`check`](crate::check) has looked at: what is malformed has been reported and counts as
/// left out, as do `null` and empty texts.
#[derive(Clone, Debug)]
pub(crate) struct View<'v> {
    fields: Option<&'v Map<String, Value>>,
    place: String,
}

impl<'v> View<'v> {
    pub(crate) fn new(value: Option<&'v Value>, place: impl Into<String>) -> Self {
        Self { fields: value.and_then(Value::as_object), place: place.into() }
    }

    /// The place of a field.
    pub(crate) fn place(&self, name: &str) -> String {
        format!("{}.{name}", self.place)
    }

    pub(crate) fn raw(&self, name: &str) -> Option<&'v Value> {
        self.fields.and_then(|fields| fields.get(name)).filter(|value| !value.is_null())
    }

    /// Whether something is written there.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'v str> {
        self.raw(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    pub(crate) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    pub(crate) fn parse<T>(&self, name: &str, parse: impl Fn(&str) -> Result<T, Wrong>) -> Option<T> {
        self.text(name).and_then(|text| parse(text).ok())
    }

    /// A number that fits; others have been reported.
    pub(crate) fn number<N: TryFrom<i64>>(&self, name: &str) -> Option<N> {
        self.raw(name).and_then(Value::as_i64).and_then(|number| N::try_from(number).ok())
    }

    pub(crate) fn switch(&self, name: &str) -> Option<bool> {
        self.raw(name).and_then(Value::as_bool)
    }

    pub(crate) fn object(&self, name: &str) -> Option<Self> {
        self.raw(name).filter(|value| value.is_object()).map(|value| Self::new(Some(value), self.place(name)))
    }

    pub(crate) fn list(&self, name: &str) -> &'v [Value] {
        self.raw(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn objects(&self, name: &str) -> impl Iterator<Item = Self> {
        let place = self.place(name);
        let view = move |(index, value)| Self::new(Some(value), format!("{place}[{index}]"));
        self.list(name).iter().enumerate().map(view)
    }

    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        self.list(name).iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// A map of texts.
    pub(crate) fn all_texts(&self) -> BTreeMap<String, String> {
        let texts = self.fields.into_iter().flatten();
        texts.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
    }

    pub(crate) fn names(&self, name: &str) -> BTreeSet<String> {
        self.texts(name).into_iter().collect()
    }

    pub(crate) fn selector(&self, name: &str) -> Option<Selector> {
        // Its errors were reported when it was checked.
        self.raw(name).and_then(|value| selector::read(value, "", &mut Findings::default()))
    }

    pub(crate) fn selectors(&self, name: &str) -> Vec<Selector> {
        let read = |value| selector::read(value, "", &mut Findings::default());
        self.list(name).iter().filter_map(read).collect()
    }
}
