//! `regex.match`, `regex.extract`, `text.replace`: what regular expressions find in texts.
//!
//! The `regex` crate finds in time linear in the text's length, whatever the expression.

use regex::{NoExpand, Regex, RegexBuilder};

use crate::agent::{AgentError, Blueprint, OutPort, Output};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::ItemType;

use super::texts::{self, INVALID, Made, Making};

const IGNORE_CASE: ParamDef = ParamDef {
    name: "ignore_case",
    kind: ParamKind::Bool,
    default: Some("false"),
    unit: "",
    doc: "Take small and capital letters for the same.",
};

/// The row of `regex.match`.
pub const MATCH: OpDef = OpDef {
    name: "regex.match",
    summary: "keeps the texts that a regular expression matches",
    doc: "The texts in which `pattern` is found anywhere (`^` and `$` tie it to the ends), as they are; with \
          `invert` the others. Perl's syntax without backreferences and look-around, as the regex crate \
          has it (docs.rs/regex); the time is linear in the text's length.",
    inputs: Arity::One,
    outputs: "one stream of text, of no known rate",
    params: &[
        ParamDef {
            name: "pattern",
            kind: ParamKind::Text,
            default: None,
            unit: "",
            doc: "The regular expression.",
        },
        IGNORE_CASE,
        ParamDef {
            name: "invert",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "Keep those in which it is not found.",
        },
    ],
    example: "text.read path=examples/data/access.log ! regex.match pattern='\" 5[0-9][0-9] ' ! print",
    deterministic: true,
    build: build_match,
};

/// The row of `regex.extract`.
pub const EXTRACT: OpDef = OpDef {
    name: "regex.extract",
    summary: "what the groups of a regular expression hold in each text",
    doc: "Of each text the first match of `pattern`: what its only group holds (of an expression without \
          groups the whole match), or for several groups a stream each, side by side, named as the group \
          (`(?P<code>[0-9]+)`) or `g1 g2 ..`. With a `dtype` the groups are read as numbers, as `text.parse` \
          does; a group that took no part is an empty text. A text without a match gives nothing, unless \
          `missing = \"error\"`. Syntax as for `regex.match`.",
    inputs: Arity::One,
    outputs: "one stream per group, of text or of `dtype`, of no known rate",
    params: &[
        ParamDef {
            name: "pattern",
            kind: ParamKind::Text,
            default: None,
            unit: "",
            doc: "The regular expression, with a group around each part wanted.",
        },
        IGNORE_CASE,
        ParamDef {
            name: "missing",
            kind: ParamKind::Choice(&["skip", "error"]),
            default: Some("skip"),
            unit: "",
            doc: "What to do with a text without a match: leave it out, or end the run.",
        },
        INVALID,
    ],
    example: "text.read path=examples/data/access.log ! regex.extract pattern='\" ([0-9]+) ' dtype=u16 ! print",
    deterministic: true,
    build: build_extract,
};

/// The row of `text.replace`.
pub const REPLACE: OpDef = OpDef {
    name: "text.replace",
    summary: "each text with every occurrence of a text replaced",
    doc: "One text for each: every occurrence of `find`, from left to right, replaced by `with`. With \
          `regex = true` `find` is a regular expression as in `regex.match`, and `$1` or `${name}` in `with` is \
          what that group holds (`$$` a dollar sign).",
    inputs: Arity::One,
    outputs: "one stream of text",
    params: &[
        ParamDef {
            name: "find",
            kind: ParamKind::Text,
            default: None,
            unit: "",
            doc: "What to replace.",
        },
        ParamDef {
            name: "with",
            kind: ParamKind::Text,
            default: None,
            unit: "",
            doc: "What to put there; may be empty.",
        },
        ParamDef {
            name: "regex",
            kind: ParamKind::Bool,
            default: Some("false"),
            unit: "",
            doc: "Whether `find` is a regular expression.",
        },
        IGNORE_CASE,
    ],
    example: "text.read path=examples/data/access.log ! head items=3 ! text.replace find='[0-9]+' with='N' regex=true ! print",
    deterministic: true,
    build: build_replace,
};

