//! What representation the client takes, by its Accept header (RFC 9110, 12.5.1).

use axum::http::header::ACCEPT;
use axum::http::{HeaderMap, Uri};

#[cfg(test)]
mod tests;

/// The bytes of a reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Without needless space.
    #[default]
    Json,
    /// For people (`?pretty=true`).
    PrettyJson,
    /// A document of YAML.
    Yaml,
}

/// Which object is shown in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Form {
    /// The object itself.
    #[default]
    Object,
    /// A `meta.k8s.io` Table, in its version.
    Table(&'static str),
    /// Its metadata alone.
    Metadata,
}

/// What the client takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The bytes.
    pub encoding: Encoding,
    /// The object.
    pub form: Form,
}

/// No representation that the client lists is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("none of the media types in Accept is served")]
pub(crate) struct NotAcceptable;

impl Encoding {
    /// The value of Content-Type.
    #[must_use]
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Json | Self::PrettyJson => "application/json",
            Self::Yaml => "application/yaml",
        }
    }
}

/// The best representation of an object for a request.
///
/// # Errors
///
/// [`NotAcceptable`] when none of what is asked for is served.
pub(crate) fn object(headers: &HeaderMap, uri: &Uri) -> Result<Wanted, NotAcceptable> {
    let mut wanted = best(headers, |range| match range.kind {
        "application/json" | "*/*" | "application/*" => {
            form_of(range).map(|form| Wanted { encoding: Encoding::Json, form })
        }
        "application/yaml" => form_of(range).map(|form| Wanted { encoding: Encoding::Yaml, form }),
        _ => None,
    })?;
    if wanted.encoding == Encoding::Json && is_pretty(uri) {
        wanted.encoding = Encoding::PrettyJson;
    }
    Ok(wanted)
}

/// The same with an object as it is and nothing else, for discovery and reviews.
///
/// # Errors
///
/// [`NotAcceptable`] when none of what is asked for is served.
pub(crate) fn plain(headers: &HeaderMap, uri: &Uri) -> Result<Encoding, NotAcceptable> {
    object(headers, uri).map(|wanted| wanted.encoding)
}

/// The version of aggregated discovery that is asked for, in order of preference; None for the older documents.
///
/// # Errors
///
/// [`NotAcceptable`] when neither is asked for.
pub(crate) fn discovery(headers: &HeaderMap) -> Result<Option<&'static str>, NotAcceptable> {
    best(headers, |range| match range.kind {
        "application/json" if range.parameter("as") == Some("APIGroupDiscoveryList") => {
            match (range.parameter("g"), range.parameter("v")) {
                (Some("apidiscovery.k8s.io"), Some("v2")) => Some(Some("v2")),
                (Some("apidiscovery.k8s.io"), Some("v2beta1")) => Some(Some("v2beta1")),
                _ => None,
            }
        }
        "application/json" | "application/yaml" | "application/*" | "*/*"
            if range.parameter("as").is_none() =>
        {
            Some(None)
        }
        _ => None,
    })
}

/// Whether `media_type` is among what the client takes. True without the header.
#[must_use]
pub(crate) fn accepts(headers: &HeaderMap, media_type: &str) -> bool {
    best(headers, |range| (range.kind == media_type || range.kind == "*/*").then_some(())).is_ok()
}

fn is_pretty(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| {
        query.split('&').any(|pair| matches!(pair, "pretty" | "pretty=1" | "pretty=true" | "pretty=True"))
    })
}

fn form_of(range: &Range<'_>) -> Option<Form> {
    let version = match range.parameter("v") {
        Some("v1") => "v1",
        Some("v1beta1") => "v1beta1",
        _ => "",
    };
    match (range.parameter("as"), range.parameter("g"), version) {
        (None, ..) => Some(Form::Object),
        (_, _, "") => None,
        (Some("Table"), Some("meta.k8s.io"), version) => Some(Form::Table(version)),
        (Some("PartialObjectMetadata" | "PartialObjectMetadataList"), Some("meta.k8s.io"), _) => {
            Some(Form::Metadata)
        }
        _ => None,
    }
}

struct Range<'a> {
    kind: &'a str,
    parameters: &'a str,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Self {
        let (kind, parameters) = text.split_once(';').unwrap_or((text, ""));
        Self { kind: kind.trim(), parameters }
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.split(';').find_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            (key.trim() == name).then(|| value.trim().trim_matches('"'))
        })
    }

    /// In thousandths; what is no number counts as 1, as a missing one does.
    fn quality(&self) -> u32 {
        let quality = self.parameter("q").and_then(|q| q.parse::<f32>().ok()).unwrap_or(1.0);
        // In 0 to 1000 after the clamp.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let thousandths = (quality.clamp(0.0, 1.0) * 1000.0) as u32;
        thousandths
    }
}

/// The choice of the range with the highest quality, the first one among equals.
fn best<T>(headers: &HeaderMap, choose: impl Fn(&Range<'_>) -> Option<T>) -> Result<T, NotAcceptable> {
    let mut found: Option<(u32, T)> = None;
    let mut is_asked = false;
    for value in headers.get_all(ACCEPT) {
        let Ok(value) = value.to_str() else { continue };
        for text in value.split(',').filter(|text| !text.trim().is_empty()) {
            is_asked = true;
            let range = Range::parse(text);
            let quality = range.quality();
            if quality == 0 || found.as_ref().is_some_and(|(other, _)| *other >= quality) {
                continue;
            }
            if let Some(choice) = choose(&range) {
                found = Some((quality, choice));
            }
        }
    }
    match found {
        Some((_, choice)) => Ok(choice),
        None if is_asked => Err(NotAcceptable),
        None => choose(&Range { kind: "*/*", parameters: "" }).ok_or(NotAcceptable),
    }
}
