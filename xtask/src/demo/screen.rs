//! Progress and results for people: on stdout, or on stderr when stdout is for a JSON document.

use std::fmt::Display;
use std::io::Write as _;

/// Where text for people goes.
#[derive(Debug)]
pub(super) struct Screen {
    to_stderr: bool,
    chapter: u8,
}

impl Screen {
    pub(super) fn new(json: bool) -> Self {
        Self { to_stderr: json, chapter: 0 }
    }

    /// Begins the next chapter.
    pub(super) fn chapter(&mut self, title: &str) {
        self.chapter += 1;
        let number = self.chapter;
        self.line(format!("\n{number}. {title}"));
    }

    /// One line within a chapter.
    pub(super) fn say(&self, text: impl Display) {
        self.line(format!("   {text}"));
    }

    /// Rows below a head, in columns as wide as they need; the first column to the left, the others to the right.
    pub(super) fn table<const N: usize>(&self, head: [&str; N], rows: &[[String; N]]) {
        let mut widths = head.map(|title| title.chars().count());
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        self.row(&head.map(str::to_owned), &widths);
        for row in rows {
            self.row(row, &widths);
        }
    }

    fn row(&self, cells: &[String], widths: &[usize]) {
        let mut line = String::new();
        for (place, (cell, width)) in cells.iter().zip(widths).enumerate() {
            if place == 0 {
                line.push_str(&format!("{cell:<width$}"));
            } else {
                line.push_str(&format!("  {cell:>width$}"));
            }
        }
        self.say(line.trim_end());
    }

    fn line(&self, text: impl Display) {
        // A closed pipe (`| head`) is no reason to fail: the lab must still be taken down.
        let _ = if self.to_stderr {
            writeln!(std::io::stderr(), "{text}")
        } else {
            writeln!(std::io::stdout(), "{text}")
        };
    }
}
