//! Derives the table of `guideway-protobuf` from the sources of the `k8s-pb` crate and `go-fields.txt`.
//!
//! `protobuf K8S_PB_FOLDER GO_FIELDS` writes the table to standard output. Fields that k8s-pb has and the file does not
//! are newer than the version of the API that is served; they are left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};
use syn::{Attribute, GenericArgument, Item, Lit, Meta, PathArguments, Type};

/// Folder in k8s-pb, and the `apiVersion` of its kinds. `*` stands for any.
const PACKAGES: &[(&str, &str)] = &[
    ("api/admissionregistration/v1", "admissionregistration.k8s.io/v1"),
    ("api/apps/v1", "apps/v1"),
    ("api/authentication/v1", "authentication.k8s.io/v1"),
    ("api/authorization/v1", "authorization.k8s.io/v1"),
    ("api/autoscaling/v1", "autoscaling/v1"),
    ("api/autoscaling/v2", "autoscaling/v2"),
    ("api/batch/v1", "batch/v1"),
    ("api/certificates/v1", "certificates.k8s.io/v1"),
    ("api/coordination/v1", "coordination.k8s.io/v1"),
    ("api/core/v1", "v1"),
    ("api/discovery/v1", "discovery.k8s.io/v1"),
    ("api/events/v1", "events.k8s.io/v1"),
    ("api/flowcontrol/v1", "flowcontrol.apiserver.k8s.io/v1"),
    ("api/networking/v1", "networking.k8s.io/v1"),
    ("api/node/v1", "node.k8s.io/v1"),
    ("api/policy/v1", "policy/v1"),
    ("api/rbac/v1", "rbac.authorization.k8s.io/v1"),
    ("api/resource/v1beta2", "resource.k8s.io/v1beta2"),
    ("api/scheduling/v1", "scheduling.k8s.io/v1"),
    ("api/storage/v1", "storage.k8s.io/v1"),
    ("api/storage/v1beta1", "storage.k8s.io/v1beta1"),
    ("apiextensions_apiserver/pkg/apis/apiextensions/v1", "apiextensions.k8s.io/v1"),
    ("kube_aggregator/pkg/apis/apiregistration/v1", "apiregistration.k8s.io/v1"),
    (META, "*"),
];

/// Options come with the `apiVersion` of any group.
const META: &str = "apimachinery/pkg/apis/meta/v1";
const META_KINDS: &[&str] =
    &["CreateOptions", "DeleteOptions", "GetOptions", "ListOptions", "PatchOptions", "UpdateOptions"];

/// Messages whose JSON is not an object of their fields.
const SPECIAL: &[(&str, &str, &str)] = &[
    ("apimachinery/pkg/api/resource", "quantity", "Quantity"),
    ("apimachinery/pkg/runtime", "rawextension", "Json"),
    ("apimachinery/pkg/util/intstr", "intorstring", "IntOrString"),
    (META, "fieldsv1", "Json"),
    (META, "microtime", "MicroTime"),
    (META, "time", "Time"),
    (META, "verbs", "Strings"),
    ("api/authentication/v1", "extravalue", "Strings"),
    ("api/authorization/v1", "extravalue", "Strings"),
    ("api/certificates/v1", "extravalue", "Strings"),
    ("apiextensions_apiserver/pkg/apis/apiextensions/v1", "json", "Json"),
    ("apiextensions_apiserver/pkg/apis/apiextensions/v1", "jsonschemapropsorarray", "SchemaOrList"),
    ("apiextensions_apiserver/pkg/apis/apiextensions/v1", "jsonschemapropsorbool", "SchemaOrBool"),
    ("apiextensions_apiserver/pkg/apis/apiextensions/v1", "jsonschemapropsorstringarray", "SchemaOrStrings"),
];

/// Folder and name in lower case: prost and Go spell names differently.
type Id = (String, String);

struct Field {
    tag: u32,
    rust: String,
    shape: &'static str,
    scalar: String,
    message: Option<Id>,
}

#[derive(Default)]
struct GoMessage {
    name: String,
    kind: bool,
    fields: BTreeMap<u32, (char, String)>,
}

