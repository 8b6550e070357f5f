//! The reference in docs/configuration.md has a heading-like entry for each field that the parser knows.

use crate::parse::ALL_FIELDS;

const REFERENCE: &str = include_str!("../../../../docs/configuration.md");

#[test]
fn every_field_is_documented() {
    let missing: Vec<String> = ALL_FIELDS
        .iter()
        .flat_map(|(map, names)| {
            names
                .iter()
                .map(move |name| if map.is_empty() { (*name).to_owned() } else { format!("{map}.{name}") })
        })
        .filter(|path| !REFERENCE.contains(&format!("| `{path}` |")))
        .collect();
    assert_eq!(missing, Vec::<String>::new(), "give each a row in docs/configuration.md");
}

#[test]
fn no_field_is_documented_that_does_not_exist() {
    let known: Vec<String> = ALL_FIELDS
        .iter()
        .flat_map(|(map, names)| {
            names
                .iter()
                .map(move |name| if map.is_empty() { (*name).to_owned() } else { format!("{map}.{name}") })
        })
        .collect();
    for row in REFERENCE.lines().filter(|line| line.starts_with("| `")) {
        let path = row.split('`').nth(1).unwrap();
        assert!(known.iter().any(|field| field == path), "{path} is no field");
    }
}
