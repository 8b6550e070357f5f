//! What is wrong with a text that is no JSON, in the words of Go's `encoding/json`, which Kubernetes answers with.

/// Looks for the first error of syntax. None: there is none that this finds.
pub(super) fn error(text: &[u8]) -> Option<String> {
    let mut scanner = Scanner { text, at: 0 };
    match scanner.document() {
        Ok(()) => None,
        Err(Wrong::End) => Some("unexpected end of JSON input".to_owned()),
        Err(Wrong::Byte(context)) => {
            let byte = text.get(scanner.at).copied().unwrap_or_default();
            Some(format!("invalid character {} {context}", quoted(byte)))
        }
    }
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

enum Wrong {
    /// The text ends too early.
    End,
    /// The next byte fits nothing, and where that is.
    Byte(&'static str),
}

type Scanned = Result<(), Wrong>;

const AFTER_ALL: &str = "after top-level value";
const AFTER_ELEMENT: &str = "after array element";
const AFTER_PAIR: &str = "after object key:value pair";
const FOR_VALUE: &str = "looking for beginning of value";
const FOR_KEY: &str = "looking for beginning of object key string";

impl Scanner<'_> {
    fn document(&mut self) -> Scanned {
        // What is open: true for an object. Depth is none of the syntax.
        let mut open: Vec<bool> = Vec::new();
        loop {
            let byte = self.visible()?;
            match byte {
                b'{' | b'[' => {
                    self.at += 1;
                    let is_object = byte == b'{';
                    if self.visible()? == if is_object { b'}' } else { b']' } {
                        self.at += 1;
                    } else {
                        open.push(is_object);
                        if is_object {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b'"' => self.string()?,
                b'-' | b'0'..=b'9' => self.number(byte)?,
                b't' => self.literal(&TRUE)?,
                b'f' => self.literal(&FALSE)?,
                b'n' => self.literal(&NULL)?,
                _ => return Err(Wrong::Byte(FOR_VALUE)),
            }
            // A value has ended; so may what is around it.
            loop {
                let Some(is_object) = open.last().copied() else {
                    return self.visible().map_or(Ok(()), |_more| Err(Wrong::Byte(AFTER_ALL)));
                };
                match (self.visible()?, is_object) {
                    (b',', true) => {
                        self.at += 1;
                        self.visible()?;
                        self.key()?;
                        break;
                    }
                    (b',', false) => {
                        self.at += 1;
                        break;
                    }
                    (b'}', true) | (b']', false) => {
                        self.at += 1;
                        open.pop();
                    }
                    (_, true) => return Err(Wrong::Byte(AFTER_PAIR)),
                    (_, false) => return Err(Wrong::Byte(AFTER_ELEMENT)),
                }
            }
        }
    }

    /// A name and its colon.
    fn key(&mut self) -> Scanned {
        if self.byte()? != b'"' {
            return Err(Wrong::Byte(FOR_KEY));
        }
        self.string()?;
        self.visible()?;
        self.expect(|byte| byte == b':', "after object key")
    }

    fn string(&mut self) -> Scanned {
        self.at += 1;
        loop {
            match self.byte()? {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => {
                    self.at += 1;
                    match self.byte()? {
                        b'u' => {
                            self.at += 1;
                            for _ in 0..4 {
                                let context = "in \\u hexadecimal character escape";
                                self.expect(|byte| byte.is_ascii_hexdigit(), context)?;
                            }
                        }
                        b'b' | b'f' | b'n' | b'r' | b't' | b'\\' | b'/' | b'"' => self.at += 1,
                        _ => return Err(Wrong::Byte("in string escape code")),
                    }
                }
                0..0x20 => return Err(Wrong::Byte("in string literal")),
                _ => self.at += 1,
            }
        }
    }

    fn number(&mut self, first: u8) -> Scanned {
        self.at += 1;
        let mut first = first;
        if first == b'-' {
            first = self.byte()?;
            self.expect(|byte| byte.is_ascii_digit(), "in numeric literal")?;
        }
        if first != b'0' {
            self.digits();
        }
        if self.text.get(self.at) == Some(&b'.') {
            self.at += 1;
            let context = "after decimal point in numeric literal";
            self.expect(|byte| byte.is_ascii_digit(), context)?;
            self.digits();
        }
        if matches!(self.text.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.byte()?, b'+' | b'-') {
                self.at += 1;
            }
            self.expect(|byte| byte.is_ascii_digit(), "in exponent of numeric literal")?;
            self.digits();
        }
        Ok(())
    }

    fn digits(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_digit) {
            self.at += 1;
        }
    }

    fn literal(&mut self, rest: &[(u8, &'static str)]) -> Scanned {
        self.at += 1;
        rest.iter().try_for_each(|(byte, context)| self.expect(|found| found == *byte, context))
    }

    fn expect(&mut self, fits: impl Fn(u8) -> bool, context: &'static str) -> Scanned {
        if !fits(self.byte()?) {
            return Err(Wrong::Byte(context));
        }
        self.at += 1;
        Ok(())
    }

    fn byte(&self) -> Result<u8, Wrong> {
        self.text.get(self.at).copied().ok_or(Wrong::End)
    }

    /// The next byte that is no space.
    fn visible(&mut self) -> Result<u8, Wrong> {
        while matches!(self.byte()?, b' ' | b'\t' | b'\r' | b'\n') {
            self.at += 1;
        }
        self.byte()
    }
}

const TRUE: [(u8, &str); 3] = [
    (b'r', "in literal true (expecting 'r')"),
    (b'u', "in literal true (expecting 'u')"),
    (b'e', "in literal true (expecting 'e')"),
];
const FALSE: [(u8, &str); 4] = [
    (b'a', "in literal false (expecting 'a')"),
    (b'l', "in literal false (expecting 'l')"),
    (b's', "in literal false (expecting 's')"),
    (b'e', "in literal false (expecting 'e')"),
];
const NULL: [(u8, &str); 3] = [
    (b'u', "in literal null (expecting 'u')"),
    (b'l', "in literal null (expecting 'l')"),
    (b'l', "in literal null (expecting 'l')"),
];

/// A byte as Go writes it: what it would be as a character, between quotes.
fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => r"'\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        b'\\' => r"'\\'".to_owned(),
        b'\n' => r"'\n'".to_owned(),
        b'\r' => r"'\r'".to_owned(),
        b'\t' => r"'\t'".to_owned(),
        0..0x20 | 0x7f => format!("'\\x{byte:02x}'"),
        0x80..0xa1 | 0xad => format!("'\\u{byte:04x}'"),
        _ => format!("'{}'", char::from(byte)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_says_the_same() {
        let table = [
            ("", "unexpected end of JSON input"),
            (" ", "unexpected end of JSON input"),
            (r#"{"a""#, "unexpected end of JSON input"),
            (r#"{"a":tru"#, "unexpected end of JSON input"),
            (r#"[1,"#, "unexpected end of JSON input"),
            (r#"["a\u00"#, "unexpected end of JSON input"),
            ("-", "unexpected end of JSON input"),
            ("nope", "invalid character 'o' in literal null (expecting 'u')"),
            ("<html>", "invalid character '<' looking for beginning of value"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            ("[1 2]", "invalid character '2' after array element"),
            (r#"{"a":1,}"#, "invalid character '}' looking for beginning of object key string"),
            ("{a:1}", "invalid character 'a' looking for beginning of object key string"),
            (r#"{"a" 1}"#, "invalid character '1' after object key"),
            (r#"{"a":1 "b":2}"#, "invalid character '\"' after object key:value pair"),
            (r#"{"a":1]"#, "invalid character ']' after object key:value pair"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("01", "invalid character '1' after top-level value"),
            ("-x", "invalid character 'x' in numeric literal"),
            ("1.x", "invalid character 'x' after decimal point in numeric literal"),
            ("1e+x", "invalid character 'x' in exponent of numeric literal"),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            (r#""\q""#, "invalid character 'q' in string escape code"),
            (r#""\u12g4""#, "invalid character 'g' in \\u hexadecimal character escape"),
            ("\u{feff}{}", "invalid character 'ï' looking for beginning of value"),
            ("'a'", "invalid character '\\'' looking for beginning of value"),
        ];
        for (text, words) in table {
            assert_eq!(error(text.as_bytes()).as_deref(), Some(words), "{text}");
        }
    }

    #[test]
    fn json_has_no_error() {
        for text in
            [r#" {"a":[1,-0.5e+3,true,false,null,{},[],"\u00ff\n"],"b":{"c":[[],{}]}} "#, "0", "\"\"", "-1E5"]
        {
            assert_eq!(error(text.as_bytes()), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn serde_agrees_on_what_is_json(text in r#"([ \[\]{},:"\\a0-9.eE+-]|true|null|"a"|\{"a":|\\u00){0,12}"#) {
            let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
            proptest::prop_assert_eq!(error(text.as_bytes()).is_none(), is_json, "{}", text);
        }
    }
}