fn pattern(args: &Args, name: &str) -> Result<Regex, OpError> {
    let pattern = args.text(name).unwrap_or_default();
    compiled(pattern, args.flag("ignore_case")).map_err(|error| {
        // The last line says what is wrong; those before it draw the pattern.
        let words = error.to_string();
        let why = words.lines().last().unwrap_or_default();
        let why = why.strip_prefix("error: ").unwrap_or(why);
        OpError::param(name, format!("`{name}` is no regular expression: {why}"))
            .with_help(r"in TOML '..' takes backslashes as they are: '\d+'")
    })
}

fn compiled(pattern: &str, ignore_case: bool) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern)
        .case_insensitive(ignore_case)
        .build()
}

fn build_match(args: &Args) -> Result<Blueprint, OpError> {
    let pattern = pattern(args, "pattern")?;
    let wanted = !args.flag("invert");
    texts::kept(args, move |text| pattern.is_match(text) == wanted)
}

fn build_extract(args: &Args) -> Result<Blueprint, OpError> {
    let pattern = pattern(args, "pattern")?;
    let making = Making::of(args)?;
    let outputs = ports(&pattern, making.item_type());
    let extract = Extract {
        first_group: usize::from(pattern.captures_len() > 1),
        pattern,
        making,
        missing_is_error: args.text("missing") == Some("error"),
    };
    texts::each(args, outputs, move |text, outputs| {
        extract.give(text, outputs)
    })
}

/// A port for each group; none, or the only one, gives the agent's only output.
fn ports(pattern: &Regex, item_type: ItemType) -> Vec<OutPort> {
    let groups = pattern.capture_names().enumerate().skip(1);
    let names: Vec<String> = groups
        .map(|(nth, name)| name.map_or(format!("g{nth}"), str::to_owned))
        .collect();
    match names.len() {
        0 | 1 => vec![OutPort::new(item_type, None)],
        _ => {
            let port = |name| OutPort::named(name, item_type.clone(), None);
            names.into_iter().map(port).collect()
        }
    }
}

struct Extract {
    pattern: Regex,
    /// 0, the whole match, where there are no groups.
    first_group: usize,
    making: Making,
    missing_is_error: bool,
}

impl Extract {
    fn give(&self, text: &str, outputs: &mut [Output]) -> Result<bool, AgentError> {
        let Some(captures) = self.pattern.captures(text) else {
            return match self.missing_is_error {
                true => Err(AgentError::new(format!(
                    "`{}` is not found in {text:?}; `missing = \"skip\"` leaves such texts out",
                    self.pattern
                ))),
                false => Ok(true),
            };
        };
        let mut made: Vec<Made<'_>> = Vec::with_capacity(outputs.len());
        for group in 0..outputs.len() {
            let group = captures.get(self.first_group + group);
            match self.making.make(group.map_or("", |group| group.as_str()))? {
                Some(item) => made.push(item),
                None => return Ok(true),
            }
        }
        // All of a text's groups or none, so that the streams stay side by side.
        let mut places = made.iter().zip(outputs.iter_mut());
        let fits = places.all(|(item, output)| item.fits(output));
        if fits {
            for (item, output) in made.iter().zip(outputs) {
                item.give(output);
            }
        }
        Ok(fits)
    }
}

