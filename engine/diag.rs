//! Refusals: what was found where, and what would mend it.
//!
//! A [`Diagnostic`] points into the graph's text; [`render`] prints it with the lines it is about,
//! [`to_json`] gives it to programs. Deciding and printing are apart, so that tests read the parts.

use std::fmt;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Level, Message, Origin, Renderer, Snippet};
use serde_json::{Value as Json, json};

use crate::decl::{SourceText, Span, Used};

/// How many findings are printed; the rest are counted.
pub(crate) const SHOWN: usize = 20;
/// How many findings programs are given.
const LISTED: usize = 200;

/// One refusal, or one warning.
#[derive(Clone, Debug, PartialEq)]
pub struct Diagnostic {
    /// One sentence: the thing, what was found, what was expected.
    pub message: String,
    /// Places, the main one first, each with a few words.
    pub labels: Vec<(Span, String)>,
    /// What would mend it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A refusal that points nowhere yet.
    pub fn new(message: impl Into<String>) -> Diagnostic {
        Diagnostic {
            message: plain(&message.into()),
            labels: Vec::new(),
            help: None,
        }
    }

    /// Points at a place.
    pub fn at(mut self, span: Span, words: impl Into<String>) -> Diagnostic {
        self.labels.push((span, words.into()));
        self
    }

    /// Says what would mend it.
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// As [`Diagnostic::help`], where there is something to say.
    pub fn maybe_help(mut self, help: Option<String>) -> Diagnostic {
        self.help = help.or(self.help);
        self
    }

    /// Where it points first: the start of the main label, the end of the text where it has none.
    pub(crate) fn place(&self) -> usize {
        self.labels
            .first()
            .map_or(usize::MAX, |(span, _)| span.start)
    }
}

/// Why a graph was refused: one or more findings and the text they point into.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The findings, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
    /// The text; `None` where there is nothing to point into.
    pub source: Option<SourceText>,
}

impl Refused {
    /// A refusal for one reason.
    pub fn one(diagnostic: Diagnostic, source: Option<SourceText>) -> Refused {
        Refused {
            diagnostics: vec![diagnostic],
            source,
        }
    }

    /// The findings sorted by place; `Ok` where there are none.
    pub(crate) fn unless_empty(
        mut findings: Vec<Diagnostic>,
        source: &Option<SourceText>,
    ) -> Result<(), Refused> {
        if findings.is_empty() {
            return Ok(());
        }
        findings.sort_by_key(Diagnostic::place);
        Err(Refused {
            diagnostics: findings,
            source: source.clone(),
        })
    }

