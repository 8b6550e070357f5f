//! The table of docs/interop.md.

use std::fmt::Write as _;

use guideway_lab::router::Kind;

use super::{Cell, Feature, cell};

/// The line before the table in the document, and the one after it.
pub const MARKS: [&str; 2] =
    ["<!-- matrix: written by guideway_interop::matrix -->", "<!-- end of the matrix -->"];

/// The table and its notes in Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from("| Feature |");
    for kind in Kind::ALL {
        let _ = write!(text, " {kind} |");
    }
    text.push_str("\n|---|");
    text.push_str(&"---|".repeat(Kind::ALL.len()));
    text.push('\n');
    // A reason that holds for several cells is one note.
    let mut notes: Vec<String> = Vec::new();
    for feature in Feature::ALL {
        let _ = write!(text, "| {} |", feature.title());
        for kind in Kind::ALL {
            let (word, note) = match cell(kind, feature) {
                Cell::Works => {
                    text.push_str(" yes |");
                    continue;
                }
                Cell::Instead { because, proved } => ("other", format!("{because}. Proved: {proved}.")),
                Cell::Cannot(because) => ("no", format!("{because}.")),
            };
            let number = notes.iter().position(|known| *known == note).unwrap_or_else(|| {
                notes.push(note);
                notes.len() - 1
            });
            let _ = write!(text, " {word} ({}) |", number + 1);
        }
        text.push('\n');
    }
    text.push('\n');
    for (number, note) in (1..).zip(&notes) {
        let _ = writeln!(text, "{number}. {}", capital(note));
    }
    text
}

fn capital(note: &str) -> String {
    let mut letters = note.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
