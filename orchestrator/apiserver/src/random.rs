//! Chance: uids, names, and times that are not the same for everybody.

/// A fresh uid.
pub(crate) fn uid() -> String {
    // Not by a system call of its own, of which a create would make five.
    uuid::Builder::from_random_bytes(rand::random()).into_uuid().to_string()
}

/// Five letters and digits of names.
pub(crate) fn suffix() -> String {
    guideway_api::meta::generated_name("", wide())
}

/// From 0 up to 1.
pub(crate) fn fraction() -> f64 {
    rand::random()
}

/// Any number.
pub(crate) fn number() -> u32 {
    rand::random()
}

/// Any number, of more bits.
pub(crate) fn wide() -> u64 {
    rand::random()
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
