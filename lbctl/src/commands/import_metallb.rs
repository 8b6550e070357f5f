//! `lbctl import metallb`: what carries over, and what does not.

mod documents;
mod report;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Serialize;

use crate::cli::Cli;
use crate::dial::Failure;
use crate::outcome::{Answer, Outcome};
use crate::render::{self, Column, table};
use report::{Item, Report, Verdict};

/// Of what is read: 100,000 Services are less.
const MAX_BYTES: u64 = 256 << 20;

pub(crate) fn run(cli: &Cli, file: &Path) -> Result<Outcome, Failure> {
    let text = read(file).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
    let objects =
        documents::read(&text).map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
    let report = Report::of(&objects);
    let text = render::output(cli, &view(&report), || human(&report))?;
    Ok(Outcome { text, answer: Answer::negative_if(!report.is_ok()) })
}

fn read(file: &Path) -> io::Result<String> {
    let mut text = String::new();
    let reader: Box<dyn Read> =
        if file == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(file)?) };
    reader.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::other("has more than 256 MiB: give the kinds in several files"));
    }
    Ok(text)
}

#[derive(Serialize)]
struct View<'a> {
    ok: bool,
    objects: Vec<Object<'a>>,
    left_out: usize,
}

#[derive(Serialize)]
struct Object<'a> {
    kind: &'a str,
    namespace: Option<&'a str>,
    name: &'a str,
    verdict: &'a str,
    errors: Vec<Error<'a>>,
    notes: Vec<Note<'a>>,
}

#[derive(Serialize)]
struct Error<'a> {
    place: &'a str,
    problem: &'a str,
    remedy: &'a str,
}

#[derive(Serialize)]
struct Note<'a> {
    place: &'a str,
    text: &'a str,
}

fn view(report: &Report) -> View<'_> {
    let objects = report.items.iter().map(|item| Object {
        kind: &item.kind,
        namespace: render::non_empty(&item.namespace),
        name: &item.name,
        verdict: item.verdict().as_str(),
        errors: item
            .errors
            .iter()
            .map(|error| Error { place: &error.place, problem: &error.problem, remedy: &error.remedy })
            .collect(),
        notes: item.notes.iter().map(|note| Note { place: &note.place, text: &note.text }).collect(),
    });
    View { ok: report.is_ok(), objects: objects.collect(), left_out: report.left_out }
}

fn human(report: &Report) -> String {
    if report.items.is_empty() {
        return format!("nothing of MetalLB is in it ({} other objects)\n", report.left_out);
    }
    let full = |item: &Item| match item.namespace.as_str() {
        "" => item.name.clone(),
        namespace => format!("{namespace}/{}", item.name),
    };
    let rows = report
        .items
        .iter()
        .map(|item| vec![item.kind.clone(), full(item), item.verdict().as_str().to_owned()]);
    let mut text = table(&[Column::Text("KIND"), Column::Text("NAME"), Column::Text("VERDICT")], rows);
    for item in report.items.iter().filter(|item| !item.errors.is_empty() || !item.notes.is_empty()) {
        text.push_str(&format!("\n{} {}\n", item.kind, full(item)));
        let errors = item.errors.iter().map(|error| ("error", error.to_string()));
        let notes = item.notes.iter().map(|note| ("note", note.to_string()));
        text.push_str(&render::labelled(errors.chain(notes)));
    }
    let count = |verdict: Verdict| report.items.iter().filter(|item| item.verdict() == verdict).count();
    text.push_str(&format!(
        "\n{} carry over, {} with notes, {} ignored, {} refused\n",
        count(Verdict::CarriesOver),
        count(Verdict::WithNotes),
        count(Verdict::Ignored),
        count(Verdict::Refused)
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::json;

    const OBJECTS: &str = r#"
apiVersion: v1
kind: List
items:
- apiVersion: metallb.io/v1beta1
  kind: IPAddressPool
  metadata: {name: web, namespace: metallb-system}
  spec: {addresses: [192.0.2.0/26]}
- apiVersion: metallb.io/v1beta1
  kind: IPAddressPool
  metadata: {name: other, namespace: metallb-system}
  spec: {addresses: [192.0.2.32-192.0.2.80]}
- apiVersion: metallb.io/v1beta2
  kind: BGPPeer
  metadata: {name: tor1, namespace: metallb-system}
  spec: {myASN: 64512, peerASN: 64513, peerAddress: 10.0.0.1, vrf: red, bfdProfile: fast, keepaliveTime: 30s}
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: web, namespace: metallb-system}
spec: {ipAddressPools: [web, gone], peers: [tor1], communities: [vpn-only, "65535:65282"]}
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: all, namespace: metallb-system}
---
apiVersion: metallb.io/v1beta1
kind: ServiceL2Status
metadata: {name: l2-abc, namespace: metallb-system}
---
apiVersion: metallb.io/v1beta1
kind: AddressPool
metadata: {name: old, namespace: metallb-system}
---
apiVersion: v1
kind: Service
metadata:
  name: shop
  namespace: web
  annotations: {metallb.universe.tf/loadBalancerIPs: 192.0.2.7, metallb.io/ip-allocated-from-pool: web, metallb.io/typo: x}
spec: {type: LoadBalancer}
---
apiVersion: v1
kind: Service
metadata: {name: twice, namespace: web, annotations: {metallb.io/loadBalancerIPs: "192.0.2.7,192.0.2.8"}}
spec: {type: LoadBalancer, loadBalancerIP: here}
---
apiVersion: v1
kind: Service
metadata: {name: inner, namespace: web}
spec: {type: ClusterIP}
"#;

    #[test]
    fn everything_has_a_verdict() {
        let report = Report::of(&documents::read(OBJECTS).unwrap());
        assert!(!report.is_ok());
        insta::assert_snapshot!(human(&report));
        insta::assert_snapshot!(json(&view(&report)).unwrap());
    }

    #[test]
    fn what_is_whole_is_fine() {
        let text = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: a}\nspec: {addresses: [192.0.2.0/24]}\n";
        let report = Report::of(&documents::read(text).unwrap());
        assert!(report.is_ok());
        assert!(human(&report).ends_with("1 carry over, 0 with notes, 0 ignored, 0 refused\n"));
        assert_eq!(human(&Report::of(&[])), "nothing of MetalLB is in it (0 other objects)\n");
    }
}
