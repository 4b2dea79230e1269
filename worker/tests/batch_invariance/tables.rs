//! Parquet and Arrow files, with the feature `arrow` alone: what a build with it judges beside what every build does.

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    let reader = |op, file| {
        case(op)
            .file("t", golden(file))
            .param("columns", vec!["x", "name", "n"])
    };
    let writer = |op| {
        case(op)
            .input("f64[2]")
            .input_of("text", SOME)
            .param("path", "t")
    };
    vec![
        reader("parquet.read", "table.parquet"),
        reader("arrow.read", "table.arrow"),
        reader("arrow.read", "table.arrows").param("columns", vec!["x", "n"]),
        writer("parquet.write").param("compression", "lz4"),
        writer("arrow.write"),
    ]
}

#[test]
fn files_of_columns_are_the_same_under_every_chunking() {
    judge_all(&cases());
}