fn build_replace(args: &Args) -> Result<Blueprint, OpError> {
    let with = args.text("with").unwrap_or_default().to_owned();
    let find = args.text("find").unwrap_or_default();
    if find.is_empty() {
        return Err(OpError::param(
            "find",
            "`find` is empty: it would be found everywhere",
        ));
    }
    if args.flag("regex") {
        let find = pattern(args, "find")?;
        return texts::each_to_text(args, move |text, output| {
            output.give_text(&find.replace_all(text, with.as_str()))
        });
    }
    let find = compiled(&regex::escape(find), args.flag("ignore_case"))
        .map_err(|e| OpError::param("find", e.to_string()))?;
    texts::each_to_text(args, move |text, output| {
        output.give_text(&find.replace_all(text, NoExpand(&with)))
    })
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, output, text_output, text_run, texts};
    use crate::testing::{self, Chunks, run};

    fn text(value: &str) -> Value {
        Value::from(value)
    }

    #[test]
    fn a_match_anywhere_keeps_a_text_and_inverted_leaves_it_out() {
        let lines = &["GET /a 200", "GET /b 500", "put /b 404", ""];
        let pattern = ("pattern", text(r"^GET .* [45]\d\d$"));
        assert_eq!(
            text_output("regex.match", lines, std::slice::from_ref(&pattern)),
            ["GET /b 500"]
        );
        let invert = ("invert", Value::from(true));
        assert_eq!(
            text_output("regex.match", lines, &[pattern, invert]),
            ["GET /a 200", "put /b 404", ""]
        );
        let any_case = [("pattern", text("PUT")), ("ignore_case", Value::from(true))];
        assert_eq!(text_output("regex.match", lines, &any_case), ["put /b 404"]);
    }

    #[test]
    fn the_whole_match_the_only_group_or_a_stream_for_each_group() {
        let lines = &["a=1 b=22", "none", "a=7 b=8"];
        let whole = [("pattern", text(r"b=\d+"))];
        assert_eq!(text_output("regex.extract", lines, &whole), ["b=22", "b=8"]);
        let group = [("pattern", text(r"b=(\d+)"))];
        assert_eq!(text_output("regex.extract", lines, &group), ["22", "8"]);
        let numbers: Vec<u32> = output("regex.extract", &[texts(lines)], &group, Some("u32"));
        assert_eq!(numbers, [22, 8]);
        let both = [("pattern", text(r"a=(?P<first>\d+)( b=)?"))];
        for chunks in (0..20).map(Chunks::Random) {
            let blueprint = build("regex.extract", &[texts(lines)], &both, None).unwrap();
            let names: Vec<&str> = blueprint.outputs.iter().map(|o| o.name.as_str()).collect();
            assert_eq!(names, ["first", "g2"]);
            let streams = run(blueprint, &[testing::frames(lines)], chunks, usize::MAX).unwrap();
            assert_eq!(testing::texts(&streams[0]), ["1", "7"]);
            assert_eq!(testing::texts(&streams[1]), [" b=", " b="]);
        }
    }

    #[test]
    fn what_is_missing_is_an_error_if_so_asked() {
        let params = [("pattern", text("x")), ("missing", text("error"))];
        let error = text_run(
            "regex.extract",
            &[texts(&["ax", "b"])],
            &params,
            Chunks::Single,
        );
        assert_eq!(
            error.unwrap_err().message,
            "item 1 of its input: `x` is not found in \"b\"; `missing = \"skip\"` leaves such texts out"
        );
    }

    #[test]
    fn occurrences_are_replaced_as_text_or_by_groups() {
        let lines = &["a.b.c", "abc", ""];
        let plain = [("find", text(".")), ("with", text("$1"))];
        assert_eq!(
            text_output("text.replace", lines, &plain),
            ["a$1b$1c", "abc", ""]
        );
        let groups = [
            ("find", text(r"(\w)(\w)")),
            ("with", text("$2$1")),
            ("regex", Value::from(true)),
        ];
        assert_eq!(
            text_output("text.replace", lines, &groups),
            ["a.b.c", "bac", ""]
        );
    }

    #[test]
    fn what_is_no_expression_is_refused_with_the_reason() {
        let pattern = [("pattern", text("(a"))];
        let refused = build("regex.match", &[texts(&[])], &pattern, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("pattern"));
        assert_eq!(
            refused.message,
            "`pattern` is no regular expression: unclosed group"
        );
        let find = [("find", text("")), ("with", text("x"))];
        let refused = build("text.replace", &[texts(&[])], &find, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("find"));
    }
}
