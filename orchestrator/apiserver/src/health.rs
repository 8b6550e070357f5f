//! `/healthz`, `/livez` and `/readyz`: whether to restart the server, and whether to send it clients.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::Request;
use axum::http::StatusCode;

use crate::reply::{self, Answer};
use crate::respond::not_found;
use crate::server::ApiServer;

/// A named check, with what is wrong.
type Outcome = (&'static str, Result<(), String>);

impl ApiServer {
    /// The reply about a path of health. None when it is another one.
    pub(crate) fn health(self: &Arc<Self>, request: &Request<Body>, path: &str) -> Option<Answer> {
        let mut words = path.trim_matches('/').splitn(2, '/');
        let endpoint =
            words.next().filter(|word| matches!(*word, "healthz" | "livez" | "readyz"))?.to_owned();
        let one = words.next();
        let outcomes = self.checks(endpoint == "readyz");
        let query = request.uri().query().unwrap_or_default();
        let excluded: Vec<&str> = query.split('&').filter_map(|pair| pair.strip_prefix("exclude=")).collect();
        let is_verbose = query.split('&').any(|pair| pair == "verbose" || pair.starts_with("verbose="));
        let considered: Vec<&Outcome> = match one {
            None => outcomes.iter().filter(|(name, _)| !excluded.contains(name)).collect(),
            Some(one) => {
                let found: Vec<&Outcome> = outcomes.iter().filter(|(name, _)| *name == one).collect();
                if found.is_empty() {
                    return Some(Ok(not_found()));
                }
                found
            }
        };
        let is_good = considered.iter().all(|(_, outcome)| outcome.is_ok());
        if is_good && !is_verbose {
            return Some(Ok(reply::plain(StatusCode::OK, "ok")));
        }
        let mut text = String::new();
        for (name, outcome) in considered {
            match outcome {
                Ok(()) => text.push_str(&format!("[+]{name} ok\n")),
                Err(why) => text.push_str(&format!("[-]{name} failed: {why}\n")),
            }
        }
        text.push_str(&format!("{endpoint} check {}\n", if is_good { "passed" } else { "failed" }));
        let code = if is_good { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
        Some(Ok(reply::plain(code, text)))
    }

    fn checks(&self, is_readiness: bool) -> Vec<Outcome> {
        let mut outcomes: Vec<Outcome> = vec![("ping", Ok(()))];
        if is_readiness {
            let shutdown = if self.is_stopping() { Err("the server is stopping".to_owned()) } else { Ok(()) };
            outcomes.push(("shutdown", shutdown));
            // Not in `/livez`, where Kubernetes has it: to start this server anew does not mend the store.
            let silent = self.silent.load().as_deref().cloned();
            outcomes.push((self.store.name(), silent.map_or(Ok(()), Err)));
            outcomes.extend(self.config.checks.iter().map(|check| (check.name, (check.probe)())));
        }
        outcomes
    }
}
