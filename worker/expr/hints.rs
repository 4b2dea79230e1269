//! What who writes an expression as in another language may have meant.

/// What a word of Python or NumPy is called here; `None` for one that is not known.
pub(super) fn of_name(name: &str) -> Option<&'static str> {
    Some(match name {
        "where" | "select" | "iif" => "`c ? a : b` or `if(c, a, b)` chooses between two values",
        "arcsin" => "it is called `asin`",
        "arccos" => "it is called `acos`",
        "arctan" => "it is called `atan`",
        "arctan2" => "it is called `atan2`",
        "power" => "it is called `pow`; `x ^ 2` is a power, too",
        "absolute" | "fabs" => "it is called `abs`",
        "angle" | "phase" => "it is called `arg`",
        "real" => "it is called `re`",
        "imag" => "it is called `im`",
        "conjugate" => "it is called `conj`",
        "mod" | "fmod" => "`a % b` is the rest of a division",
        "square" => "`x ^ 2` is the square",
        "cbrt" => "`x ^ (1 / 3)` is the cube root of what is not negative",
        "clip" => "it is called `clamp`",
        "avg" | "average" => "it is called `mean`",
        "stdev" | "stddev" => "it is called `std`",
        "variance" => "it is called `var`",
        "maximum" | "fmax" | "amax" => "it is called `max`",
        "minimum" | "fmin" | "amin" => "it is called `min`",
        "product" => "it is called `prod`",
        "size" | "length" => "it is called `len`",
        "isfinite" => "`abs(x) < inf` is true of finite numbers",
        "isinf" => "`abs(x) == inf` is true of infinite numbers",
        "sgn" | "signum" => "it is called `sign`",
        "ceiling" => "it is called `ceil`",
        "log1p" => "`log(1 + x)`",
        "expm1" => "`exp(x) - 1`",
        "deg2rad" | "radians" => "`x * pi / 180`",
        "rad2deg" | "degrees" => "`x * 180 / pi`",
        "sinc" => "`x == 0 ? 1 : sin(pi * x) / (pi * x)`",
        "rint" => "it is called `round`",
        "int" => "`floor`, `trunc` or `round` gives whole numbers; `dtype` says the type",
        "float" | "double" => "`dtype` says the type",
        "lambda" | "return" | "def" => "an expression is the value alone: `2 * x + 1`",
        _ => return None,
    })
}

/// What a word between two values was meant for, where an operator should be.
pub(super) fn of_word(word: &str) -> Option<&'static str> {
    Some(match word {
        "if" | "else" => "`c ? a : b` chooses: `x > 0 ? x : 0` is `x if x > 0 else 0`",
        "then" => "`c ? a : b` chooses between two values",
        "is" => "`==` compares",
        "AND" | "And" => "`and` or `&&`",
        "OR" | "Or" => "`or` or `||`",
        "xor" => "it is a function, of bits and of truth values: `xor(a, b)`",
        "in" => "`x == 1 || x == 2` compares with several",
        _ => return None,
    })
}

/// What stands where an index should be.
pub(super) const INDEX: &str = "indices are written out, from the end with a minus: `x[-1]` is the last element, `x[:-1]` all but that";

/// What a `[` behind something else than an input's name was meant for.
pub(super) const ELEMENTS: &str =
    "elements are those of an input: a `map` before this makes a stream of the vector";

/// What a dot after a name was meant for.
pub(super) fn of_dot(name: &str, rest: &str) -> String {
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    let after = &rest[..end.unwrap_or(rest.len())];
    match (name, after) {
        ("math" | "np" | "numpy" | "cmath" | "torch" | "jnp" | "Math" | "std", _) => of_name(after)
            .map_or_else(
                || format!("no module is named: `{after}(..)`"),
                str::to_owned,
            ),
        (_, "real") => format!("`re({name})` is the real part"),
        (_, "imag") => format!("`im({name})` is the imaginary part"),
        (_, _) if rest[after.len()..].starts_with('(') => {
            format!("functions have no dot: `{after}({name})`")
        }
        _ => format!(
            "an input has a name without dots: in = {{ {after} = \"{name}.{after}\" }} gives it one"
        ),
    }
}
