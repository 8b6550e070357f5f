//! Bootstrap tokens: short secrets with which nodes join a cluster. Each is a Secret of type
//! `bootstrap.kubernetes.io/token` in `kube-system`, named `bootstrap-token-ID`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::Value;
use subtle::ConstantTimeEq;

use crate::{AUTHENTICATED, Identity, Objects};

/// The type of the secrets.
pub const TYPE: &str = "bootstrap.kubernetes.io/token";
const NAMESPACE: &str = "kube-system";
const GROUP: &str = "system:bootstrappers";
const ID: usize = 6;
const SECRET: usize = 16;

/// A bearer token of the form of a bootstrap token, `abcdef.0123456789abcdef`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootstrapToken<'a> {
    /// Names the secret.
    pub id: &'a str,
    /// Proves that the client knows it.
    pub secret: &'a str,
}

impl<'a> BootstrapToken<'a> {
    /// The token, if it has the form of one.
    #[must_use]
    pub fn parse(token: &'a str) -> Option<Self> {
        let (id, secret) = token.split_once('.')?;
        let plain = |text: &str, len| {
            text.len() == len && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        (plain(id, ID) && plain(secret, SECRET)).then_some(Self { id, secret })
    }

    /// Whom the token proves.
    pub(super) fn identity(self, objects: &dyn Objects, now: Timestamp) -> Option<Identity> {
        let secret = objects.get("", "secrets", NAMESPACE, &format!("bootstrap-token-{}", self.id))?;
        let expired = field(&secret, "expiration").is_some() && expires(&secret).is_none_or(|at| at <= now);
        let usable = secret["type"] == TYPE
            && secret["metadata"]["deletionTimestamp"].is_null()
            && field(&secret, "token-id").as_deref() == Some(self.id)
            && field(&secret, "usage-bootstrap-authentication").as_deref() == Some("true")
            && !expired;
        let known = field(&secret, "token-secret")?;
        if !bool::from(known.as_bytes().ct_eq(self.secret.as_bytes())) || !usable {
            return None;
        }
        let mut groups = vec![GROUP.to_owned()];
        for group in field(&secret, "auth-extra-groups").unwrap_or_default().split(',').map(str::trim) {
            if group.is_empty() || groups.iter().any(|known| known == group) {
                continue;
            }
            if !is_bootstrap_group(group) {
                // The whole token is wrong, not only the group: whoever wrote it meant more than they get.
                return None;
            }
            groups.push(group.to_owned());
        }
        groups.push(AUTHENTICATED.to_owned());
        Some(Identity { name: format!("system:bootstrap:{}", self.id), groups, ..Identity::default() })
    }
}

/// When the bootstrap token in a secret stops to count, if it does. The secret is to be deleted from then on.
#[must_use]
pub fn expires(secret: &Value) -> Option<Timestamp> {
    if secret["type"] != TYPE {
        return None;
    }
    field(secret, "expiration")?.parse().ok()
}

fn field(secret: &Value, name: &str) -> Option<String> {
    let bytes = STANDARD.decode(secret["data"][name].as_str()?).ok()?;
    String::from_utf8(bytes).ok()
}

/// `system:bootstrappers:` with lower-case letters, digits, `:` and `-`, and no `:` or `-` last.
fn is_bootstrap_group(group: &str) -> bool {
    let Some(rest) = group.strip_prefix("system:bootstrappers:") else { return false };
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    rest.len() <= 256
        && rest.bytes().all(|byte| plain(byte) || matches!(byte, b':' | b'-'))
        && rest.bytes().last().is_some_and(plain)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::objects::fake::Cluster;

    fn secret(change: impl FnOnce(&mut Value)) -> Cluster {
        let data = |text: &str| json!(STANDARD.encode(text));
        let mut secret = json!({
            "metadata": {"namespace": "kube-system", "name": "bootstrap-token-abcdef"},
            "type": TYPE,
            "data": {
                "token-id": data("abcdef"),
                "token-secret": data("0123456789abcdef"),
                "expiration": data("2026-01-02T00:00:00Z"),
                "usage-bootstrap-authentication": data("true"),
                "auth-extra-groups": data("system:bootstrappers:workers"),
            },
        });
        change(&mut secret);
        Cluster::default().with("", "secrets", secret)
    }

    fn who(cluster: &Cluster, token: &str, now: &str) -> Option<Identity> {
        BootstrapToken::parse(token)?.identity(cluster, now.parse().unwrap())
    }

    const TOKEN: &str = "abcdef.0123456789abcdef";
    const NOW: &str = "2026-01-01T00:00:00Z";

    #[test]
    fn a_right_token_gives_name_and_groups() {
        let identity = who(&secret(|_| {}), TOKEN, NOW).unwrap();
        assert_eq!(identity.name, "system:bootstrap:abcdef");
        assert_eq!(identity.groups, [GROUP, "system:bootstrappers:workers", AUTHENTICATED]);
    }

    #[test]
    fn anything_wrong_with_it_gives_nothing() {
        let data = |text: &str| json!(STANDARD.encode(text));
        let cases = [
            (secret(|_| {}), "abcdef.0123456789abcdee", NOW),
            (secret(|_| {}), "abcdee.0123456789abcdef", NOW),
            (secret(|_| {}), "ABCDEF.0123456789abcdef", NOW),
            (secret(|_| {}), TOKEN, "2026-01-02T00:00:00Z"),
            (secret(|s| s["type"] = json!("Opaque")), TOKEN, NOW),
            (secret(|s| s["data"]["expiration"] = data("soon")), TOKEN, NOW),
            (secret(|s| s["data"]["usage-bootstrap-authentication"] = data("false")), TOKEN, NOW),
            (secret(|s| s["data"]["auth-extra-groups"] = data("system:masters")), TOKEN, NOW),
            (secret(|s| s["data"]["token-secret"] = json!("?")), TOKEN, NOW),
            (secret(|s| s["metadata"]["deletionTimestamp"] = json!(NOW)), TOKEN, NOW),
        ];
        for (index, (cluster, token, now)) in cases.iter().enumerate() {
            assert_eq!(who(cluster, token, now), None, "case {index}");
        }
        assert!(
            who(&secret(|s| s["data"]["expiration"] = Value::Null), TOKEN, "2030-01-01T00:00:00Z").is_some()
        );
    }

    #[test]
    fn secrets_say_when_they_can_go() {
        let cluster = secret(|_| {});
        let token = cluster.get("", "secrets", "kube-system", "bootstrap-token-abcdef").unwrap();
        assert_eq!(expires(&token), Some("2026-01-02T00:00:00Z".parse().unwrap()));
        assert_eq!(expires(&json!({"type": "Opaque", "data": token["data"]})), None);
    }
}
