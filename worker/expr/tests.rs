use super::*;
use crate::agent::Input;
use crate::types::{ItemType, Scalar};

/// One input of these numbers.
struct Stream {
    info: InputInfo,
    words: Vec<u64>,
    items: usize,
}

fn stream<T: bytemuck::Pod>(name: &str, item_type: &str, numbers: &[T]) -> Stream {
    let bytes: &[u8] = bytemuck::cast_slice(numbers);
    let mut words = vec![0; bytes.len().div_ceil(8)];
    bytemuck::cast_slice_mut::<u64, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
    let item_type: ItemType = item_type.parse().unwrap();
    Stream {
        items: bytes.len() / item_type.len_bytes(),
        info: InputInfo {
            naming: Default::default(),
            name: name.to_owned(),
            item_type,
            rate: Some(10.0),
            unit: None,
        },
        words,
    }
}

/// The expression's values as f64 (real parts, or all elements), and its own type.
fn values(text: &str, streams: &[Stream]) -> (Vec<f64>, String) {
    let infos: Vec<InputInfo> = streams.iter().map(|s| s.info.clone()).collect();
    let program = compile(text, &infos, Some(10.0)).unwrap_or_else(|e| panic!("{e}"));
    let item_type = program.item_type();
    let (scalar, width) = item_type.elements().unwrap();
    let to = if scalar.is_complex() {
        Scalar::Cf64
    } else {
        Scalar::F64
    };
    let items = streams.iter().map(|s| s.items).min().unwrap_or(1);
    let inputs: Vec<Input> = streams
        .iter()
        .map(|s| {
            let item_len = s.info.item_type.len_bytes();
            // SAFETY: the words hold `items` items, aligned to 8, outlive the call and are only read.
            unsafe { Input::new(s.words.as_ptr().cast(), s.items, 0, 0, item_len, true) }
        })
        .collect();
    let mut machine = Machine::new(program);
    let mut numbers = vec![0.0_f64; items * width * (to.len_bytes() / 8)];
    let most = machine.items_max();
    let lanes = width * (to.len_bytes() / 8);
    for (block, room) in numbers.chunks_mut(most * lanes).enumerate() {
        let first = block * most;
        machine
            .run(&inputs, first, first as u64, room.len() / lanes)
            .write(to, bytemuck::cast_slice_mut(room));
    }
    (numbers, item_type.to_string())
}

fn check(text: &str, streams: &[Stream], expected: &[f64], item_type: &str) {
    let (found, found_type) = values(text, streams);
    let is_same = |(a, b): (&f64, &f64)| {
        a == b || a.is_nan() && b.is_nan() || (a - b).abs() < 1e-14 * b.abs()
    };
    let all_same = found.len() == expected.len() && found.iter().zip(expected).all(is_same);
    assert!(all_same, "{text}: {found:?}, and not {expected:?}");
    assert_eq!(found_type, item_type, "{text}");
}

fn refused(text: &str) -> ExprError {
    let infos = [
        stream("x", "f64", &[0.0]).info,
        stream("signal", "f64[3]", &[0.0; 3]).info,
    ];
    match compile(text, &infos, None) {
        Ok(_) => panic!("{text} was taken"),
        Err(refusal) => refusal,
    }
}

#[test]
fn precedence_is_that_of_the_written_formula() {
    let cases = [
        ("1 + 2 * 3", 7.0),
        ("(1 + 2) * 3", 9.0),
        ("2 - 3 - 4", -5.0),
        ("2 ^ 3 ^ 2", 512.0),
        ("2 ** 3", 8.0),
        ("-2 ^ 2", -4.0),
        ("2 ^ -1", 0.5),
        ("7 // 2 * 2 + 7 % 2", 7.0),
        ("12 / 2 / 3", 2.0),
        ("1 < 2 && 3 < 2 || 1", 1.0),
        ("not 1 > 2", 1.0),
        ("!0 + 1", 2.0),
        ("1 ? 2 : 0 ? 3 : 4", 2.0),
        ("0 ? 2 : 0 ? 3 : 4", 4.0),
        ("true and not false", 1.0),
        ("1e3 + .5 + 2.", 1002.5),
        ("+ - - 3", 3.0),
    ];
    for (text, expected) in cases {
        assert_eq!(values(text, &[]).0, [expected], "{text}");
    }
}

