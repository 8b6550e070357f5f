//! A token leads back into the list that it is of, or is refused.
#![no_main]

use guideway_api::continue_token;
use libfuzzer_sys::fuzz_target;

const PREFIX: &str = "/registry/core/pods/default/";

fuzz_target!(|text: &str| {
    if let Ok(token) = continue_token::parse(text, PREFIX) {
        assert!(token.start.starts_with(PREFIX), "{token:?}");
        let again = continue_token::inconsistent(&token.start, PREFIX);
        let again = continue_token::parse(&again, PREFIX).expect("what we write can be read");
        assert_eq!((again.revision, again.start), (None, token.start));
    }
    // Any name of an object, too.
    let name: String = text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | ':')).collect();
    if !name.is_empty() {
        let last = format!("{PREFIX}{name}");
        let token = continue_token::parse(&continue_token::format(7, &last, PREFIX), PREFIX);
        assert_eq!(token.expect("what we write can be read").start, format!("{last}\0"));
    }
});
