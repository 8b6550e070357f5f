//! Regular expressions in Go's syntax.

use regex::{Regex, RegexBuilder};

/// Bound on the memory of a compiled expression, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// Compiles an expression that is written for Go.
///
/// # Errors
/// What is wrong with it, in words.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(&translate(pattern))
        .size_limit(MAX_SIZE)
        .build()
        .map_err(|error| error.to_string().lines().last().unwrap_or("syntax error").trim().to_owned())
}

/// An expression in the syntax of the regex crate. There, classes as `\d` hold all of Unicode, and `[`, `&&`, `--` and
/// `~~` mean something inside of brackets.
fn translate(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    let mut class = Class::Outside;
    while let Some(c) = chars.next() {
        let start = class == Class::Start;
        if start {
            class = Class::Inside;
        }
        match c {
            '\\' => match chars.next() {
                Some(escaped) => escape(escaped, class == Class::Inside, &mut out),
                None => out.push('\\'),
            },
            '[' if class == Class::Outside => {
                class = Class::Start;
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            '[' if chars.peek() == Some(&':') => out.push('['),
            ']' if class == Class::Inside && !start => {
                // Of `[:alpha:]` or of the class.
                if !out.ends_with(':') || !close_named(&out) {
                    class = Class::Outside;
                }
                out.push(']');
            }
            ']' | '[' | '&' | '~' if class == Class::Inside => {
                out.push('\\');
                out.push(c);
            }
            '-' if class == Class::Inside && chars.peek() == Some(&'-') => out.push_str("\\-"),
            c => out.push(c),
        }
    }
    out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Outside,
    /// Just behind the opening bracket, where a closing one is a character.
    Start,
    Inside,
}

/// Whether a name as `[:alpha:` is open at the end of what was written.
fn close_named(out: &str) -> bool {
    let name = &out[..out.len() - 1];
    name.rfind("[:")
        .is_some_and(|start| name[start + 2..].chars().all(|c| c.is_ascii_alphabetic() || c == '^'))
}

fn escape(escaped: char, inside: bool, out: &mut String) {
    let class = match escaped {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => "\\t\\n\\f\\r ",
        'D' => "^0-9",
        'W' => "^0-9A-Za-z_",
        'S' => "^\\t\\n\\f\\r ",
        'b' | 'B' if !inside => {
            out.push_str("(?-u:\\");
            out.push(escaped);
            out.push(')');
            return;
        }
        _ => {
            out.push('\\');
            out.push(escaped);
            return;
        }
    };
    if inside && !class.starts_with('^') {
        out.push_str(class);
    } else {
        out.push('[');
        out.push_str(class);
        out.push(']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_they_mean_in_go() {
        let cases: [(&str, &[&str], &[&str]); 12] = [
            (r"^\d+$", &["12"], &["", "a", "\u{663}"]),
            (r"^[\w.-]+$", &["a_1.b-"], &["\u{e9}", " "]),
            (r"^[^\d]$", &["a", "\u{663}"], &["1"]),
            (r"^[\D]$", &["a"], &["1"]),
            (r"^[]a]+$", &["]a"], &["b"]),
            (r"^[^]a]$", &["b"], &["]", "a"]),
            (r"^[[a]+$", &["[a"], &["b"]),
            (r"^[[:alpha:]&&b~~]+$", &["ab&~"], &["1"]),
            (r"^[a--]$", &["-"], &["b"]),
            (r"^[-a-z0-9]*$", &["a-1", ""], &["A"]),
            (r"^(?:/(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+)$", &["/a&b~c%2F"], &["a"]),
            (r"\bfoo\b", &["a foo b"], &["afoo"]),
        ];
        for (pattern, matched, refused) in cases {
            let regex = compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            for text in matched {
                assert!(regex.is_match(text), "{pattern} {text}");
            }
            for text in refused {
                assert!(!regex.is_match(text), "{pattern} {text}");
            }
        }
    }

    #[test]
    fn what_is_no_expression_or_too_large_is_refused() {
        for pattern in ["[", "(", "\\", "(?=a)", "(a{1000}){1000}", "[z-a]"] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
