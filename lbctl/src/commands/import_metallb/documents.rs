//! Objects in YAML or JSON, as kubectl prints them.

use serde_json::Value;

/// Deeper than any object.
const MAX_DEPTH: usize = 64;
/// 100,000 Services with all of their fields.
const MAX_NODES: usize = 50_000_000;
/// Objects, each as a document of its own.
const MAX_DOCUMENTS: usize = 1_000_000;

/// All objects, those in lists one by one. The parser bounds depth and aliases.
pub(super) fn read(text: &str) -> Result<Vec<Value>, String> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_NODES,
            max_events: 2 * MAX_NODES,
            max_documents: MAX_DOCUMENTS,
            max_total_scalar_bytes: usize::MAX,
        },
        with_snippet: false,
    };
    let documents: Vec<Value> = serde_saphyr::from_multiple_with_options(text, options)
        .map_err(|error| format!("neither YAML nor JSON: {error}"))?;
    let mut objects = Vec::new();
    for (index, document) in documents.into_iter().enumerate() {
        let number = index + 1;
        match document {
            Value::Null => {}
            Value::Object(mut fields) => {
                let is_list =
                    fields.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
                match fields.remove("items") {
                    Some(Value::Array(items)) if is_list => objects.extend(items),
                    Some(items) => {
                        fields.insert("items".to_owned(), items);
                        objects.push(Value::Object(fields));
                    }
                    None => objects.push(Value::Object(fields)),
                }
            }
            _ => {
                return Err(format!(
                    "document {number} is no object: give what `kubectl get -o yaml` prints"
                ));
            }
        }
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_documents() {
        let text = "---\nkind: List\nitems: [{kind: A}, {kind: B}]\n---\nkind: C\n---\n---\nkind: BGPPeerList\nitems: []\n";
        let kinds: Vec<String> =
            read(text).unwrap().iter().map(|object| object["kind"].to_string()).collect();
        assert_eq!(kinds, ["\"A\"", "\"B\"", "\"C\""]);
        assert_eq!(read(r#"{"kind": "List", "items": [{"kind": "A"}]}"#).unwrap().len(), 1);
        assert_eq!(read("").unwrap().len(), 0);
        assert!(read("- a\n").unwrap_err().contains("document 1 is no object"));
        assert!(read("a: [").unwrap_err().contains("neither YAML nor JSON"));
    }
}
