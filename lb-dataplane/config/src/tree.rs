//! YAML as a tree that keeps what serde drops: the position of every node and the raw text of every scalar.

use std::borrow::Cow;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, Span, StrInput, options};

use crate::read::shown;
use crate::sink::{Path, Position, Sink};

/// A valid file nests five deep.
const MAX_DEPTH: usize = 32;
/// Bounds the memory of the tree to about 1.2 GB. Keys count too: a VIP has 11 to 21, and a file of VIPs this long reaches
/// the limit of bytes first.
const MAX_NODES: usize = 8 << 20;

pub(crate) struct Node<'a> {
    pub(crate) at: Position,
    pub(crate) kind: Kind<'a>,
}

pub(crate) enum Kind<'a> {
    /// A plain scalar that YAML reads as null: nothing at all, `~` or `null`.
    Null,
    Scalar {
        text: Cow<'a, str>,
        quoted: bool,
    },
    List(Vec<Node<'a>>),
    Map(Vec<Entry<'a>>),
    /// Something that the tree cannot hold; its error is reported already.
    Broken,
}

pub(crate) struct Entry<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) key_at: Position,
    pub(crate) value: Node<'a>,
}

/// Why there is no tree; reported already.
pub(crate) struct Unreadable;

/// Reads the only document of `text`. Anchors, aliases and tags are errors: the file says what it means in place, and
/// nothing in it can grow beyond its own length.
pub(crate) fn read<'a>(text: &'a str, sink: &mut Sink) -> Result<Node<'a>, Unreadable> {
    let options = options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { text, parser, sink, nodes: 0 };
    builder.document()
}

struct Builder<'a, 's> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    sink: &'s mut Sink,
    nodes: usize,
}

impl<'a> Builder<'a, '_> {
    fn document(&mut self) -> Result<Node<'a>, Unreadable> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::DocumentStart(..) if root.is_some() => {
                    let reason =
                        "a second document starts here: a configuration is one document, remove the `---`";
                    self.sink.error(position(span.start), &Path::Root, reason);
                    return Err(Unreadable);
                }
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event => root = Some(self.node(event, &span, &Path::Root)?),
            }
        }
        root.ok_or_else(|| {
            self.sink.error(
                Position::START,
                &Path::Root,
                "the file is empty: `seed` and `interfaces` are required",
            );
            Unreadable
        })
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Unreadable> {
        match self.parser.next_event() {
            Some(Ok(next)) => Ok(next),
            Some(Err(error)) => {
                let at = position(*error.marker());
                let line = self.text.lines().nth(at.line - 1).unwrap_or_default();
                // `{address: fd00::}` is the one surprise that YAML keeps for addresses.
                let hint = if ["::}", "::]", "::,"].iter().any(|end| line.contains(end)) {
                    "; an IPv6 address that ends in `::` needs quotes here"
                } else {
                    ""
                };
                if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
                    let reason = format_args!("nests deeper than {MAX_DEPTH}; a configuration needs 5");
                    self.sink.error(at, &Path::Root, reason);
                } else {
                    self.sink.error(at, &Path::Root, format_args!("not valid YAML: {}{hint}", error.info()));
                }
                Err(Unreadable)
            }
            None => {
                self.sink.error(Position::START, &Path::Root, "not valid YAML: it ends too early");
                Err(Unreadable)
            }
        }
    }

    /// The node that `event` starts. Recursion ends at twice `MAX_DEPTH`, where the parser gives up.
    fn node(&mut self, event: Event<'a>, span: &Span, path: &Path<'_>) -> Result<Node<'a>, Unreadable> {
        let at = position(span.start);
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            self.sink.error(at, &Path::Root, format_args!("the file has more than {MAX_NODES} values"));
            return Err(Unreadable);
        }
        let kind = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.plain_only(at, path, anchor, tag.is_some());
                let quoted = style != ScalarStyle::Plain;
                if !quoted && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
                    Kind::Null
                } else {
                    Kind::Scalar { text, quoted }
                }
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.plain_only(at, path, anchor, tag.is_some());
                Kind::List(self.list(path)?)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.plain_only(at, path, anchor, tag.is_some());
                Kind::Map(self.map(path)?)
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                let reason = "aliases (`*name`) are not supported: write the value out";
                self.sink.error(at, path, reason);
                Kind::Broken
            }
            _ => {
                self.sink.error(at, &Path::Root, "not valid YAML: a value is expected");
                return Err(Unreadable);
            }
        };
        Ok(Node { at, kind })
    }

    fn list(&mut self, path: &Path<'_>) -> Result<Vec<Node<'a>>, Unreadable> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => {
                    let item = self.node(event, &span, &Path::Item(path, items.len()))?;
                    items.push(item);
                }
            }
        }
    }

    fn map(&mut self, path: &Path<'_>) -> Result<Vec<Entry<'a>>, Unreadable> {
        let mut entries = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(entries);
            }
            let key = self.node(event, &span, path)?;
            let (event, span) = self.next()?;
            let Kind::Scalar { text, .. } = key.kind else {
                if !matches!(key.kind, Kind::Broken) {
                    self.sink.error(key.at, path, "a field name is expected before the `:`");
                }
                self.node(event, &span, path)?;
                continue;
            };
            let value = self.node(event, &span, &Path::Field(path, shown(&text)))?;
            entries.push(Entry { key: text, key_at: key.at, value });
        }
    }

    fn plain_only(&mut self, at: Position, path: &Path<'_>, anchor: usize, tagged: bool) {
        if anchor != 0 {
            self.sink.error(at, path, "anchors (`&name`) are not supported: write the value out");
        }
        if tagged {
            self.sink.error(at, path, "tags (`!name`) are not supported: remove it");
        }
    }
}

/// The parser counts lines from 1 and columns from 0.
fn position(marker: Marker) -> Position {
    Position { line: marker.line().max(1), column: marker.col() + 1 }
}
