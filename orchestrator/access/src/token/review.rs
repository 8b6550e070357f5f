use jiff::Timestamp;
use serde_json::{Value, json};

use super::Tokens;
use crate::json::texts;
use crate::review::{answer, user_info};
use crate::{Objects, Status, refusal};

impl Tokens {
    /// `authentication.k8s.io/v1` TokenReview: whose token is this?
    ///
    /// # Errors
    ///
    /// 400: there is no token to look at.
    pub fn review(&self, request: &Value, objects: &dyn Objects, now: Timestamp) -> Result<Value, Status> {
        let token = request["spec"]["token"].as_str().unwrap_or_default();
        if token.is_empty() {
            return Err(refusal::bad_request("token is required for TokenReview in authentication"));
        }
        let audiences = texts(&request["spec"]["audiences"]);
        let status = match self.identify(token, &audiences, objects, now) {
            Ok(proved) => json!({
                "authenticated": true,
                "user": user_info(&proved.identity),
                "audiences": proved.audiences,
            }),
            Err(error) => json!({"user": {}, "error": error.to_string()}),
        };
        Ok(answer(request, "authentication.k8s.io/v1", "TokenReview", status))
    }
}
