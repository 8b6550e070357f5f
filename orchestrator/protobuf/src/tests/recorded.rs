//! Bodies that kubectl 1.32 and 1.33 sent, next to the JSON that kubectl 1.31 sends for the same command.

use serde_json::Value;

use crate::decode;

#[test]
fn protobuf_gives_the_json_that_an_older_kubectl_sends() {
    let mut wrong = Vec::new();
    for line in include_str!("kubectl.jsonl").lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let body = super::base64(case["body"].as_str().unwrap());
        let found = decode(&body);
        if found.as_ref().ok() != Some(&case["json"]) {
            wrong.push(format!("{} {}:\n  {found:?}\n  {}", case["kubectl"], case["command"], case["json"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
