//! Chance: uids, names, and times that are not the same for everybody.

use uuid::Uuid;

/// A fresh uid.
pub(crate) fn uid() -> String {
    Uuid::new_v4().to_string()
}

/// Five letters and digits of names.
pub(crate) fn suffix() -> String {
    guideway_api::meta::generated_name("", wide())
}

/// From 0 up to 1.
pub(crate) fn fraction() -> f64 {
    f64::from(number()) / (f64::from(u32::MAX) + 1.0)
}

/// Any number.
pub(crate) fn number() -> u32 {
    let [a, b, c, d, ..] = Uuid::new_v4().into_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// Any number, of more bits.
pub(crate) fn wide() -> u64 {
    u64::from(number()) << 32 | u64::from(number())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_are_letters_of_names() {
        for _ in 0..100 {
            let suffix = suffix();
            assert_eq!(suffix.len(), 5);
            assert!((0.0..1.0).contains(&fraction()));
        }
    }
}
