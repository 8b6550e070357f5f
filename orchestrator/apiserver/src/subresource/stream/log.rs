//! What may be asked of a log: the agent is asked only for what has a meaning.

use guideway_api::{Cause, Qualified, Status};
use serde_json::Value;

const KNOWN: [&str; 11] = [
    "container",
    "follow",
    "insecureSkipTLSVerifyBackend",
    "limitBytes",
    "pretty",
    "previous",
    "sinceSeconds",
    "sinceTime",
    "stream",
    "tailLines",
    "timestamps",
];

/// Whether the options of a log of `pod` mean something.
///
/// # Errors
///
/// 400: an option that logs do not have, or a number that is none. 422: a number out of its range, or two beginnings.
pub(super) fn check(query: &str, pod: &str) -> Result<(), Status> {
    let mut causes = Vec::new();
    let mut begins = 0;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        if !KNOWN.contains(&name.as_ref()) {
            return Err(Status::bad_request(format!(
                "unknown query parameter {name:?}: logs do not have it"
            )));
        }
        if value.is_empty() {
            continue;
        }
        begins += usize::from(matches!(name.as_ref(), "sinceSeconds" | "sinceTime"));
        let (least, words) = match name.as_ref() {
            "tailLines" => (0, "must be greater than or equal to 0"),
            "limitBytes" | "sinceSeconds" => (1, "must be greater than 0"),
            _ => continue,
        };
        let number: i64 = value.parse().map_err(|_| {
            Status::bad_request(format!(
                "strconv.ParseInt: parsing {value:?}: invalid syntax (parameter {name})"
            ))
        })?;
        if number < least {
            causes.push(Cause::invalid(name.as_ref(), &Value::from(number), words));
        }
    }
    if begins > 1 {
        causes.push(Cause::forbidden("", "at most one of sinceTime or sinceSeconds may be specified"));
    }
    if causes.is_empty() {
        return Ok(());
    }
    Err(Status::invalid(Qualified { group: "", name: "PodLogOptions" }, pod, &causes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_mean_something() {
        for query in
            ["", "container=c&follow=true&tailLines=0&timestamps=true", "sinceSeconds=1&limitBytes=5"]
        {
            assert_eq!(check(query, "p"), Ok(()), "{query}");
        }
        for (query, code) in [
            ("tailLines=x", 400),
            ("lines=3", 400),
            ("tailLines=-1", 422),
            ("limitBytes=0", 422),
            ("sinceSeconds=5&sinceTime=2026-01-01T00:00:00Z", 422),
        ] {
            assert_eq!(check(query, "p").unwrap_err().code, code, "{query}");
        }
        assert_eq!(
            check("tailLines=-1", "p").unwrap_err().message,
            "PodLogOptions \"p\" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0"
        );
    }
}
