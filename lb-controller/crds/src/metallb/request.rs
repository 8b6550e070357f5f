//! Addresses that Services ask for.

use std::net::IpAddr;

use crate::FieldError;
use crate::formats::shown;

/// What `loadBalancerIPs` says at `place`: one address, or one of each family, between commas. They are in order.
///
/// # Errors
///
/// When it says something else.
pub fn requested_addresses(place: &str, text: &str) -> Result<Vec<IpAddr>, FieldError> {
    let wrong = |problem: String, remedy: &str| {
        Err(FieldError { place: place.to_owned(), problem, remedy: remedy.to_owned() })
    };
    let mut addresses: Vec<IpAddr> = Vec::new();
    for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let Ok(address) = item.parse::<IpAddr>() else {
            return wrong(format!("{} is no IP address", shown(item)), "write one as in 203.0.113.10");
        };
        if let Some(other) = addresses.iter().find(|other| other.is_ipv4() == address.is_ipv4()) {
            let problem = format!("{other} and {address} are of the same family");
            return wrong(problem, "write at most one of each");
        }
        addresses.push(address);
    }
    if addresses.is_empty() {
        return wrong("is empty".to_owned(), "write an address, or remove it");
    }
    addresses.sort_unstable();
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_one_of_each_family() {
        for (text, good) in [
            ("203.0.113.9", true),
            ("2001:db8::9, 203.0.113.9", true),
            ("203.0.113.9,203.0.113.10", false),
            ("", false),
            (" , ", false),
            ("203.0.113.9/32", false),
        ] {
            assert_eq!(requested_addresses("x", text).is_ok(), good, "{text}");
        }
        let error = requested_addresses("metadata.annotations.x", "203.0.113.9,203.0.113.10").unwrap_err();
        let text = "metadata.annotations.x: 203.0.113.9 and 203.0.113.10 are of the same family: write at most one of each";
        assert_eq!(error.to_string(), text);
    }
}
