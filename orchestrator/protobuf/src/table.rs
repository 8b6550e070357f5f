//! The table: which fields each message has, and how Go's JSON shows them.

#[rustfmt::skip]
mod generated;

/// A message: its fields, sorted by tag.
pub(crate) struct Message(pub(crate) &'static [Field]);

/// Tag, JSON name (empty for [`Presence::Inline`]), and what is there.
pub(crate) struct Field(
    pub(crate) u32,
    pub(crate) &'static str,
    pub(crate) Presence,
    pub(crate) Shape,
    pub(crate) Kind,
);

/// When a field is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// When it is on the wire.
    Optional,
    /// When it is on the wire; it is null otherwise.
    Nullable,
    /// Unless it is zero or empty.
    OmitZero,
    /// Always: zero, null for lists and maps, an object for messages.
    Always,
    /// Its fields are fields of the message around it.
    Inline,
}

/// How many.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    List,
    /// Entries by a string.
    Map,
}

/// What a value is.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Bool,
    Int32,
    Int64,
    Double,
    String,
    /// Base64 in JSON.
    Bytes,
    Nested(&'static Message),
    /// Seconds and nanoseconds; text with whole seconds in JSON, null when empty.
    Time,
    /// The same with microseconds.
    MicroTime,
    /// Text.
    Quantity,
    IntOrString,
    /// Bytes that are JSON (`RawExtension`, `FieldsV1`).
    Json,
    /// A message of strings that is a list in JSON (`ExtraValue`).
    Strings,
    /// A truth value or a schema.
    SchemaOrBool(&'static Message),
    /// A schema or a list of them.
    SchemaOrList(&'static Message),
    /// A schema or a list of strings.
    SchemaOrStrings(&'static Message),
}

/// The message of a kind.
pub(crate) fn find(api_version: &str, kind: &str) -> Option<&'static Message> {
    // Options are sent with the version of the group that they are for.
    exact(api_version, kind).or_else(|| exact("*", kind))
}

/// The same for objects, whose kinds belong to one group each.
pub(crate) fn exact(version: &str, kind: &str) -> Option<&'static Message> {
    let index = generated::KINDS.binary_search_by_key(&(version, kind), |(version, kind, _)| (version, kind));
    index.ok().and_then(|index| generated::KINDS.get(index)).map(|(_, _, message)| *message)
}

#[cfg(test)]
pub(crate) fn kinds() -> impl Iterator<Item = (&'static str, &'static str, &'static Message)> {
    generated::KINDS.iter().copied()
}