fn main() -> Result<()> {
    let [_, source, facts] =
        env::args().collect::<Vec<_>>().try_into().ok().context("usage: protobuf K8S_PB_FOLDER GO_FIELDS")?;
    let go = read_go(&fs::read_to_string(&facts).with_context(|| format!("cannot read {facts}"))?)?;
    let mut messages = BTreeMap::new();
    read_folder(Path::new(&source), &mut Vec::new(), &mut messages)?;
    let mut kinds = BTreeMap::new();
    for (package, version) in PACKAGES {
        for ((_, lower), message) in go.iter().filter(|((folder, _), _)| folder == package) {
            let wanted = message.kind && (*package != META || META_KINDS.contains(&message.name.as_str()));
            if wanted {
                let id = ((*package).to_owned(), lower.clone());
                // kubectl knows options that are only ever parameters; the crate has no message for some.
                if messages.contains_key(&id) {
                    kinds.insert(((*version).to_owned(), message.name.clone()), id);
                }
            }
        }
    }
    print!("{}", table(&messages, &go, &kinds)?);
    Ok(())
}

fn read_go(text: &str) -> Result<BTreeMap<Id, GoMessage>> {
    let mut found: BTreeMap<Id, GoMessage> = BTreeMap::new();
    let (mut package, mut current) = (String::new(), None);
    for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
        let mut words = line.split_whitespace();
        if !line.starts_with(' ') {
            let (first, name) =
                (words.next().unwrap_or_default(), words.next().context("a line without name")?);
            if first == "package" {
                package = name.to_owned();
                continue;
            }
            let id = (package.clone(), name.to_lowercase());
            ensure!(matches!(first, "kind" | "message"), "unknown line: {line}");
            let message = GoMessage { name: name.to_owned(), kind: first == "kind", ..GoMessage::default() };
            ensure!(found.insert(id.clone(), message).is_none(), "{package} {name} is there twice");
            current = Some(id);
        }
        let message =
            current.as_ref().and_then(|id| found.get_mut(id)).context("fields before the first message")?;
        for word in words {
            let end = word.find(|letter: char| !letter.is_ascii_digit()).context("a field without mark")?;
            let mark = word[end..].chars().next().context("a field without mark")?;
            message.fields.insert(word[..end].parse()?, (mark, word[end + 1..].to_owned()));
        }
    }
    Ok(found)
}

fn read_folder(folder: &Path, at: &mut Vec<String>, found: &mut BTreeMap<Id, Vec<Field>>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).context("a name that is not UTF-8")?;
        if path.is_dir() {
            at.push(name.to_owned());
            read_folder(&path, at, found)?;
            at.pop();
        } else if name == "mod.rs" {
            let text = fs::read_to_string(&path)?;
            let file = syn::parse_file(&text).with_context(|| format!("cannot parse {}", path.display()))?;
            for item in file.items {
                let Item::Struct(item) = item else { continue };
                let fields = item.fields.iter().map(|field| read_field(field, at)).collect::<Result<_>>()?;
                found.insert((at.join("/"), item.ident.to_string().to_lowercase()), fields);
            }
        }
    }
    Ok(())
}

fn read_field(field: &syn::Field, at: &[String]) -> Result<Field> {
    let rust = field.ident.as_ref().context("a field without name")?.to_string();
    let attribute = field.attrs.iter().find(|attribute| attribute.path().is_ident("prost"));
    let (words, named) = prost(attribute.with_context(|| format!("{rust} has no prost attribute"))?)?;
    let tag = named.get("tag").with_context(|| format!("{rust} has no tag"))?.parse()?;
    let (shape, scalar) = if let Some(types) = named.get("btree_map") {
        ("Map", types.split(", ").nth(1).context("a map without value type")?.to_owned())
    } else {
        let shape = if words.contains("repeated") { "List" } else { "One" };
        let scalar =
            words.iter().find(|word| !["optional", "repeated", "boxed", "required"].contains(&word.as_str()));
        (
            shape,
            scalar
                .cloned()
                .or_else(|| named.get("bytes").map(|_| "bytes".into()))
                .context("a field without type")?,
        )
    };
    let message = (scalar == "message").then(|| reference(&field.ty, at)).transpose()?;
    Ok(Field { tag, rust: rust.trim_start_matches("r#").to_owned(), shape, scalar, message })
}

/// Words and `name = "value"` pairs of a prost attribute.
fn prost(attribute: &Attribute) -> Result<(BTreeSet<String>, BTreeMap<String, String>)> {
    let (mut words, mut named) = (BTreeSet::new(), BTreeMap::new());
    let Meta::List(list) = &attribute.meta else { bail!("a prost attribute without list") };
    list.parse_nested_meta(|meta| {
        let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
        if meta.input.peek(syn::Token![=]) {
            if let Lit::Str(text) = meta.value()?.parse::<Lit>()? {
                named.insert(name, text.value());
            }
        } else {
            words.insert(name);
        }
        Ok(())
    })?;
    Ok((words, named))
}