#[test]
fn bits_are_joined_and_shifted_as_python_s() {
    let cases = [
        ("6 & 3 | 8", 10.0),
        ("1 | 2 == 3", 1.0),
        ("1 + 1 << 2 - 1", 4.0),
        ("-5 >> 1", -3.0),
        ("~5 + 1", -5.0),
        ("xor(6, 3)", 5.0),
        ("-1 & 255", 255.0),
        ("(1 < 2) & (3 < 2)", 0.0),
        ("~(1 < 2) | true", 1.0),
    ];
    for (text, expected) in cases {
        assert_eq!(values(text, &[]).0, [expected], "{text}");
    }
    let x = || [stream("x", "i32", &[5, -3, 64, 0])];
    check("x & 4 | 1", &x(), &[5.0, 5.0, 1.0, 1.0], "i64");
    check("x >> 1", &x(), &[2.0, -2.0, 32.0, 0.0], "i64");
    check("~x", &x(), &[-6.0, 2.0, -65.0, -1.0], "i64");
    check("1 << x", &x(), &[32.0, 0.0, 0.0, 1.0], "i64");
    check("-9 >> x", &x(), &[-1.0, -1.0, -1.0, -9.0], "i64");
    check("(x > 0) & (x < 9)", &x(), &[1.0, 0.0, 0.0, 0.0], "u8");
    check("xor(x > 0, x < 9)", &x(), &[0.0, 1.0, 1.0, 1.0], "u8");
    let high = || [stream("x", "u64", &[u64::MAX, 1])];
    check("x >> 63", &high(), &[1.0, 0.0], "u64");
    check("~x", &high(), &[0.0, (u64::MAX - 1) as f64], "u64");
    check("x & 7 | 8", &high(), &[15.0, 9.0], "u64");
}

#[test]
fn neither_a_count_of_bits_nor_a_written_number_takes_the_sign_of_u64() {
    let items = || {
        [
            stream("x", "u64", &[1 << 63, 7_u64]),
            stream("k", "i16", &[7_i16, 1]),
            stream("s", "i64", &[-256_i64, 9]),
        ]
    };
    let high = (1_u64 << 63) as f64;
    for (text, expected, item_type) in [
        ("x >> k", [(1_u64 << 56) as f64, 3.0], "u64"),
        ("x >> n", [high, 3.0], "u64"),
        ("x >> n % 64", [high, 3.0], "u64"),
        ("x << n", [high, 14.0], "u64"),
        ("x >> k - 8", [0.0, 0.0], "u64"),
        ("x >> (k > 0)", [(1_u64 << 62) as f64, 3.0], "u64"),
        ("x & ~1", [high, 6.0], "u64"),
        ("~1 & x", [high, 6.0], "u64"),
        ("x & -2", [high, 6.0], "u64"),
        ("xor(x, ~0) & 0xff", [255.0, 248.0], "u64"),
        ("s >> x % 9", [-1.0, 0.0], "i64"),
        ("-9 >> x % 9", [-1.0, -1.0], "i64"),
        ("1 << x % 9", [256.0, 128.0], "u64"),
        (
            "9223372036854775808 >> k",
            [(1_u64 << 56) as f64, (1_u64 << 62) as f64],
            "u64",
        ),
        // Two streams, of which one has a sign: as `+`.
        ("x | s", [-256.0, 15.0], "i64"),
    ] {
        check(text, &items(), &expected, item_type);
    }
}

#[test]
fn whole_numbers_have_other_bases_and_marks_between_digits() {
    for (text, expected) in [
        ("0xff", 255.0),
        ("0XFf + 0b101 + 0o17", 275.0),
        ("0xffff_ffff", 4294967295.0),
        ("0x_10", 16.0),
        ("1_000_000", 1e6),
        ("1_0.2_5e1_0", 10.25e10),
        ("0xFFFFFFFFFFFFFFFF == 18_446_744_073_709_551_615", 1.0),
        ("0", 0.0),
        ("0e1", 0.0),
    ] {
        assert_eq!(values(text, &[]).0, [expected], "{text}");
    }
    for (text, message) in [
        ("0x", "`0x` has no digits"),
        ("0b12", "`2` follows the number 0b1 at once"),
        ("0xg", "`g` follows the number 0x at once"),
        ("0o8", "`8` follows the number 0o at once"),
        ("0x1_0000_0000_0000_0000", "is more than 64 bits hold"),
        ("1_", "`_` follows the number 1 at once"),
        ("1__0", "`_` follows the number 1 at once"),
    ] {
        assert!(refused(text).message.contains(message), "{}", refused(text));
    }
}

#[test]
fn slices_are_python_s() {
    let x = || {
        [stream(
            "x",
            "f64[5]",
            &[0.0, 1.0, 2.0, 3.0, 4.0, 10.0, 11.0, 12.0, 13.0, 14.0],
        )]
    };
    let cases: [(&str, &[f64]); 8] = [
        ("x[1:3]", &[1.0, 2.0, 11.0, 12.0]),
        ("x[-2:]", &[3.0, 4.0, 13.0, 14.0]),
        ("x[:-4]", &[0.0, 10.0]),
        ("x[::2]", &[0.0, 2.0, 4.0, 10.0, 12.0, 14.0]),
        ("x[1::3]", &[1.0, 4.0, 11.0, 14.0]),
        ("x[::-2]", &[4.0, 2.0, 0.0, 14.0, 12.0, 10.0]),
        ("x[3:0:-1]", &[3.0, 2.0, 1.0, 13.0, 12.0, 11.0]),
        ("x[-99:1]", &[0.0, 10.0]),
    ];
    for (text, expected) in cases {
        let width = expected.len() / 2;
        check(text, &x(), expected, &format!("f64[{width}]"));
    }
    check("mean(x[-2:]) - mean(x[:2])", &x(), &[3.0, 3.0], "f64");
    check("2 * x[1:3] + x[0]", &x(), &[2.0, 4.0, 32.0, 34.0], "f64[2]");
    check("x[1:3] > x[0:4:2]", &x(), &[1.0, 0.0, 1.0, 0.0], "u8[2]");
    check("len(x[1:4])", &x(), &[3.0, 3.0], "i64");
    let z = [stream("z", "cf32[2]", &[1.0_f32, 2.0, 3.0, 4.0])];
    check("re(z[1:])", &z, &[3.0], "f32[1]");
    let timed = [stream("x", "timed<f64[3]>", &[0.5, 1.0, 2.0, 3.0])];
    check("sum(x[1:]) + t", &timed, &[5.5], "f64");
}

