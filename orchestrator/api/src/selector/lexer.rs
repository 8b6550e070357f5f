//! The words of label selectors.

use std::fmt;
use std::iter::Peekable;
use std::str::Chars;

/// A word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Identifier(String),
    Not,
    Equals,
    NotEquals,
    In,
    NotIn,
    GreaterThan,
    LessThan,
    Open,
    Close,
    Comma,
    Error(String),
    End,
}

/// Whether `in` and `notin` are operators or values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    KeyAndOperator,
    Values,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Identifier(text) | Self::Error(text) => text,
            Self::Not => "!",
            Self::Equals => "=",
            Self::NotEquals => "!=",
            Self::In => "in",
            Self::NotIn => "notin",
            Self::GreaterThan => ">",
            Self::LessThan => "<",
            Self::Open => "(",
            Self::Close => ")",
            Self::Comma => ",",
            Self::End => "",
        })
    }
}

/// Cuts a selector into words.
#[derive(Clone)]
pub(super) struct Lexer<'a> {
    chars: Peekable<Chars<'a>>,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { chars: text.chars().peekable() }
    }

    /// The next word, which stays.
    pub(super) fn peek(&self, context: Context) -> Token {
        self.clone().next(context)
    }

    /// The next word.
    pub(super) fn next(&mut self, context: Context) -> Token {
        while self.chars.next_if(|c| matches!(c, ' ' | '\t' | '\r' | '\n')).is_some() {}
        let Some(first) = self.chars.peek() else { return Token::End };
        if is_special(*first) {
            return self.special();
        }
        let mut word = String::new();
        while let Some(c) = self.chars.next_if(|c| !is_special(*c) && !matches!(c, ' ' | '\t' | '\r' | '\n'))
        {
            word.push(c);
        }
        match (context, word.as_str()) {
            (Context::KeyAndOperator, "in") => Token::In,
            (Context::KeyAndOperator, "notin") => Token::NotIn,
            _ => Token::Identifier(word),
        }
    }

    fn special(&mut self) -> Token {
        let first = self.chars.next().unwrap_or_default();
        match first {
            '(' => Token::Open,
            ')' => Token::Close,
            ',' => Token::Comma,
            '>' => Token::GreaterThan,
            '<' => Token::LessThan,
            '=' => {
                self.chars.next_if_eq(&'=');
                Token::Equals
            }
            '!' if self.chars.next_if_eq(&'=').is_some() => Token::NotEquals,
            '!' => Token::Not,
            other => Token::Error(other.to_string()),
        }
    }
}

fn is_special(c: char) -> bool {
    matches!(c, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}
