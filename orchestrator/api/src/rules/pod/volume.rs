//! What is wrong with a pod's volumes.

use super::super::field::{Causes, Field};
use super::unique;

/// Checks volumes, and gives their names.
pub(super) fn validate<'a>(volumes: &Field<'a>, causes: &mut Causes) -> Vec<&'a str> {
    let mut names = Vec::new();
    for volume in volumes.items() {
        let name = volume.at("name");
        if name.needs(causes) {
            name.dns_label(causes);
        }
        unique(&mut names, &name, causes);
        let mut found = false;
        for (source, _) in volume.entries().filter(|(key, _)| *key != "name") {
            let field = volume.at(source);
            if found {
                causes.push(field.forbidden("may not specify more than 1 volume type"));
                continue;
            }
            found = true;
            check(source, &field, causes);
        }
        if !found {
            causes.push(volume.required("must specify a volume type"));
        }
    }
    names
}

fn check(source: &str, field: &Field<'_>, causes: &mut Causes) {
    let needed: &[&str] = match source {
        "hostPath" => &["path"],
        "secret" => &["secretName"],
        "configMap" => &["name"],
        "persistentVolumeClaim" => &["claimName"],
        "nfs" => &["server", "path"],
        "csi" => &["driver"],
        "image" => &["reference"],
        _ => &[],
    };
    for name in needed {
        field.at(name).needs(causes);
    }
    if source == "hostPath" && field.at("path").text().split('/').any(|part| part == "..") {
        causes.push(field.at("path").invalid("must not contain '..'"));
    }
    if matches!(source, "secret" | "configMap" | "projected" | "downwardAPI") {
        let mode = field.at("defaultMode");
        if mode.int().is_some_and(|mode| !(0..=0o777).contains(&mode)) {
            causes.push(mode.invalid("must be a number between 0 and 0777 (octal), both inclusive"));
        }
        for item in field.at("items").items() {
            if source != "downwardAPI" {
                item.at("key").needs(causes);
            }
            relative(&item.at("path"), causes);
        }
    }
    if source == "emptyDir" {
        field.at("sizeLimit").amount(causes);
    }
    if source == "projected" {
        for part in field.at("sources").items() {
            let token = part.at("serviceAccountToken");
            if token.is_set() {
                let seconds = token.at("expirationSeconds");
                if seconds.int().is_some_and(|seconds| seconds < 600) {
                    causes.push(seconds.invalid("may not specify a duration less than 10 minutes"));
                }
                relative(&token.at("path"), causes);
            }
        }
    }
}

fn relative(path: &Field<'_>, causes: &mut Causes) {
    if !path.needs(causes) {
        return;
    }
    if path.text().starts_with('/') {
        causes.push(path.invalid("must be a relative path"));
    }
    if path.text().split('/').any(|part| part == "..") {
        causes.push(path.invalid("must not contain '..'"));
    }
}
