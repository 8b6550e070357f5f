//! No input makes the parser panic, and what it says is a usable place in the file.

use proptest::prelude::*;

use super::{EXAMPLE, SMALL, errors};
use crate::Config;

/// Pieces that mean something to YAML or to this parser.
const PIECES: &[&str] = &[
    "seed",
    "vips",
    "backend_sets",
    "health_check",
    "backends",
    "address",
    ": ",
    ":",
    "- ",
    "-",
    "{",
    "}",
    "[",
    "]",
    ",",
    "\n",
    "\n  ",
    "\n    ",
    "\t",
    "\"",
    "'",
    "#",
    " #",
    "&a ",
    "*a",
    "!t ",
    "!!str ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "|",
    ">-",
    "? ",
    "<<",
    "~",
    "null",
    "1",
    "-1",
    "0x10",
    "1e999",
    "500ms",
    "10.0.0.1",
    "::1",
    "::/0",
    "\u{feff}",
    "\u{0}",
    "\\",
    "\u{7f}",
    "é",
    "\u{202e}",
];

fn checked(text: &str) -> Result<(), TestCaseError> {
    let lines = text.lines().count();
    if let Err(errors) = Config::parse("f", text) {
        prop_assert!(!errors.problems().is_empty());
        for problem in errors.problems() {
            prop_assert!(problem.line >= 1 && problem.column >= 1, "{problem}");
            prop_assert!(problem.line <= lines + 1, "{problem} of {lines} lines");
            prop_assert!(!problem.to_string().contains('\n'), "{problem:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..512)) {
        let _ = Config::parse_bytes("f", &bytes);
    }

    #[test]
    fn text_never_panics(text in "\\PC{0,200}") {
        checked(&text)?;
    }

    #[test]
    fn pieces_of_yaml_never_panic(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60)) {
        checked(&pieces.concat())?;
    }

    #[test]
    fn mutated_files_never_panic(
        cuts in proptest::collection::vec((any::<proptest::sample::Index>(), 0_usize..12, proptest::sample::select(PIECES)), 1..6),
        small in any::<bool>(),
    ) {
        let mut text: Vec<char> = if small { SMALL } else { EXAMPLE }.chars().collect();
        for (at, removed, piece) in cuts {
            let start = at.index(text.len());
            let end = (start + removed).min(text.len());
            text.splice(start..end, piece.chars());
        }
        let text: String = text.into_iter().collect();
        checked(&text)?;
    }
}

#[test]
fn deep_nesting_is_refused() {
    let block: String = (0..1000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    for text in
        ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000), "? ".repeat(100_000), block]
    {
        let lines = errors(&text);
        assert_eq!(lines.len(), 1);
        assert!(lines[0].ends_with("nests deeper than 32; a configuration needs 5"), "{lines:?}");
    }
}

#[test]
fn nothing_grows_by_aliases() {
    let mut text = String::from("a0: &a0 [x, x, x, x]\n");
    for level in 1..20 {
        let before = level - 1;
        text.push_str(&format!("a{level}: &a{level} [*a{before}, *a{before}, *a{before}, *a{before}]\n"));
    }
    let lines = errors(&text);
    assert!(lines[0].starts_with("f.yaml:1:"), "{}", lines[0]);
    assert!(lines.iter().any(|line| line.contains("anchors (`&name`) are not supported")));
    assert!(lines.iter().any(|line| line.contains("aliases (`*name`) are not supported")));
}

#[test]
fn a_flood_of_errors_is_counted() {
    let text = format!("{SMALL}{}", "x: 1\n".repeat(5000));
    let lines = errors(&text);
    assert_eq!(lines.len(), 1001);
    assert!(lines[1000].ends_with("4000 more errors are not listed"), "{}", lines[1000]);
}