#[test]
fn numbers_are_rounded_to_places() {
    let x = || [stream("x", "f64", &[2.345, -0.125, 1234.5])];
    check("round(x, 2)", &x(), &[2.35, -0.12, 1234.5], "f64");
    check("round(x, -2)", &x(), &[0.0, 0.0, 1200.0], "f64");
    check("round(x, 0)", &x(), &[2.0, 0.0, 1234.0], "f64");
    check(
        "round(x, 3)",
        &[stream("x", "i16", &[7_i16])],
        &[7.0],
        "i64",
    );
    let z = || [stream("z", "cf64", &[1.26, -0.04])];
    check("abs(round(z, 1) - complex(1.3, 0))", &z(), &[0.0], "f64");
    check("abs(round(z) - 1)", &z(), &[0.0], "f64");
}

#[test]
fn whole_numbers_are_rounded_exactly_and_stay_whole() {
    let large = (1_i64 << 62) + 1; // 4611686018427387905
    let s = || [stream("x", "i64", &[large, 15, 25, -15, -25, -26])];
    let same = |text: &str, expected: &[i64]| {
        for (at, n) in expected.iter().enumerate() {
            let text = format!("({text}) == {n}");
            assert_eq!(values(&text, &s()).0[at], 1.0, "{text} of item {at}");
        }
    };
    same(
        "round(x, -1)",
        &[4_611_686_018_427_387_900, 20, 20, -20, -20, -30],
    );
    same("round(x, 1)", &[large, 15, 25, -15, -25, -26]);
    same("round(x, -18)", &[5_000_000_000_000_000_000, 0, 0, 0, 0, 0]);
    check("round(x, -19)", &s(), &[0.0; 6], "i64");
    check("round(x, -20)", &s(), &[0.0; 6], "i64");
    let u = || {
        [stream(
            "x",
            "u64",
            &[u64::MAX - 6, 5_000_000_000_000_000_000],
        )]
    };
    let (up, even) = ("round(x, -1) == 18446744073709551610", "round(x, -19)");
    assert_eq!(values(up, &u()).0, [1.0, 0.0]);
    check(even, &u(), &[1e19 * 2.0 - 2f64.powi(64), 0.0], "u64");
    check(
        "round(x, -1) - x",
        &[stream("x", "u8", &[17_u8])],
        &[3.0],
        "i64",
    );
    // Written out: nobody means a wrap.
    assert_eq!(values("round(-25, -1)", &[]).0, [-20.0]);
    assert_eq!(
        values("round(18446744073709551615, -1)", &[]).0,
        [18446744073709551620.0]
    );
    assert_eq!(values("round(5, -30)", &[]).0, [0.0]);
}

#[test]
fn functions_are_those_of_mathematics() {
    let cases = [
        ("abs(-3)", 3.0),
        ("sqrt(2)", 2_f64.sqrt()),
        ("exp(1) - e", 0.0),
        ("log(e ^ 2)", 2.0),
        ("ln(1) + log10(1000) + log2(8)", 6.0),
        ("sin(pi / 2) + cos(0) + tan(0)", 2.0),
        ("asin(1) + acos(1) + atan(0)", std::f64::consts::FRAC_PI_2),
        ("atan2(1, -1)", 0.75 * std::f64::consts::PI),
        ("sinh(1)", 1_f64.sinh()),
        ("cosh(1)", 1_f64.cosh()),
        ("tanh(1)", 1_f64.tanh()),
        ("floor(-1.5) + ceil(-1.5)", -3.0),
        ("round(0.5) + round(1.5) + round(-2.5)", 0.0),
        ("trunc(-1.7)", -1.0),
        ("min(3, 1, 2) + max(3, 1, 2)", 4.0),
        ("sign(-2.5) + sign(0)", -1.0),
        ("hypot(3, 4)", 5.0),
        ("pow(2, 0.5) ^ 2 - 2", 2_f64.sqrt() * 2_f64.sqrt() - 2.0),
        ("clamp(5, 0, 3) + clamp(-5, 0, 3)", 3.0),
        ("if(2 > 1, 10, 20)", 10.0),
        ("isnan(nan) + isnan(inf)", 1.0),
        ("tau - 2 * pi", 0.0),
        ("im(complex(1, 2) * complex(3, 4))", 10.0),
    ];
    for (text, expected) in cases {
        assert_eq!(values(text, &[]).0, [expected], "{text}");
    }
}

