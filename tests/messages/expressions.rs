//! Expressions as other languages write them.

use crate::{has, said_of_line};

#[test]
fn what_python_would_say_is_translated() {
    let cases = [
        ("x if x > 0 else 0", "`c ? a : b` chooses"),
        ("math.sqrt(x)", "`math.` means nothing here"),
        ("math.sqrt(x)", "no module is named: `sqrt(..)`"),
        ("np.arctan2(x, 1)", "it is called `atan2`"),
        ("numpy.where(x > 0, x, 0)", "`c ? a : b` or `if(c, a, b)`"),
        ("where(x > 0, x, 0)", "`c ? a : b` or `if(c, a, b)`"),
        ("x.real", "`re(x)` is the real part"),
        ("x.abs()", "functions have no dot: `abs(x)`"),
        ("trace.z + 1", "in = { z = \"trace.z\" }"),
        ("arcsin(x)", "it is called `asin`"),
        ("fabs(x)", "it is called `abs`"),
        ("x is 3", "`==` compares"),
        ("x = 3", "`==` compares"),
        ("x & 1", "`&&` or `and` joins conditions"),
        ("lambda x: x", "an expression is the value alone"),
        ("0 < x < 1", "a < b && b < c"),
        ("2x", "`*` multiplies"),
    ];
    for (expr, words) in cases {
        has(
            &said_of_line(&format!("noise ! map expr=\"{expr}\" ! null")),
            &[words],
        );
    }
}

#[test]
fn what_is_the_same_in_other_languages_is_taken() {
    for expr in [
        "x > 0 and x < 1 or not x",
        "x > 0 && x < 1 || !x",
        "x ** 2",
        "True",
    ] {
        let line = format!("noise items=3 ! map expr=\"{expr}\" ! null");
        let graph = thalweg::oneline::load_line(&line).unwrap();
        let judged = thalweg::resolve::resolve(graph);
        match expr {
            "True" => has(&judged.unwrap_err().to_string(), &["did you mean `true`?"]),
            _ => drop(judged.unwrap()),
        }
    }
}