/// The message that a type is made of: inside of options, boxes, lists and maps.
fn reference(ty: &Type, at: &[String]) -> Result<Id> {
    let Type::Path(path) = ty else { bail!("a type that is no path") };
    let last = path.path.segments.last().context("an empty path")?;
    if let PathArguments::AngleBracketed(arguments) = &last.arguments {
        let inner = arguments.args.iter().rev().find_map(|argument| match argument {
            GenericArgument::Type(inner) => Some(inner),
            _ => None,
        });
        return reference(inner.context("a generic type without argument")?, at);
    }
    let mut folder = at.to_vec();
    let segments: Vec<String> = path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    for segment in &segments[..segments.len() - 1] {
        if segment == "super" {
            folder.pop().context("a path above the crate")?;
        } else {
            folder.push(segment.clone());
        }
    }
    Ok((folder.join("/"), last.ident.to_string().to_lowercase()))
}

fn table(
    messages: &BTreeMap<Id, Vec<Field>>,
    go: &BTreeMap<Id, GoMessage>,
    kinds: &BTreeMap<(String, String), Id>,
) -> Result<String> {
    let mut out = String::from(
        "//! Messages and kinds. Derived by `cargo xtask schema` from the k8s-pb crate and data/go-fields.txt.\n\n\
         use super::{Field, Kind::*, Message, Presence::*, Shape::*};\n\n\
         pub(super) static KINDS: &[(&str, &str, &Message)] = &[\n",
    );
    for ((version, kind), id) in kinds {
        writeln!(out, "    ({version:?}, {kind:?}, &{}),", constant(id))?;
    }
    out.push_str("];\n");
    let mut wanted: Vec<Id> = kinds.values().cloned().collect();
    let mut written = BTreeMap::new();
    while let Some(id) = wanted.pop() {
        if written.contains_key(&id) {
            continue;
        }
        let fields = messages.get(&id).with_context(|| format!("k8s-pb has no message {id:?}"))?;
        let mut text = format!("\nstatic {}: Message = Message(&[\n", constant(&id));
        let mut fields: Vec<&Field> = fields.iter().collect();
        fields.sort_by_key(|field| field.tag);
        for field in fields {
            let Some((presence, name)) = presence(go.get(&id), field, &id)? else { continue };
            let kind = kind(field, &mut wanted);
            writeln!(text, "    Field({}, {name:?}, {presence}, {}, {kind}),", field.tag, field.shape)?;
        }
        text.push_str("]);\n");
        written.insert(id, text);
    }
    out.extend(written.into_values());
    Ok(out)
}

fn presence(go: Option<&GoMessage>, field: &Field, id: &Id) -> Result<Option<(&'static str, String)>> {
    let Some((mark, name)) = go.and_then(|message| message.fields.get(&field.tag)) else {
        return Ok(None);
    };
    let presence = match mark {
        '*' => "Optional",
        '^' => "Nullable",
        '?' => "OmitZero",
        '!' => "Always",
        '~' => return Ok(Some(("Inline", String::new()))),
        _ => bail!("unknown mark {mark} of {name}"),
    };
    let plain = |text: &str| text.replace(['_', '-', '$'], "").to_lowercase();
    ensure!(
        plain(name) == plain(&field.rust),
        "{id:?} {}: {name} in one, {} in the other",
        field.tag,
        field.rust
    );
    Ok(Some((presence, name.clone())))
}

fn kind(field: &Field, wanted: &mut Vec<Id>) -> String {
    let Some(id) = &field.message else {
        return match field.scalar.as_str() {
            "bool" => "Bool",
            "int32" => "Int32",
            "int64" => "Int64",
            "double" => "Double",
            "bytes" => "Bytes",
            _ => "String",
        }
        .into();
    };
    match SPECIAL.iter().find(|(folder, name, _)| (*folder, *name) == (id.0.as_str(), id.1.as_str())) {
        Some((_, _, special)) if special.starts_with("Schema") => {
            let schema = (id.0.clone(), "jsonschemaprops".to_owned());
            let text = format!("{special}(&{})", constant(&schema));
            wanted.push(schema);
            text
        }
        Some((_, _, special)) => (*special).to_owned(),
        None => {
            wanted.push(id.clone());
            format!("Nested(&{})", constant(id))
        }
    }
}

fn constant(id: &Id) -> String {
    format!("{}_{}", id.0.replace("/pkg/apis/", "/").replace('/', "_"), id.1).to_uppercase()
}