#[test]
fn what_holds_for_literals_holds_for_items() {
    let x = [-7.5, -2.0, -0.5, 0.0, 0.25, 3.0, 7.5];
    let items = || [stream("x", "f64", &x)];
    let check_f64 = |text: &str, f: &dyn Fn(f64) -> f64| {
        let expected: Vec<f64> = x.iter().map(|x| f(*x)).collect();
        check(text, &items(), &expected, "f64");
    };
    check_f64("x", &|x| x);
    check_f64("-x + 1", &|x| 1.0 - x);
    check_f64("x ^ 2 - x ^ 3", &|x| x * x - x * (x * x));
    check_f64("x // 2", &|x| (x / 2.0).floor());
    check_f64("x % 2", &|x| x.rem_euclid(2.0));
    check_f64("x % -2", &|x| -(-x).rem_euclid(2.0));
    check_f64("2 / x", &|x| 2.0 / x);
    check_f64("x < 0 ? x : 10", &|x| if x < 0.0 { x } else { 10.0 });
    check_f64("x < 0 ? 10 : x", &|x| if x < 0.0 { 10.0 } else { x });
    check_f64("sqrt(x)", &|x| x.sqrt());
    check_f64("x ^ 0.5", &|x| x.sqrt());
    check_f64("x ^ 0", &|_| 1.0);
    check_f64("x ^ -2", &|x| x.powf(-2.0));
    check_f64("sign(x) * floor(abs(x))", &|x| x.trunc());
    check_f64("min(x, 1) + max(0, x)", &|x| x.min(1.0) + x.max(0.0));
    check_f64("(x > 0) * 2.5", &|x| if x > 0.0 { 2.5 } else { 0.0 });
    check_f64("log(x)", &|x| x.ln());
    check(
        "x >= 0.25 && x != 3 or x == -2",
        &items(),
        &[0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0],
        "u8",
    );
    check("!x", &items(), &[0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0], "u8");
    check(
        "n * 2",
        &items(),
        &[0.0, 2.0, 4.0, 6.0, 8.0, 10.0, 12.0],
        "i64",
    );
    check("t * 10 - n", &items(), &[0.0; 7], "f64");
    check("3", &items(), &[3.0; 7], "i64");
}

#[test]
fn nan_goes_through_min_and_max_from_either_side() {
    let items = || {
        [
            stream("a", "f64", &[f64::NAN, 1.0]),
            stream("b", "f64", &[1.0, f64::NAN]),
        ]
    };
    for text in [
        "min(a, b)",
        "max(a, b)",
        "clamp(a, b, 3)",
        "max(min(a, 0), b)",
    ] {
        check(text, &items(), &[f64::NAN; 2], "f64");
    }
}

#[test]
fn integers_wrap_and_divide_as_python_s() {
    let items = || {
        [
            stream("a", "i32", &[7, -7, 7, -7, 5]),
            stream("b", "i32", &[2, 2, -2, -2, 0]),
        ]
    };
    check("a // b", &items(), &[3.0, -4.0, -4.0, 3.0, 0.0], "i64");
    check("a % b", &items(), &[1.0, 1.0, -1.0, -1.0, 0.0], "i64");
    check(
        "a / b",
        &items(),
        &[3.5, -3.5, -3.5, 3.5, f64::INFINITY],
        "f64",
    );
    check(
        "a ^ 3",
        &items(),
        &[343.0, -343.0, 343.0, -343.0, 125.0],
        "i64",
    );
    check(
        "a ^ 5",
        &items(),
        &[16807.0, -16807.0, 16807.0, -16807.0, 3125.0],
        "i64",
    );
    check(
        "sqrt(abs(a) - 3)",
        &items(),
        &[2.0, 2.0, 2.0, 2.0, 2_f64.sqrt()],
        "f64",
    );
    let largest = || [stream("x", "i64", &[i64::MAX, i64::MIN])];
    check("x + 1 < 0", &largest(), &[1.0, 1.0], "u8");
    check("-x == x", &largest(), &[0.0, 1.0], "u8");
    check("x // -1 == x", &largest(), &[0.0, 1.0], "u8");
    check("2 ^ 62 * 4", &[], &[2_f64.powi(64)], "f64");
    check("2 ^ 64", &[], &[2_f64.powi(64)], "f64");
}

