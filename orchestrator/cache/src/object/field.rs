//! Finds one field of a JSON text without making a tree of it.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// The scalar at a path of names, as text.
pub(super) fn find(json: &[u8], path: &[&str]) -> Option<String> {
    let mut found = None;
    let seek = Seek { path, found: &mut found };
    // The search ends in an error once it has found something, so that the rest need not be read.
    let _ = seek.deserialize(&mut serde_json::Deserializer::from_slice(json));
    found
}

struct Seek<'a> {
    path: &'a [&'a str],
    found: &'a mut Option<String>,
}

impl Seek<'_> {
    fn scalar<E: Error>(self, text: impl ToString) -> Result<(), E> {
        if self.path.is_empty() {
            *self.found = Some(text.to_string());
            return Err(E::custom("found"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Seek<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seek<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((name, path)) = self.path.split_first() else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(());
        };
        while let Some(is_it) = map.next_key_seed(Is(name))? {
            if is_it {
                map.next_value_seed(Seek { path, found: self.found })?;
                return Err(A::Error::custom("there is none"));
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.scalar(value)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.scalar(value)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.scalar(value)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.scalar(value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.scalar(value)
    }
}

/// Whether a name is this one.
struct Is<'a>(&'a str);

impl<'de> DeserializeSeed<'de> for Is<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Is<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<bool, E> {
        Ok(name == self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn scalars_are_found() {
        let json = br#"{"a":{"x":1,"b":"t\"wo","c":[{"b":1}],"d":null,"e":true,"f":-1.5},"b":"top","n":7}"#;
        let table: [(&[&str], Option<&str>); 11] = [
            (&["b"], Some("top")),
            (&["n"], Some("7")),
            (&["a", "b"], Some("t\"wo")),
            (&["a", "e"], Some("true")),
            (&["a", "f"], Some("-1.5")),
            (&["a", "d"], None),
            (&["a", "c"], None),
            (&["a", "c", "b"], None),
            (&["a"], None),
            (&["a", "b", "c"], None),
            (&[], None),
        ];
        for (path, expected) in table {
            assert_eq!(find(json, path).as_deref(), expected, "{path:?}");
        }
        assert_eq!(find(b"no JSON", &["a"]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_searched(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = find(&bytes, &["a", "b"]);
        }
    }
}