    /// As it is printed, with colour for a terminal.
    pub fn render(&self, colour: bool) -> String {
        render(
            &self.diagnostics,
            self.source.as_ref(),
            Severity::Error,
            colour,
        )
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Refused {}

/// How serious a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The graph is refused.
    Error,
    /// The graph runs; this may not be what was meant.
    Warning,
}

/// The findings as text, a blank line after each: message, `file:line:column`, the lines with carets, help.
pub fn render(
    diagnostics: &[Diagnostic],
    source: Option<&SourceText>,
    severity: Severity,
    colour: bool,
) -> String {
    let renderer = if colour {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.decor_style(DecorStyle::Ascii);
    let mut text = String::new();
    for diagnostic in diagnostics.iter().take(SHOWN) {
        text += &render_one(&renderer, diagnostic, source, severity);
        text += "\n\n";
    }
    if diagnostics.len() > SHOWN {
        text += &format!("and {} more\n", diagnostics.len() - SHOWN);
    }
    text
}

fn render_one(
    renderer: &Renderer,
    diagnostic: &Diagnostic,
    source: Option<&SourceText>,
    severity: Severity,
) -> String {
    let level = match severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut labels = source.map_or(Vec::new(), |source| unfolded(source, &diagnostic.labels));
    let mut group = level
        .primary_title(&diagnostic.message)
        .elements(std::iter::empty::<Message>());
    if let Some(source) = source {
        let mut sites = Vec::new();
        labels.retain(|(span, _)| match source.site(span) {
            Some(site) => {
                sites.push(site);
                false
            }
            None => true,
        });
        sites.dedup();
        for site in sites {
            let origin = Origin::path(site.file()).line(site.line() as usize);
            group = group.element(origin.char_column(site.column() as usize));
        }
        for excerpt in excerpts(source, &labels) {
            let mut snippet = Snippet::source(&excerpt.text[excerpt.lines.clone()])
                .path(excerpt.name)
                .line_start(excerpt.first_line);
            for (kind, span, words) in excerpt.labels {
                let inside = span.start - excerpt.lines.start..span.end - excerpt.lines.start;
                snippet = snippet.annotation(kind.span(inside).label(words));
            }
            group = group.element(snippet);
        }
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    renderer.render(&[group])
}

/// The labels with places of the text itself, and after them the uses of sub-graphs they were seen from.
fn unfolded(source: &SourceText, labels: &[(Span, String)]) -> Vec<(Span, String)> {
    let mut uses: Vec<&Used> = Vec::new();
    let mut real = Vec::with_capacity(labels.len());
    // What was written in no text, in a graph made in Rust, points nowhere.
    let is_somewhere =
        |(span, _): &&(Span, String)| !source.is_built() || !span.is_empty() || span.start > 0;
    for (span, words) in labels.iter().filter(is_somewhere) {
        let (span, used) = source.origin(span);
        real.push((span, words.clone()));
        uses.extend(used.filter(|used| !uses.contains(used)));
    }
    let mut nth = 0;
    while let Some(used) = uses.get(nth) {
        let (span, outer) = source.origin(&used.span);
        real.push((span, format!("in the use `{}`", used.name)));
        uses.extend(outer.filter(|outer| !uses.contains(outer)));
        nth += 1;
    }
    real
}

/// Lines of the text with the labels that point into them.
struct Excerpt<'a> {
    name: &'a str,
    text: &'a str,
    lines: Span,
    first_line: usize,
    labels: Vec<(AnnotationKind, Span, &'a str)>,
}

/// One excerpt for each place; labels on the same lines share one.
fn excerpts<'a>(source: &'a SourceText, labels: &'a [(Span, String)]) -> Vec<Excerpt<'a>> {
    let mut excerpts: Vec<Excerpt<'a>> = Vec::new();
    for (nth, (span, words)) in labels.iter().enumerate() {
        let kind = match nth {
            0 => AnnotationKind::Primary,
            _ => AnnotationKind::Context,
        };
        let (name, text, span) = source.text_at(span);
        let label = (kind, within(text, &span), words.as_str());
        let (lines, first_line) = lines_around(text, &span);
        let same = |excerpt: &&mut Excerpt<'_>| excerpt.name == name && excerpt.lines == lines;
        match excerpts.iter_mut().find(same) {
            Some(excerpt) => excerpt.labels.push(label),
            None => excerpts.push(Excerpt {
                name,
                text,
                lines,
                first_line,
                labels: vec![label],
            }),
        }
    }
    excerpts
}

/// The whole lines a span touches, and the number of the first, counted from 1.
fn lines_around(text: &str, span: &Span) -> (Span, usize) {
    let span = within(text, span);
    let start = text[..span.start].rfind('\n').map_or(0, |at| at + 1);
    let end = text[span.end..]
        .find('\n')
        .map_or(text.len(), |at| span.end + at);
    (start..end, line_column(text, start).0)
}

/// The span, cut to the text and to whole characters.
fn within(text: &str, span: &Span) -> Span {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    start..end
}

/// Line and column of a byte of the text, both counted from 1, columns in characters.
pub fn line_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at.min(text.len()))];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

/// `file:line:column` of a place, where there is a text.
pub fn place(source: Option<&SourceText>, span: &Span) -> Option<String> {
    let source = source?;
    if let Some(site) = source.site(span) {
        return Some(site.to_string());
    }
    let (name, text, span) = source.text_at(&source.origin(span).0);
    if name.is_empty() {
        return None;
    }
    let (line, column) = line_column(text, span.start);
    Some(format!("{name}:{line}:{column}"))
}

/// The words without the numbers that the system has for its errors: ` (os error 2)`.
pub(crate) fn plain(words: &str) -> String {
    let mut parts = words.split(" (os error ");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text += part.split_once(')').map_or(part, |(_, rest)| rest);
    }
    text
}

/// Why a file cannot be had.
pub(crate) fn why(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => plain(&error.to_string()),
    }
}

/// The message with numbers of very many digits as `1e300`.
pub(crate) fn legible(message: &str) -> String {
    const DIGITS: usize = 24;
    let mut text = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let number = &rest[start..];
        let end = number.find(|c: char| !c.is_ascii_digit() && c != '.');
        let number = &number[..end.unwrap_or(number.len())];
        text += &rest[..start];
        match number.parse::<f64>() {
            Ok(x) if number.len() > DIGITS => text += &format!("{x:e}"),
            _ => text += number,
        }
        rest = &rest[start + number.len()..];
    }
    text + rest
}

/// The findings for programs: a list of `{message, file, line, column, help, labels}`, the first 200.
pub fn to_json(diagnostics: &[Diagnostic], source: Option<&SourceText>) -> Json {
    diagnostics
        .iter()
        .take(LISTED)
        .map(|diagnostic| one_to_json(diagnostic, source))
        .collect()
}

fn one_to_json(diagnostic: &Diagnostic, source: Option<&SourceText>) -> Json {
    let labels: Vec<Json> = match source {
        None => Vec::new(),
        Some(source) => unfolded(source, &diagnostic.labels)
            .iter()
            .map(|(span, words)| {
                let (file, line, column) = match source.site(span) {
                    Some(site) => (site.file(), site.line() as usize, site.column() as usize),
                    None => {
                        let (name, text, span) = source.text_at(span);
                        let (line, column) = line_column(text, span.start);
                        (name, line, column)
                    }
                };
                json!({"file": file, "line": line, "column": column, "words": words})
            })
            .collect(),
    };
    let first = |key: &str| {
        labels
            .first()
            .map_or(Json::Null, |label| label[key].clone())
    };
    json!({
        "message": diagnostic.message,
        "file": first("file"),
        "line": first("line"),
        "column": first("column"),
        "help": diagnostic.help,
        "labels": labels,
    })
}