#[test]
fn what_has_no_sign_is_compared_as_that() {
    let items = || {
        [
            stream("a", "u64", &[u64::MAX, 1 << 63, 5, 0]),
            stream("b", "i64", &[-1, i64::MIN, 5, -5]),
        ]
    };
    for (text, expected) in [
        ("a > 1", [1.0, 1.0, 1.0, 0.0]),
        ("1 < a", [1.0, 1.0, 1.0, 0.0]),
        ("a > -1", [1.0; 4]),
        ("-1 >= a", [0.0; 4]),
        ("a == b", [0.0, 0.0, 1.0, 0.0]),
        ("a != b", [1.0, 1.0, 0.0, 1.0]),
        ("b < a", [1.0, 1.0, 0.0, 1.0]),
        ("b <= a", [1.0; 4]),
        ("a <= b", [0.0, 0.0, 1.0, 0.0]),
        ("a >= b", [1.0; 4]),
        ("a >= 9223372036854775808.0", [1.0, 1.0, 0.0, 0.0]),
        ("not a", [0.0, 0.0, 0.0, 1.0]),
    ] {
        check(text, &items(), &expected, "u8");
    }
    for (text, expected) in [
        ("min(a, b)", [-1.0, -(2_f64.powi(63)), 5.0, -5.0]),
        ("max(3, b, 4)", [4.0, 4.0, 5.0, 4.0]),
        ("a + b", [-2.0, 0.0, 10.0, -5.0]),
        ("a - (-1)", [0.0, -(2_f64.powi(63)) + 1.0, 6.0, 1.0]),
        ("-a", [1.0, -(2_f64.powi(63)), -5.0, 0.0]),
        (
            "im(conj(complex(a, a)))",
            [1.0, -(2_f64.powi(63)), -5.0, 0.0],
        ),
    ] {
        check(text, &items(), &expected, "i64");
    }
    for (text, expected) in [
        ("min(a, 7)", [7.0, 7.0, 5.0, 0.0]),
        ("max(a, b)", [2_f64.powi(64), 2_f64.powi(63), 5.0, 0.0]),
        ("a // 4611686018427387904", [3.0, 2.0, 0.0, 0.0]),
        ("a % 10", [5.0, 8.0, 5.0, 0.0]),
        ("sign(a)", [1.0, 1.0, 1.0, 0.0]),
        ("a + (b > 0)", [2_f64.powi(64), 2_f64.powi(63), 6.0, 0.0]),
        ("a * a", [1.0, 0.0, 25.0, 0.0]),
        ("a ^ 2 - a * 1 - a", [3.0, 0.0, 15.0, 0.0]),
        ("b > 0 ? a : 1", [1.0, 1.0, 5.0, 1.0]),
        ("9223372036854775808 - a * 0", [2_f64.powi(63); 4]),
    ] {
        check(text, &items(), &expected, "u64");
    }
    let large = [2_f64.powi(64), 2_f64.powi(63), 5.0, 0.0];
    check("a / 1", &items(), &large, "f64");
    check("a + 0.0", &items(), &large, "f64");
}

#[test]
fn whole_numbers_written_out_are_exact_up_to_the_largest_of_64_bits() {
    let items = || [stream("x", "u64", &[(1_u64 << 63) + 1, 1 << 63, u64::MAX])];
    for (text, expected) in [
        ("x == 9223372036854775809", [1.0, 0.0, 0.0]),
        ("x == 9223372036854775807 + 1", [0.0, 1.0, 0.0]),
        ("x >= 18446744073709551615", [0.0, 0.0, 1.0]),
        ("x == 2 ** 64 - 1.0", [0.0, 0.0, 1.0]),
        (
            "18446744073709551615 - 9223372036854775807 == x",
            [0.0, 1.0, 0.0],
        ),
    ] {
        check(text, &items(), &expected, "u8");
    }
    check(
        "18446744073709551615 // 10",
        &[],
        &[1844674407370955161.0],
        "i64",
    );
    check("-9223372036854775808", &[], &[-(2_f64.powi(63))], "i64");
    check("-9223372036854775809", &[], &[-(2_f64.powi(63))], "f64");
    let signed = [stream("x", "i64", &[-1_i64])];
    check("x < 9223372036854775808", &signed, &[1.0], "u8");
    check(
        "max(x, 9223372036854775808)",
        &signed,
        &[2_f64.powi(63)],
        "u64",
    );
    for text in [
        "x + 9223372036854775808",
        "x > 0 ? 18446744073709551615 : x",
    ] {
        let infos = [signed[0].info.clone()];
        let refused = compile(text, &infos, None).expect_err(text);
        assert!(refused.message.contains("more than i64 holds"), "{refused}");
    }
}

#[test]
fn whole_numbers_divided_by_a_written_0_are_refused() {
    let infos = [stream("x", "i64", &[1_i64]).info];
    for text in ["1 // 0", "x % 0", "(x > 1) // 0"] {
        let refused = compile(text, &infos, None).expect_err(text);
        assert!(
            refused.message.contains("divides whole numbers by 0"),
            "{text}"
        );
    }
    check("1.0 // 0", &[], &[f64::INFINITY], "f64");
}

#[test]
fn every_item_type_is_read_and_single_floats_stay_single() {
    check("x + 1", &[stream("x", "u8", &[255_u8])], &[256.0], "i64");
    check("x + 1", &[stream("x", "i8", &[-128_i8])], &[-127.0], "i64");
    check(
        "x + 1",
        &[stream("x", "u16", &[65535_u16])],
        &[65536.0],
        "i64",
    );
    check(
        "x + 1",
        &[stream("x", "i16", &[-32768_i16])],
        &[-32767.0],
        "i64",
    );
    check(
        "x + 1",
        &[stream("x", "u32", &[u32::MAX])],
        &[4294967296.0],
        "i64",
    );
    check(
        "x + 1",
        &[stream("x", "i32", &[i32::MIN])],
        &[-2147483647.0],
        "i64",
    );
    check("x + 1", &[stream("x", "u64", &[u64::MAX])], &[0.0], "u64");
    let tenth = f64::from(0.1_f32 + 0.2_f32);
    check(
        "x + 0.2",
        &[stream("x", "f32", &[0.1_f32])],
        &[tenth],
        "f32",
    );
    check("x + n", &[stream("x", "f32", &[0.5_f32])], &[0.5], "f64");
    check(
        "sin(x) * pi",
        &[stream("x", "f32", &[0_f32])],
        &[0.0],
        "f32",
    );
}

