//! What is known of a value before it is there.

use crate::{
    Schema, Type,
    cel::{bounds, types::Plain, values::property},
};

/// How many characters, bytes, elements or entries a value has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) least: u64,
    pub(super) most: u64,
}

impl Size {
    pub(super) const UNKNOWN: Self = Self { least: 0, most: u64::MAX };

    pub(super) fn exact(size: usize) -> Self {
        Self { least: size as u64, most: size as u64 }
    }

    pub(super) fn at_most(most: u64) -> Self {
        Self { least: 0, most }
    }

    /// That of a value which is one of several.
    pub(super) fn of_any(sizes: impl Iterator<Item = Self>) -> Self {
        sizes.reduce(Self::or).unwrap_or(Self::exact(0))
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self { least: self.least.min(other.least), most: self.most.max(other.most) }
    }

    pub(super) fn plus(self, other: Self) -> Self {
        Self { least: self.least.saturating_add(other.least), most: self.most.saturating_add(other.most) }
    }

    pub(super) fn times(self, other: Self) -> Self {
        Self { least: self.least.saturating_mul(other.least), most: self.most.saturating_mul(other.most) }
    }

    /// What it costs to go through a text of this size.
    pub(super) fn traversal(self) -> u64 {
        scaled(self.most, 0.1)
    }
}

/// A count times a factor, rounded up.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates
pub(super) fn scaled(count: u64, factor: f64) -> u64 {
    (count as f64 * factor).ceil() as u64
}

/// Sizes of what is in a list or map that an expression makes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entries {
    pub(super) key: Size,
    pub(super) value: Size,
}

impl Entries {
    pub(super) fn or(self, other: Self) -> Self {
        Self { key: self.key.or(other.key), value: self.value.or(other.value) }
    }
}

/// The type of a value.
#[derive(Debug, Clone, Default)]
pub(super) enum Kind {
    /// It is known when there is a value.
    #[default]
    Any,
    Plain(Plain),
    Place(Schema),
    List(Box<Kind>),
    Map(Box<Kind>),
    Optional(Box<Kind>),
    /// Something that only functions look into: quantities, addresses, numbers of which the type does not matter.
    Other,
}

impl Kind {
    pub(super) fn plain(&self) -> Option<Plain> {
        match self {
            Self::Any | Self::Optional(_) | Self::Other => None,
            Self::Plain(plain) => Some(*plain),
            Self::Place(schema) => Plain::of_values(schema),
            Self::List(_) => Some(Plain::List),
            Self::Map(_) => Some(Plain::Map),
        }
    }

    /// Whether it may be one of these types.
    pub(super) fn may_be(&self, kinds: &[Plain]) -> bool {
        match self {
            Self::Optional(_) | Self::Other => false,
            kind => kind.plain().is_none_or(|plain| kinds.contains(&plain)),
        }
    }

    pub(super) fn has_fields(&self) -> bool {
        self.plain() == Some(Plain::Map)
    }

    /// What a field or an entry of it is.
    pub(super) fn field(&self, name: &str) -> Self {
        match self {
            Self::Place(schema) => {
                property(schema, name).or(schema.additional()).cloned().map_or(Self::Any, Self::Place)
            }
            Self::Map(value) => (**value).clone(),
            Self::Optional(inner) => Self::Optional(Box::new(inner.field(name))),
            _ => Self::Any,
        }
    }

    /// What an element or an entry of it is.
    pub(super) fn element(&self) -> Self {
        match self {
            Self::Place(schema) => {
                schema.items().or_else(|| schema.additional()).cloned().map_or(Self::Any, Self::Place)
            }
            Self::List(of) | Self::Map(of) => (**of).clone(),
            Self::Optional(inner) => Self::Optional(Box::new(inner.element())),
            _ => Self::Any,
        }
    }

    /// The one of two that says more.
    pub(super) fn or(&self, other: &Self) -> Self {
        match self {
            Self::Any => other.clone(),
            Self::List(of) | Self::Map(of) if matches!(**of, Self::Any) => other.clone(),
            known => known.clone(),
        }
    }
}

