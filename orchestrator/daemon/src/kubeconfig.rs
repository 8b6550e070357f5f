//! Kubeconfig files: where the server is, whom to trust, and who one is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::pki::Leaf;

/// The text of a kubeconfig, in JSON, which is YAML.
#[must_use]
pub fn text(server: &str, ca: &str, user: &str, leaf: &Leaf) -> String {
    let encode = |pem: &str| STANDARD.encode(pem);
    let value = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{
            "name": "guideway",
            "cluster": {"server": server, "certificate-authority-data": encode(ca)},
        }],
        "users": [{
            "name": user,
            "user": {
                "client-certificate-data": encode(&leaf.certificate),
                "client-key-data": encode(&leaf.key),
            },
        }],
        "contexts": [{"name": "guideway", "context": {"cluster": "guideway", "user": user}}],
        "current-context": "guideway",
    });
    let mut text = serde_json::to_string_pretty(&value).unwrap_or_default();
    text.push('\n');
    text
}

/// The parts of a kubeconfig that we wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// URL of the server.
    pub server: String,
    /// Certificate of the authority, PEM.
    pub ca: String,
    /// Client certificate, PEM.
    pub certificate: String,
}

/// Reads a kubeconfig that [`text`] made. None when it is another one.
#[must_use]
pub fn read(text: &str) -> Option<Read> {
    let value: Value = serde_json::from_str(text).ok()?;
    let decode = |value: &Value| {
        let bytes = STANDARD.decode(value.as_str()?).ok()?;
        String::from_utf8(bytes).ok()
    };
    let cluster = &value["clusters"][0]["cluster"];
    Some(Read {
        server: cluster["server"].as_str()?.to_owned(),
        ca: decode(&cluster["certificate-authority-data"])?,
        certificate: decode(&value["users"][0]["user"]["client-certificate-data"])?,
    })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let leaf = Leaf { certificate: "CERT".into(), key: "KEY".into(), expires: SystemTime::now() };
        let text = text("https://127.0.0.1:6443", "CA", "admin", &leaf);
        let read = read(&text).unwrap();
        assert_eq!(read.server, "https://127.0.0.1:6443");
        assert_eq!((read.ca.as_str(), read.certificate.as_str()), ("CA", "CERT"));
        assert_eq!(super::read("{}"), None);
    }
}