#[test]
fn complex_numbers_are_computed_by_their_parts() {
    let items = || {
        [
            stream("x", "cf64", &[3.0, 4.0]),
            stream("y", "cf32", &[1_f32, -2.0]),
        ]
    };
    check("x * y", &items(), &[11.0, -2.0], "cf64");
    check("x / y", &items(), &[-1.0, 2.0], "cf64");
    check("x + 1 - 2 * y", &items(), &[2.0, 8.0], "cf64");
    check("y / 2", &items(), &[0.5, -1.0], "cf32");
    check("conj(x) ^ 2", &items(), &[-7.0, -24.0], "cf64");
    check("abs(x)", &items(), &[5.0], "f64");
    check("re(y) + im(y)", &items(), &[-1.0], "f32");
    check("x == conj(conj(x)) && x != y", &items(), &[1.0], "u8");
    check(
        "arg(complex(0, re(x)))",
        &items(),
        &[std::f64::consts::FRAC_PI_2],
        "f64",
    );
    check("abs(exp(log(x)) - x) < 1e-14", &items(), &[1.0], "u8");
    check("re(x) > 0 ? x : 0", &items(), &[3.0, 4.0], "cf64");
    check("x - x", &items(), &[0.0, 0.0], "cf64");
}

#[test]
fn vectors_are_computed_elementwise() {
    let items = || {
        [
            stream("v", "f64[3]", &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
            stream("x", "i16", &[10_i16, 100]),
        ]
    };
    check(
        "v * 2",
        &items(),
        &[2.0, 4.0, 6.0, 8.0, 10.0, 12.0],
        "f64[3]",
    );
    check(
        "v - v[0]",
        &items(),
        &[0.0, 1.0, 2.0, 0.0, 1.0, 2.0],
        "f64[3]",
    );
    check("v[2] + v[1]", &items(), &[5.0, 11.0], "f64");
    check(
        "v * x + n",
        &items(),
        &[10.0, 20.0, 30.0, 401.0, 501.0, 601.0],
        "f64[3]",
    );
}

#[test]
fn vectors_become_numbers_as_in_numpy() {
    let items = || [stream("v", "f64[3]", &[4.0, 1.0, 2.5, -6.0, -6.0, 3.0])];
    let cases: [(&str, &[f64]); 20] = [
        ("sum(v)", &[7.5, -9.0]),
        ("prod(v)", &[10.0, 108.0]),
        ("mean(v)", &[2.5, -3.0]),
        ("var(v)", &[1.5, 18.0]),
        ("std(v) ^ 2 - var(v) < 1e-15", &[1.0, 1.0]),
        ("rms(v) ^ 2", &[23.25 / 3.0, 27.0]),
        ("min(v)", &[1.0, -6.0]),
        ("max(v)", &[4.0, 3.0]),
        ("max(v, 2)", &[4.0, 2.0, 2.5, 2.0, 2.0, 3.0]),
        ("ptp(v)", &[3.0, 9.0]),
        ("median(v)", &[2.5, -6.0]),
        ("argmin(v)", &[1.0, 0.0]),
        ("argmax(v)", &[0.0, 2.0]),
        ("first(v) + last(v * 2)", &[9.0, 0.0]),
        ("v[-1] - v[-3]", &[-1.5, 9.0]),
        ("len(v) + n", &[3.0, 4.0]),
        ("any(v > 3)", &[1.0, 0.0]),
        ("all(v != 0)", &[1.0, 1.0]),
        ("v - mean(v)", &[1.5, -1.5, 0.0, -3.0, -3.0, 6.0]),
        ("sum(v > 0 ? 1 : 0)", &[3.0, 1.0]),
    ];
    for (text, expected) in cases {
        let (found, _) = values(text, &items());
        assert_eq!(found.len(), expected.len(), "{text}");
        for (a, b) in found.iter().zip(expected) {
            assert!((a - b).abs() < 1e-14, "{text}: {a} and not {b}");
        }
    }
    let whole = || [stream("v", "i16[2]", &[3_i16, 4])];
    check("sum(v)", &whole(), &[7.0], "i64");
    check("mean(v)", &whole(), &[3.5], "f64");
    check("max(v)", &whole(), &[4.0], "i64");
    let complex = [stream("z", "cf64[2]", &[1.0, 2.0, 3.0, 4.0])];
    check("sum(z)", &complex, &[4.0, 6.0], "cf64");
    check("max(abs(z))", &complex, &[5.0], "f64");
}

#[test]
fn vectors_of_any_length_are_summed_and_meet_where_they_are_numbers() {
    for width in [1_usize, 7, 8, 9, 16, 100, 700] {
        let numbers: Vec<f64> = (0..3 * width).map(|n| ((n * 37) % 101) as f64).collect();
        let sums: Vec<f64> = numbers.chunks(width).map(|v| v.iter().sum()).collect();
        let most = |v: &[f64]| v.iter().copied().fold(f64::MIN, f64::max);
        let maxima: Vec<f64> = numbers.chunks(width).map(most).collect();
        let both: Vec<f64> = sums.iter().zip(&maxima).map(|(a, b)| a * b).collect();
        let items = || {
            let pair = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
            [
                stream("v", &format!("f64[{width}]"), &numbers),
                stream("w", "f64[2]", &pair),
            ]
        };
        check("sum(v)", &items(), &sums, "f64");
        check("sum(v) * max(v) * sum(w)", &items(), &both, "f64");
        let singles: Vec<f32> = numbers.iter().map(|x| *x as f32).collect();
        let single = stream("v", &format!("f32[{width}]"), &singles);
        check("max(v)", &[single], &maxima, "f32");
    }
    let items = || {
        [
            stream("v", "f64[3]", &[1.0, f64::NAN, f64::NAN]),
            stream("w", "f64[2]", &[2.0, 3.0]),
        ]
    };
    check("argmax(v) + argmin(v)", &items(), &[2.0], "i64");
    check("max(v)", &items(), &[f64::NAN], "f64");
    let infos: Vec<InputInfo> = items().map(|s| s.info).into();
    for text in [
        "v + w",
        "complex(v, 1) * w",
        "v > 0 ? v : w",
        "max(v, 1, w)",
    ] {
        let refusal = compile(text, &infos, None).unwrap_err();
        assert_eq!(
            refusal.message, "`v` has 3 elements and `w` has 2",
            "{text}"
        );
    }
    let refusal = compile("1 + sum(v[0])", &infos, None).unwrap_err();
    assert_eq!(refusal.column, 4);
    assert!(
        refusal.message.contains("`sum` takes a vector"),
        "{refusal}"
    );
}

#[test]
fn an_input_s_name_comes_before_a_constant_s() {
    check("e + pi - pi", &[stream("e", "f64", &[5.0])], &[5.0], "f64");
    check("n", &[stream("n", "f64", &[5.0])], &[5.0], "f64");
}

#[test]
fn what_was_computed_once_is_used_again() {
    let infos = [stream("x", "f64", &[0.0]).info];
    let program = compile(
        "(x + 1) * (x + 1) + sin(x + 1) + 0 * sin(x + 1)",
        &infos,
        None,
    )
    .unwrap();
    // x, x + 1, its square, the sine, two sums and a product.
    assert_eq!(program.ops.len(), 7);
    let scratch = program.registers - program.literals.len();
    assert!(scratch <= 3, "{scratch}");
}

#[test]
fn two_operations_in_one_pass_round_as_one_after_the_other() {
    let numbers = |step: f32| (1..=19).map(move |n| step * n as f32);
    let (a, b): (Vec<f32>, Vec<f32>) = (numbers(0.3).collect(), numbers(-0.7).collect());
    let wide = |of: &[f32]| of.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
    let singles = [stream("a", "f32", &a), stream("b", "f32", &b)];
    let doubles = [stream("a", "f64", &wide(&a)), stream("b", "f64", &wide(&b))];
    let compute = |op: &str, x: f64, y: f64| match op {
        "+" => x + y,
        "-" => x - y,
        _ => x * y,
    };
    let value = |name: &str, i: usize| match name {
        "a" => f64::from(a[i]),
        "b" => f64::from(b[i]),
        literal => literal.parse().unwrap(),
    };
    let operands = [
        ["a", "b", "a"],
        ["a", "3", "0.1"],
        ["3", "a", "b"],
        ["a", "0.1", "b"],
        ["a", "b", "0.7"],
    ];
    for [p, q, r] in operands {
        for first in ["+", "-", "*"] {
            for then in ["+", "-", "*"] {
                for is_in_front in [false, true] {
                    let text = match is_in_front {
                        true => format!("{r} {then} ({p} {first} {q})"),
                        false => format!("({p} {first} {q}) {then} {r}"),
                    };
                    // Products and sums of two singles are exact enough in f64 to be rounded once more.
                    let expected = |rounded: fn(f64) -> f64| {
                        let of = |name, i| rounded(value(name, i));
                        let one = move |i| {
                            let x = rounded(compute(first, of(p, i), of(q, i)));
                            let (x, y) = if is_in_front {
                                (of(r, i), x)
                            } else {
                                (x, of(r, i))
                            };
                            rounded(compute(then, x, y))
                        };
                        (0..19).map(one).collect::<Vec<f64>>()
                    };
                    assert_eq!(values(&text, &doubles).0, expected(|x| x), "{text}");
                    let single = expected(|x| f64::from(x as f32));
                    assert_eq!(values(&text, &singles).0, single, "{text} of f32");
                }
            }
        }
    }
}

#[test]
fn refusals_point_at_the_place() {
    let cases = [
        ("", 0, 1, "empty"),
        ("x +", 3, 1, "ends where"),
        ("x + * 2", 4, 1, "`*` where"),
        ("x x", 2, 1, "`x` where an operator"),
        ("(x", 2, 1, "ends where `)`"),
        ("abs(y) > 3", 4, 1, "no value is called `y`"),
        ("asb(x)", 0, 3, "no function is called `asb`"),
        ("signl[0]", 0, 5, "no value is called `signl`"),
        ("x ? 1", 5, 1, "ends where"),
        ("atan2(x)", 0, 5, "takes 2 arguments, and has 1"),
        ("max(x)", 0, 3, "at least 2"),
        ("x[0]", 0, 4, "no elements"),
        ("signal[3]", 0, 9, "0 to 2"),
        ("signal[x]", 7, 1, "index"),
        ("1 < x < 2", 6, 1, "do not chain"),
        ("x = 2", 2, 1, "means nothing"),
        ("x & 1", 2, 1, "`&` is of whole numbers"),
        ("~x", 0, 1, "`~` is of whole numbers"),
        ("n << 64", 2, 2, "64 is no number of bits"),
        ("x & 1", 2, 1, "and the left is f64"),
        ("1 | 1.5", 2, 1, "and the right is 1.5"),
        ("xor(1, x)", 0, 3, "and its second is f64"),
        (
            "signal[3:]",
            0,
            10,
            "`signal[3:]` is empty: `signal` has 3 elements",
        ),
        ("signal[0:3:-1]", 0, 14, "`signal[0:3:-1]` is empty"),
        ("signal[0:2][0]", 11, 1, "`[` where an operator"),
        ("signal[::0]", 0, 11, "0 is no step"),
        (
            "signal[1:] + signal",
            11,
            1,
            "2 elements of `signal` meet 3",
        ),
        ("x[:1]", 0, 5, "`x` is f64, which has no elements"),
        ("round(x, x)", 0, 5, "places as a whole number"),
        ("round(x, 400)", 0, 5, "from -300 to 300"),
        ("2x", 0, 1, "follows the number"),
        ("x + t", 4, 1, "rate"),
        ("complex(x, 1) < 2", 14, 1, "no order"),
        ("sin(complex(x, 1))", 0, 3, "no complex"),
        ("complex(x, 1) ^ x", 14, 1, "whole exponents"),
        ("not complex(x, 1)", 0, 3, "neither true nor false"),
        ("sin", 0, 3, "no value is called `sin`"),
        ("αβ + y", 0, 2, "no value is called `αβ`"),
        ("x # y", 2, 1, "`#` means nothing"),
    ];
    for (text, column, len, message) in cases {
        let refusal = refused(text);
        assert!(
            refusal.message.contains(message),
            "{text}: {}",
            refusal.message
        );
        assert_eq!(
            (refusal.column, refusal.len),
            (column, len),
            "{text}: {refusal}"
        );
    }
}

#[test]
fn a_near_name_is_offered() {
    for (text, help) in [
        ("asb(x)", "did you mean `abs`?"),
        ("signl", "did you mean `signal`?"),
        ("sin", "`sin` is a function: `sin(..)`"),
        ("x = 2", "`==` compares"),
        (
            "n xor 3",
            "it is a function, of bits and of truth values: `xor(a, b)`",
        ),
        ("signal[:len(signal) - 1]", hints::INDEX),
        ("(signal + 1)[1:]", hints::ELEMENTS),
    ] {
        assert_eq!(refused(text).help.as_deref(), Some(help), "{text}");
    }
    let help = |text: &str| refused(text).help.unwrap_or_default();
    assert!(help("signal[1:1]").contains("up to its second index"));
    assert!(help("signal[:0]").contains("up to its second index"));
    assert!(help("signal[0:3:-1]").contains("goes down"));
    // Longer vectors have these: what made this one so short knows better.
    assert_eq!(help("signal[3:]"), "");
    assert_eq!(help("signal[4:6]"), "");
}

#[test]
fn a_live_number_is_named_where_whole_numbers_are_needed() {
    let mut mask = stream("mask", "f64", &[0.0]).info;
    mask.naming = crate::op::Naming::Live { dial: 0 };
    let infos = [stream("x", "i64", &[0_i64]).info, mask];
    for text in ["x & mask", "x << floor(mask)", "~(x + mask)"] {
        let refusal = compile(text, &infos, None).err().unwrap();
        let help = refusal.help.unwrap_or_default();
        assert!(help.contains("`mask` is a live number"), "{text}: {help}");
    }
}

#[test]
fn depth_and_length_have_ends() {
    for (open, close) in [
        ("(", ")"),
        ("-", ""),
        ("!", ""),
        ("not ", ""),
        ("2^", ""),
        ("1 ? ", " : 1"),
        ("abs(", ")"),
    ] {
        let deep = format!("{}x{}", open.repeat(1200), close.repeat(1200));
        assert!(refused(&deep).message.contains("more than 100"), "{open}");
    }
    let nested = "(".repeat(100_000);
    assert!(refused(&nested).message.contains("10000 are the most"));
    let long = format!("x{}", " + x * 2 - 1".repeat(800));
    assert_eq!(values(&long, &[stream("x", "f64", &[1.0])]).0, [801.0]);
}
