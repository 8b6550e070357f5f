//! What a resource may hold, as data.

use crate::formats::Format;

/// A field of an object.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Its meaning, for the definition and the documentation.
    pub about: &'static str,
    /// What it holds.
    pub shape: Shape,
    /// Whether it must be there.
    pub need: Need,
    /// What becomes of it.
    pub fate: Fate,
}

/// Whether a field must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It must.
    Required,
    /// It may be left out.
    Optional,
    /// The API server writes this when it is left out, as JSON.
    Default(&'static str),
}

/// What becomes of what somebody writes into a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It means what the field's description says.
    Carries,
    /// It has its effect, with this difference to MetalLB.
    Differs(&'static str),
    /// It has no effect, for this reason.
    Ignored(&'static str),
    /// Without its effect the object would do something else than is wanted; this is to be done.
    Refused(&'static str),
}

impl Fate {
    /// One word for tables.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Carries => "carries over",
            Self::Differs(_) => "differs",
            Self::Ignored(_) => "ignored",
            Self::Refused(_) => "refused",
        }
    }

    /// What there is to say, if anything.
    #[must_use]
    pub const fn text(self) -> Option<&'static str> {
        match self {
            Self::Carries => None,
            Self::Differs(text) | Self::Ignored(text) | Self::Refused(text) => Some(text),
        }
    }
}

/// What a field holds.
#[derive(Debug)]
pub enum Shape {
    /// A text.
    Text(Format),
    /// A text that may be empty, and then counts as left out.
    MaybeText(Format),
    /// One of these words.
    Word(&'static [&'static str]),
    /// A whole number in these bounds, both included.
    Number(i64, i64),
    /// One of these numbers.
    OneOf(&'static [i64]),
    /// `true` or `false`.
    Switch,
    /// A map of texts.
    Texts,
    /// A Kubernetes label selector.
    Selector,
    /// A list.
    List {
        /// What each element is.
        of: &'static Shape,
        /// Fewest elements.
        min: usize,
        /// Most elements.
        max: usize,
        /// How elements are told apart.
        kind: ListKind,
    },
    /// An object with fields.
    Object(&'static Fields),
}

/// How the elements of a list are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListKind {
    /// By their place.
    Atomic,
    /// By themselves: each once.
    Set,
    /// By this field of theirs: each value once.
    Map(&'static str),
}

/// The fields of an object, and what must hold between them.
#[derive(Debug)]
pub struct Fields {
    /// In the order of the documentation.
    pub fields: &'static [Field],
    /// What the API server checks; the parser checks the same.
    pub rules: &'static [Rule],
}

/// A rule of a definition, in CEL.
#[derive(Debug)]
pub struct Rule {
    /// The expression.
    pub cel: &'static str,
    /// What is said when it does not hold.
    pub message: &'static str,
}

impl Field {
    /// A field that has its effect and may be left out.
    #[must_use]
    pub(crate) const fn optional(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, about, shape, need: Need::Optional, fate: Fate::Carries }
    }

    /// A field that has its effect and must be there.
    #[must_use]
    pub(crate) const fn required(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { need: Need::Required, ..Self::optional(name, shape, about) }
    }

    /// The same with a value that the API server writes.
    #[must_use]
    pub(crate) const fn default(self, json: &'static str) -> Self {
        Self { need: Need::Default(json), ..self }
    }

    /// The same with another fate.
    #[must_use]
    pub(crate) const fn fate(self, fate: Fate) -> Self {
        Self { fate, ..self }
    }
}

/// A list without an order of its own.
pub(crate) const fn list(of: &'static Shape, min: usize, max: usize) -> Shape {
    Shape::List { of, min, max, kind: ListKind::Atomic }
}

/// A list with each element once.
pub(crate) const fn set(of: &'static Shape, min: usize, max: usize) -> Shape {
    Shape::List { of, min, max, kind: ListKind::Set }
}