/// Where in the object a value is.
#[derive(Debug, Clone, Default)]
pub(super) enum At {
    /// It is not in the object: the expression made it.
    #[default]
    Nowhere,
    Place(Schema),
    /// The key of a map.
    Key,
    /// In the object, but the schema says nothing of it.
    Lost,
}

impl At {
    /// The size of values there.
    pub(super) fn size(&self) -> Option<Size> {
        match self {
            Self::Nowhere | Self::Lost => None,
            // Kubernetes does not count the characters of keys.
            Self::Key => Some(Size::at_most(0)),
            Self::Place(schema) => bounds::most(schema).map(Size::at_most),
        }
    }

    /// A step down. What is below a value that is not in the object is taken for the object itself, as Kubernetes does.
    fn step<'a>(&'a self, root: &'a Schema, below: impl FnOnce(&'a Schema) -> Option<&'a Schema>) -> Self {
        match self {
            Self::Nowhere => Self::Place(root.clone()),
            Self::Place(schema) => below(schema).cloned().map_or(Self::Lost, Self::Place),
            Self::Key | Self::Lost => Self::Lost,
        }
    }

    pub(super) fn field(&self, name: &str, root: &Schema) -> Self {
        self.step(root, |schema| property(schema, name))
    }

    pub(super) fn element(&self, root: &Schema) -> Self {
        self.step(root, |schema| schema.items().or_else(|| schema.additional()))
    }

    fn key(&self, root: &Schema) -> Self {
        match self {
            Self::Place(schema) if schema.additional().is_some() => Self::Key,
            other => other.step(root, |_| None),
        }
    }
}

/// What is known of a value.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    pub(super) kind: Kind,
    /// Its size, if the expression tells.
    pub(super) computed: Option<Size>,
    pub(super) at: At,
    /// Its size, if nothing better is known.
    pub(super) fallback: Option<Size>,
    pub(super) entries: Option<Entries>,
}

impl Known {
    pub(super) fn of(plain: Plain) -> Self {
        Self { kind: Kind::Plain(plain), ..Self::default() }
    }

    pub(super) fn sized(size: Size) -> Self {
        Self { computed: Some(size), ..Self::default() }
    }

    pub(super) fn size(&self) -> Option<Size> {
        self.computed.or_else(|| self.at.size()).or_else(|| self.scalar()).or(self.fallback)
    }

    fn scalar(&self) -> Option<Size> {
        use Plain::{Bool, Double, Duration, Int, Timestamp, Uint};
        let plain = match &self.kind {
            Kind::Optional(inner) => inner.plain(),
            kind => kind.plain(),
        };
        plain
            .filter(|plain| [Bool, Double, Duration, Int, Timestamp, Uint].contains(plain))
            .map(|_| Size::exact(1))
    }

    pub(super) fn size_or_unknown(&self) -> Size {
        self.size().unwrap_or(Size::UNKNOWN)
    }

    pub(super) fn is_list(&self) -> bool {
        self.kind.plain() == Some(Plain::List)
    }

    /// What an index gives.
    pub(super) fn element(&self, root: &Schema) -> Self {
        Self {
            kind: self.kind.element(),
            computed: self.entries.map(|entries| entries.value),
            at: self.at.element(root),
            ..Self::default()
        }
    }

    /// An element or a value, as the variable of a loop.
    pub(super) fn member(&self, root: &Schema) -> Self {
        Self {
            kind: self.kind.element(),
            at: self.at.element(root),
            fallback: self.entries.map(|entries| entries.value),
            ..Self::default()
        }
    }

    /// A key, as the variable of a loop.
    pub(super) fn key(&self, root: &Schema) -> Self {
        let kind = match &self.kind {
            Kind::Place(schema) if schema.kind() == Type::Object => Kind::Plain(Plain::String),
            _ => Kind::Any,
        };
        let fallback = self.entries.map(|entries| entries.key);
        Self { kind, at: self.at.key(root), fallback, ..Self::default() }
    }

    /// One of two values, of which it is not known which.
    pub(super) fn or(&self, other: &Self) -> Self {
        Self {
            kind: self.kind.or(&other.kind),
            computed: Some(self.size_or_unknown().or(other.size_or_unknown())),
            entries: self.entries.zip(other.entries).map(|(a, b)| a.or(b)),
            ..Self::default()
        }
    }
}
