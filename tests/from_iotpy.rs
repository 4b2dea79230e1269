//! The Rust forms of docs/from-iotpy.md, as who knows IoTPy would write them, with what IoTPy gives or ought to.
//!
//! The recorded runs of IoTPy are in tests/conformance; here are sizes, steps, first values and ends that those do
//! not have: empty streams, streams of unequal lengths, windows larger than their stream, text, matrices.

use thalweg::prelude::*;

/// What comes out of the stream that `build` makes.
fn ran<T: Item>(build: impl FnOnce(&mut Graph) -> Stream<T>) -> Vec<T> {
    let mut g = Graph::new("form");
    let kept = build(&mut g).collect("kept");
    g.run_in_process().unwrap();
    kept.items()
}

/// What comes out of several streams of one type.
fn ran_all<T: Item, const N: usize>(
    build: impl FnOnce(&mut Graph) -> [Stream<T>; N],
) -> [Vec<T>; N] {
    let mut g = Graph::new("form");
    let mut n = 0;
    let kept = build(&mut g).map(|stream| {
        n += 1;
        stream.collect(&format!("kept{n}"))
    });
    g.run_in_process().unwrap();
    kept.map(|kept| kept.items())
}

const NOTHING: [i64; 0] = [];

fn numbers(g: &mut Graph, name: &str, n: i64) -> Stream<i64> {
    g.source(name, from_iter(move || 0..n))
}

fn texts(g: &mut Graph, name: &str, texts: &'static [&'static str]) -> Stream<Text> {
    g.text(name, move |n| texts.get(n as usize))
}

fn timed(g: &mut Graph, name: &str, items: &[(f64, i64)]) -> Stream<Timed<i64>> {
    let timed = items
        .iter()
        .map(|&(seconds, value)| Timed { seconds, value });
    let timed: Vec<_> = timed.collect();
    g.source(name, timed)
}

#[test]
fn an_empty_stream_gives_empty_streams() {
    let empty = |g: &mut Graph| g.source("x", Vec::<i64>::new());
    assert_eq!(ran(|g| empty(g).map("y", |x| 2 * x)), NOTHING);
    assert_eq!(
        ran(|g| empty(g).window(3).map("y", |w: &[i64]| w[0])),
        NOTHING
    );
    assert_eq!(
        ran(|g| empty(g).window(3).growing().map("y", |w: &[i64]| w[0])),
        NOTHING
    );
    assert_eq!(ran(|g| empty(g).prepend("y", vec![7, 8])), [7, 8]);
    assert_eq!(
        ran(|g| empty(g).zip(&numbers(g, "n", 3)).map("y", |x, n| x + n)),
        NOTHING
    );
    assert_eq!(
        ran(|g| empty(g).concat("y", [&numbers(g, "n", 3)])),
        [0, 1, 2]
    );
    assert_eq!(
        ran(|g| empty(g).merge("y", [&numbers(g, "n", 3)])),
        [0, 1, 2]
    );
}

#[test]
fn a_window_larger_than_its_stream_gives_nothing_and_a_growing_one_what_there_is() {
    let sum = |w: &[i64]| w.iter().sum::<i64>();
    assert_eq!(ran(|g| numbers(g, "x", 4).window(5).map("y", sum)), NOTHING);
    assert_eq!(ran(|g| numbers(g, "x", 4).window(4).map("y", sum)), [6]);
    let growing = ran(|g| numbers(g, "x", 4).window(9).growing().map("y", sum));
    assert_eq!(growing, [0, 1, 3, 6]);
}

#[test]
fn windows_of_every_size_and_step_are_slices() {
    for size in 1..6 {
        for step in 1..8 {
            let items: Vec<i64> = (0..23).collect();
            let expected = items
                .windows(size)
                .step_by(step)
                .map(|w| w[0] * 100 + w[size - 1]);
            let expected: Vec<i64> = expected.collect();
            let given = ran(|g| {
                let windows = numbers(g, "x", 23).window(size).step(step);
                windows.map("y", move |w: &[i64]| w[0] * 100 + w[size - 1])
            });
            assert_eq!(given, expected, "size {size}, step {step}");
        }
    }
}

#[test]
fn growing_windows_end_with_every_step_th_item() {
    for (size, step) in [(3, 1), (3, 2), (4, 5), (1, 3)] {
        let expected: Vec<i64> = (1..=20 / step)
            .map(|k| (k * step - size.min(k * step)..k * step).sum())
            .collect();
        let given = ran(|g| {
            let windows = numbers(g, "x", 20)
                .window(size as usize)
                .step(step as usize);
            windows
                .growing()
                .map("y", |w: &[i64]| w.iter().sum::<i64>())
        });
        assert_eq!(given, expected, "size {size}, step {step}");
    }
}

#[test]
fn initial_values_of_a_window_are_prepended() {
    let given = ran(|g| {
        let means = numbers(g, "x", 6)
            .window(3)
            .map("means", |w: &[i64]| w[2] - w[0]);
        means.prepend("y", vec![-1; 2])
    });
    assert_eq!(given, [-1, -1, 2, 2, 2, 2]);
}

#[test]
fn a_window_may_give_a_list_and_keep_a_state() {
    let demeaned = ran(|g| {
        let x = g.source("x", vec![1.0, 3.0, 5.0, 7.0, 100.0]);
        x.window(2).step(2).flat_map("y", |w: &[f64]| {
            let mean = w.iter().sum::<f64>() / w.len() as f64;
            w.iter().map(|x| x - mean).collect::<Vec<f64>>()
        })
    });
    assert_eq!(demeaned, [-1.0, 1.0, -1.0, 1.0]);
    let totals = ran(|g| {
        let windows = numbers(g, "x", 9).window(4).step(3);
        windows.scan("y", 100, |total: &mut i64, w| {
            *total += w.iter().sum::<i64>();
            *total
        })
    });
    assert_eq!(totals, [106, 124]);
}

#[test]
fn sums_of_windows_are_kept_up_to_date() {
    let given = ran(|g| {
        let windows = numbers(g, "x", 8).window(3).step(2);
        windows.running("y", 0, |s: &mut i64, x| *s += x, |s, x| *s -= x, |s| *s)
    });
    assert_eq!(given, [3, 9, 15]);
}

#[test]
fn dynamic_windows_grow_and_begin_anew() {
    let growth = Growth {
        min: 2,
        max: 4,
        step: 1,
    };
    let given = ran(|g| {
        numbers(g, "x", 8).dynamic_window("y", growth, (), |(), w| (w.len() as i64, w.contains(&5)))
    });
    assert_eq!(given[..4], [2, 3, 4, 4]);
    let never = ran(|g| {
        let growth = Growth {
            min: 2,
            max: 5,
            step: 2,
        };
        let x = numbers(g, "x", 11);
        x.dynamic_window("y", growth, (), |(), w| ([w[0], w[w.len() - 1]], false))
    });
    assert_eq!(never, [[0, 1], [0, 3], [1, 5], [3, 7], [5, 9]]);
    let same: Vec<[i64; 2]> = ran(|g| {
        let of = |expr| ops::dynamic_window(2, 5, "false").step(2).expr(expr);
        let x = numbers(g, "x", 11);
        let lows: Stream<i64> = x.apply("lows", of("x[0]"));
        let highs: Stream<i64> = x.apply("highs", of("x[-1]"));
        zip((&lows, &highs)).map("y", |(low, high)| [low, high])
    });
    assert_eq!(same, never);
}

#[test]
fn a_window_may_say_how_far_it_moves() {
    let given = ran(|g| {
        numbers(g, "x", 12).striding("y", 2, (), |(), w| (Some(w[0]), w[0].max(1) as usize))
    });
    assert_eq!(given, [0, 1, 2, 4, 8]);
    let given = ran(|g| {
        numbers(g, "x", 6).striding_to_the_end("y", 4, (), |(), w| (Some(w.len() as i64), 3))
    });
    assert_eq!(given, [4, 3]);
}

#[test]
fn maps_filters_and_states() {
    assert_eq!(
        ran(|g| numbers(g, "x", 4).map("y", |x| [x, x * x])),
        [[0, 0], [1, 1], [2, 4], [3, 9]]
    );
    assert_eq!(
        ran(|g| numbers(g, "x", 9).filter("y", |x| x % 4 == 1)),
        [1, 5]
    );
    let falling = ran(|g| {
        let x = g.source("x", vec![5, 3, 4, 2, 2, 1]);
        x.with_state(i32::MAX).filter("y", |least, x| {
            let falls = *x < *least;
            *least = (*least).min(*x);
            falls
        })
    });
    assert_eq!(falling, [5, 3, 2, 1]);
    let none_or_many = ran(|g| numbers(g, "x", 4).flat_map("y", |x| 0..x));
    assert_eq!(none_or_many, [0, 0, 1, 0, 1, 2]);
    let some = ran(|g| numbers(g, "x", 6).filter_map("y", |x| (x > 3).then_some(x as f32 / 2.0)));
    assert_eq!(some, [2.0, 2.5]);
    let slices = ran(|g| {
        let x = numbers(g, "x", 5);
        x.map_slice("y", |x: &[i64], y: &mut [i64]| {
            y.iter_mut().zip(x).for_each(|(y, x)| *y = -x);
        })
    });
    assert_eq!(slices, [0, -1, -2, -3, -4]);
}

#[test]
fn signals_are_the_changes_of_a_stream() {
    let given = ran(|g| g.source("x", vec![3u8, 3, 4, 4, 4, 3]).changes("y"));
    assert_eq!(given, [3, 4, 3]);
}

#[test]
fn a_state_may_be_several_numbers_and_a_function_may_look_into_a_table() {
    let means = ran(|g| {
        let x = g.source("x", vec![1.0, 3.0, 8.0]);
        x.scan("y", [0.0; 2], |[n, sum], x| {
            *n += 1.0;
            *sum += x;
            *sum / *n
        })
    });
    assert_eq!(means, [1.0, 2.0, 4.0]);
    let table = std::collections::HashMap::from([(7i64, 4.0), (1, 2.5)]);
    let found = ran(|g| {
        let x = g.source("x", vec![1i64, 7, 2, 1]);
        x.map("y", move |x| table.get(&x).copied().unwrap_or(0.0))
    });
    assert_eq!(found, [2.5, 4.0, 0.0, 2.5]);
}

#[test]
fn a_state_may_be_a_map_or_a_table() {
    use std::collections::BTreeMap;
    let counts = ran(|g| {
        let x = g.source("x", vec![7u32, 9, 7, 7]);
        x.scan_serde("y", BTreeMap::new(), 4096, |seen, x| {
            let count = seen.entry(x).or_insert(0u64);
            *count += 1;
            *count
        })
    });
    assert_eq!(counts, [1, 1, 2, 3]);
    let last_seen = ran(|g| {
        let x = g.source("x", vec![1u32, 0, 1]);
        x.enumerate("at", |n, x| [n, u64::from(x)]).scan_table(
            "y",
            [u64::MAX; 2],
            |table, [n, x]| std::mem::replace(&mut table[x as usize], n),
        )
    });
    assert_eq!(last_seen, [u64::MAX, u64::MAX, 0]);
}

#[test]
fn rows_and_matrices_are_items() {
    let given = ran(|g| {
        let turn = [[0.0, -1.0], [1.0, 0.0]];
        let m = g.source("m", vec![[[1.0, 2.0], [3.0, 4.0]]; 2]);
        m.map("y", move |m: [[f64; 2]; 2]| {
            std::array::from_fn::<[f64; 2], 2, _>(|i| {
                std::array::from_fn(|j| (0..2).map(|k| turn[i][k] * m[k][j]).sum())
            })
        })
    });
    assert_eq!(given, [[[-3.0, -4.0], [1.0, 2.0]]; 2]);
}

/// What comes out of the stream that `build` makes of two.
fn of_two<T: Item>(build: impl FnOnce(&Stream<f64>, &Stream<f64>) -> Stream<T>) -> Vec<T> {
    ran(|g| {
        let (x, y) = (
            g.source("x", vec![6.0, 7.0, 8.0]),
            g.source("y", vec![4.0, 7.0]),
        );
        build(&x, &y)
    })
}

#[test]
fn streams_in_expressions_end_with_the_shorter() {
    assert_eq!(of_two(|x, y| x + y), [10.0, 14.0]);
    assert_eq!(of_two(|x, y| (x - y) * 2.0), [4.0, 0.0]);
    assert_eq!(of_two(|x, _| 1.0 / x), [1.0 / 6.0, 1.0 / 7.0, 0.125]);
    assert_eq!(of_two(|x, _| -x), [-6.0, -7.0, -8.0]);
    assert_eq!(of_two(|x, y| x.le(y)), [0, 1]);
    assert_eq!(of_two(|x, y| x.ge(y)), [1, 1]);
    assert_eq!(of_two(|x, y| x.eq(y)), [0, 1]);
    assert_eq!(of_two(|x, y| x.ne(y)), [1, 0]);
    assert_eq!(of_two(|x, y| x.lt(y)), [0, 0]);
    assert_eq!(of_two(|x, y| x.gt(y)), [1, 0]);
    assert_eq!(ran(|g| &numbers(g, "x", 5) % 3), [0, 1, 2, 0, 1]);
}

#[test]
fn many_streams_are_zipped_to_the_shortest() {
    let given = ran(|g| {
        let streams: Vec<_> = (1..6)
            .map(|n| numbers(g, &format!("x{n}"), 10 * n))
            .collect();
        let sum = streams[0].zip_all(&streams[1..]);
        sum.map("y", |row: Vec<i64>| row.iter().sum::<i64>())
    });
    assert_eq!(given, (0..10).map(|n| 5 * n).collect::<Vec<i64>>());
    let mixed = ran(|g| {
        let (x, y) = (numbers(g, "x", 4), g.source("y", vec![0.5f32, 1.5]));
        zip((&x, &y)).map("z", |(x, y)| [x as f32, y])
    });
    assert_eq!(mixed, [[0.0, 0.5], [1.0, 1.5]]);
}

#[test]
fn windows_of_several_streams_have_sizes_and_steps_of_their_own() {
    let given = ran(|g| {
        let (x, y) = (numbers(g, "x", 9), numbers(g, "y", 20));
        let rows = zip((x.window(2).step(3), y.window(4).step(1)));
        rows.map("z", |(v, w)| [v[0], v[1], w[0], w[3]])
    });
    assert_eq!(given, [[0, 1, 0, 3], [3, 4, 1, 4], [6, 7, 2, 5]]);
    let initial = ran(|g| {
        let (x, y) = (numbers(g, "x", 5), numbers(g, "y", 5));
        let z = zip((x.window(3), y.window(3))).map("z", |(v, w)| v[0] + w[2]);
        z.prepend("all", vec![0; 2])
    });
    assert_eq!(initial, [0, 0, 2, 4, 6]);
}

#[test]
fn a_zip_may_have_a_state_or_give_nothing() {
    let given = ran(|g| {
        let (x, y) = (numbers(g, "x", 5), numbers(g, "y", 4));
        zip((&x, &y))
            .with_state(0i64)
            .filter_map("z", |sum, (x, y)| {
                *sum += x * y;
                (*sum % 2 == 0).then_some(*sum)
            })
    });
    assert_eq!(given, [0, 14]);
}

#[test]
fn streams_take_turns() {
    let given = ran(|g| {
        let (x, y) = (numbers(g, "x", 5), g.source("y", vec![10, 11, 12]));
        x.weave_runs("z", 2, [(&y, 1)])
    });
    assert_eq!(given, [0, 1, 10, 2, 3, 11, 4]);
}

#[test]
fn merged_streams_know_where_their_items_came_from() {
    let mut given = ran(|g| {
        let (x, y) = (numbers(g, "x", 3), numbers(g, "y", 2));
        x.merge_map("z", [&y], |input, x| [input as i64, x])
    });
    given.sort_unstable();
    assert_eq!(given, [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1]]);
}

#[test]
fn times_are_zipped_and_mixed() {
    let (x, y) = ([(1.0, 1), (2.0, 2), (2.0, 3)], [(2.0, 20), (5.0, 50)]);
    let zipped = ran(|g| {
        let (x, y) = (timed(g, "x", &x), timed(g, "y", &y));
        timed_zip((&x, &y)).map("z", |t, (x, y)| {
            [t as i64, x.unwrap_or(-1), y.unwrap_or(-1)]
        })
    });
    assert_eq!(zipped, [[1, 1, -1], [2, 2, 20], [2, 3, -1], [5, -1, 50]]);
    let mixed = ran(|g| {
        let (x, y) = (timed(g, "x", &x), timed(g, "y", &y));
        x.timed_mix_map("z", [&y], |input, x| [input as i64, x.value])
    });
    assert_eq!(mixed, [[0, 1], [0, 2], [0, 3], [1, 20], [1, 50]]);
}

#[test]
fn windows_of_time_have_gaps_and_fractions() {
    let items = [(0.1, 1), (0.25, 2), (0.3, 4), (3.0, 8), (3.2, 16)];
    let given = ran(|g| {
        let x = timed(g, "x", &items);
        let sums = x.timed_window(0.3).step(0.1).start(0.1);
        sums.map("y", |w| w.iter().map(|x| x.value).sum::<i64>())
    });
    let ends: Vec<(f64, i64)> = given.iter().map(|x| (x.seconds, x.value)).collect();
    let expected = [(0.4, 7), (0.5, 6), (0.6, 4)];
    for ((end, sum), (at, is)) in ends.iter().zip(expected) {
        assert!((end - at).abs() < 1e-9 && *sum == is, "{ends:?}");
    }
    let flushed = ran(|g| {
        let x = timed(g, "x", &items);
        x.timed_window(1.0).flush().map("y", |w| w.len() as i64)
    });
    let flushed: Vec<_> = flushed.iter().map(|x| (x.seconds, x.value)).collect();
    assert_eq!(flushed, [(1.0, 3), (4.0, 2)]);
}

#[test]
fn a_stream_is_split_unzipped_and_routed() {
    let [a, b] = ran_all(|g| numbers(g, "x", 5).unzip("parts", |x| [x, 10 * x]));
    assert_eq!((a, b), (vec![0, 1, 2, 3, 4], vec![0, 10, 20, 30, 40]));
    let [a, b] = ran_all(|g| {
        let (a, b) = numbers(g, "x", 5).split("parts", |x| *x < 2);
        [a, b]
    });
    assert_eq!((a, b), (vec![0, 1], vec![2, 3, 4]));
    let [a, b] = ran_all(|g| {
        let x = numbers(g, "x", 6);
        let (a, b) = x.unzip("parts", |x| {
            ((x % 2 == 0).then_some(x), (x % 3 == 0).then_some(x))
        });
        [a, b]
    });
    assert_eq!((a, b), (vec![0, 2, 4], vec![0, 3]));
    let routed: [Vec<i64>; 3] = ran_all(|g| {
        let parts = numbers(g, "x", 7).route("parts", 3, |x| (*x % 3) as usize);
        parts
            .try_into()
            .unwrap_or_else(|_| unreachable!("three parts"))
    });
    assert_eq!(routed, [vec![0, 3, 6], vec![1, 4], vec![2, 5]]);
    let [low, high] = ran_all(|g| {
        let windows = numbers(g, "x", 7).window(3).step(2);
        windows.unzip("parts", |w| [w[0], w[2]])
    });
    assert_eq!((low, high), (vec![0, 2, 4], vec![2, 4, 6]));
}

#[test]
fn a_route_to_no_stream_ends_the_run_and_names_it() {
    let mut g = Graph::new("form");
    numbers(&mut g, "x", 7).route("parts", 3, |x| *x as usize);
    let error = g.run_in_process().unwrap_err();
    assert_eq!(error.exit_code(), 1);
    assert!(error.to_string().contains("`parts`"), "{error}");
}

#[test]
fn several_streams_become_several() {
    let [sums, products] = ran_all(|g| {
        let (x, y) = (numbers(g, "x", 4), numbers(g, "y", 9));
        zip((&x, &y)).unzip("parts", |(x, y)| [x + y, x * y])
    });
    assert_eq!((sums, products), (vec![0, 2, 4, 6], vec![0, 1, 4, 9]));
}

#[test]
fn other_streams_call() {
    let items = [(1.0, 1), (2.0, 2), (3.0, 3), (7.0, 7)];
    let triggers = [(0.5, 0), (2.5, 0), (5.0, 0)];
    let released = ran(|g| {
        let (x, t) = (timed(g, "x", &items), timed(g, "t", &triggers));
        x.release_on("y", &t).map("values", |x| x.value)
    });
    assert_eq!(released, [1, 2, 3]);
    let sampled = ran(|g| {
        let (x, t) = (timed(g, "x", &items), timed(g, "t", &triggers));
        x.sample_on("y", &t).map("values", |x| x.value)
    });
    assert_eq!(sampled, [2, 3]);
    let counted = ran(|g| {
        let (x, n) = (numbers(g, "x", 9), g.source("n", vec![2u64, 0, 3]));
        x.release_counted("y", &n)
    });
    assert_eq!(counted, [0, 1, 2, 3, 4]);
    let gated = ran(|g| {
        let (x, y) = (numbers(g, "x", 5), g.source("y", vec![9, 0, 9, 0, 9]));
        x.gate("z", &x.lt(&y))
    });
    assert_eq!(gated, [0, 2, 4]);
    let kept = ran(|g| {
        let x = numbers(g, "x", 5);
        x.gate("z", &x.ne(3).gt(&x.lt(1)))
    });
    assert_eq!(kept, [1, 2, 4]);
}

#[test]
fn an_echo_feeds_itself() {
    let given = ran(|g| {
        let x = g.source("x", vec![8.0, 0.0, 0.0, 0.0, 0.0]);
        let back = g.feedback::<f64>("back", 2, 0.0);
        let echo = zip((&x, &back.stream())).map("echo", |(x, echo)| x + echo / 2.0);
        back.close(&echo);
        echo
    });
    assert_eq!(given, [8.0, 0.0, 4.0, 0.0, 2.0]);
}

#[test]
fn a_composition_is_a_function_of_streams() {
    fn squared(x: &Stream<i64>, name: &str) -> Stream<i64> {
        x.map(name, |x| x * x)
    }
    let given = ran(|g| squared(&squared(&numbers(g, "x", 4), "once"), "twice"));
    assert_eq!(given, [0, 1, 16, 81]);
}

#[test]
fn sources_are_functions_lists_and_states() {
    assert_eq!(
        ran(|g| g.source("x", from_fn(|n| (n < 3).then_some(n * n)))),
        [0, 1, 4]
    );
    assert_eq!(ran(|g| g.source("x", vec![3, 1, 2])), [3, 1, 2]);
    let countdown = unfold(3i32, |left| {
        *left -= 1;
        (*left >= 0).then_some(*left)
    });
    assert_eq!(ran(|g| g.source("x", countdown)), [2, 1, 0]);
    let ticks = every(std::time::Duration::from_millis(1)).items(3);
    assert_eq!(ran(|g| g.source("x", ticks)), [0, 1, 2]);
    assert_eq!(
        ran(|g| g.source("x", ops::counter().start(2.0).step(3.0).items(3))),
        [2, 5, 8]
    );
}

#[test]
fn a_sink_with_a_state_sees_every_item() {
    use std::cell::RefCell;
    use std::rc::Rc;
    let seen = Rc::new(RefCell::new(Vec::new()));
    let to = seen.clone();
    let mut g = Graph::new("form");
    let x = numbers(&mut g, "x", 4);
    x.with_state(10).sink("end", move |sum: &mut i64, x| {
        *sum += x;
        to.borrow_mut().push(*sum);
    });
    g.run_in_process().unwrap();
    assert_eq!(*seen.borrow(), [10, 11, 13, 16]);
}

#[test]
fn texts_are_items_too() {
    let words: &'static [&'static str] = &["to be", "", "or not", "to be"];
    let lengths = ran(|g| texts(g, "x", words).items("y", |x| x.len() as u64));
    assert_eq!(lengths, [5, 0, 6, 5]);
    let split = ran(|g| {
        let words = texts(g, "x", words).apply("words", ops::words());
        words.scan_items("y", 0u64, |n, word| {
            *n += word.len() as u64;
            *n
        })
    });
    assert_eq!(split, [2, 4, 6, 9, 11, 13]);
    let parsed =
        ran(|g| texts(g, "x", &["1", "x2", "-3"]).filter_items("y", |x| x.parse::<i64>().ok()));
    assert_eq!(parsed, [1, -3]);
    let kept = ran(|g| {
        let kept = texts(g, "x", words).filter("full", |x| !x.is_empty());
        let loud = kept.map("loud", str::to_uppercase);
        loud.items("y", |x| x.bytes().map(u64::from).sum::<u64>())
    });
    assert_eq!(kept.len(), 3);
    assert_eq!(kept[0], "TO BE".bytes().map(u64::from).sum::<u64>());
}

#[test]
fn texts_are_joined_parted_and_kept() {
    let mut g = Graph::new("form");
    let (x, y) = (
        texts(&mut g, "x", &["a", "b", "c"]),
        texts(&mut g, "y", &["", "é"]),
    );
    let woven = x.apply("woven", ops::weave([&y])).collect("kept1");
    let behind = x.apply("behind", ops::concat([&y])).collect("kept2");
    let late = x
        .apply("late", ops::delay().initial(["z"]))
        .collect("kept3");
    let (b, others) = x.split("parts", |x| x == "b");
    let (b, others) = (b.collect("kept4"), others.collect("kept5"));
    let none = y.filter("none", |x| x.len() > 9).collect("kept6");
    g.run_in_process().unwrap();
    assert_eq!(woven.items(), ["a", "", "b", "é", "c"]);
    assert_eq!(behind.items(), ["a", "b", "c", "", "é"]);
    assert_eq!(late.items(), ["z", "a", "b", "c"]);
    assert_eq!(
        (b.items(), others.items()),
        (vec!["b".to_owned()], vec!["a".to_owned(), "c".to_owned()])
    );
    assert_eq!(none.items(), Vec::<String>::new());
}

#[test]
fn a_program_asks_streams_that_forget_by_keeping_what_is_recent() {
    let given = ran(|g| {
        let mut recent = Recent::new(3);
        numbers(g, "x", 6).map("y", move |x| {
            recent.push(x);
            recent.last(2).sum::<i64>()
        })
    });
    assert_eq!(given, [0, 1, 3, 5, 7, 9]);
}

#[test]
fn learning_and_sketches_are_operators() {
    let given = ran(|g| {
        let x = g.source("x", vec![[0.0, 0.0], [9.0, 9.0], [1.0, 1.0], [10.0, 10.0]]);
        x.apply("y", ops::kmeans(2))
    });
    assert_eq!(given, [0, 1, 0, 1]);
    let seen = ran(|g| {
        g.source("x", vec![3i64, 4, 3, 3])
            .apply("y", ops::count_min())
    });
    assert_eq!(seen, [1, 1, 2, 3]);
    let known = ran(|g| g.source("x", vec![3i64, 4, 3]).apply("y", ops::bloom(100)));
    assert_eq!(known, [0, 0, 1]);
}

/// What the stream of texts that `build` makes has.
fn said(build: impl FnOnce(&mut Graph) -> Stream<Text>) -> Vec<String> {
    let mut g = Graph::new("form");
    let kept = build(&mut g).collect("kept");
    g.run_in_process().unwrap();
    kept.items()
}

#[test]
fn texts_are_joined_as_numbers_are() {
    let two = |g: &mut Graph| {
        let a = texts(g, "a", &["a", "b", "b", "c"]);
        (a, texts(g, "b", &["x", "y", "z"]))
    };
    let pairs = said(|g| {
        let (a, b) = two(g);
        let n = numbers(g, "n", 9);
        zip((&a, &b, &n)).to_text("pairs", |(a, b, n)| format!("{a}{b}{n}"))
    });
    assert_eq!(pairs, ["ax0", "by1", "bz2"]);
    let counted = said(|g| {
        let (a, b) = two(g);
        let rows = zip([&a, &b]).with_state(0u64);
        rows.to_text("rows", |n, [a, b]| {
            *n += 1;
            format!("{n}{a}{b}")
        })
    });
    assert_eq!(counted, ["1ax", "2by", "3bz"]);
    let same = ran(|g| {
        let (a, b) = two(g);
        zip((&a, &a.concat("all", [&b]))).map("same", |(a, all)| u8::from(a == all))
    });
    assert_eq!(same, [1, 1, 1, 1]);
    let woven = said(|g| {
        let (a, b) = two(g);
        a.weave("woven", [&b])
    });
    assert_eq!(woven, ["a", "x", "b", "y", "b", "z", "c"]);
    let concat = said(|g| {
        let (a, b) = two(g);
        a.changes("changes").concat("all", [&b])
    });
    assert_eq!(concat, ["a", "b", "c", "x", "y", "z"]);
    let gated = said(|g| {
        let (a, _) = two(g);
        let flags = a.items("flags", |x| u8::from(x != "b"));
        a.gate("gated", &flags)
    });
    assert_eq!(gated, ["a", "c"]);
    let mut merged = said(|g| {
        let (a, b) = two(g);
        a.merge("merged", [&b])
    });
    merged.sort();
    assert_eq!(merged, ["a", "b", "b", "c", "x", "y", "z"]);
    let routed = said(|g| {
        let (a, _) = two(g);
        let parts = a.route("parts", 2, |x| usize::from(x == "b"));
        parts[1].concat("all", [&parts[0]])
    });
    assert_eq!(routed, ["b", "b", "a", "c"]);
}

#[test]
fn a_text_that_is_to_go_to_no_port_is_named() {
    let mut g = Graph::new("form");
    let a = texts(&mut g, "a", &["a", "b"]);
    let parts = a.route("parts", 2, |x| if x == "b" { 7 } else { 0 });
    let kept = [parts[0].collect("first"), parts[1].collect("second")];
    let refused = g.run_in_process().unwrap_err().to_string();
    assert!(refused.contains("port 7, and there are 2"), "{refused}");
    assert_eq!(
        kept.map(|kept| kept.items()),
        [vec!["a".to_owned()], vec![]]
    );
}

#[test]
fn an_item_with_a_state_becomes_several_or_goes_to_several_streams() {
    let repeated = ran(|g| {
        let x = numbers(g, "x", 4).with_state(0i64);
        x.flat_map("y", |before, x| {
            let given = vec![*before; x as usize];
            *before += x;
            given
        })
    });
    assert_eq!(repeated, [0, 1, 1, 3, 3, 3]);
    let [even, sums] = ran_all(|g| {
        let x = numbers(g, "x", 5).with_state(0i64);
        let (even, sums) = x.unzip("y", |sum, x| {
            *sum += x;
            ((x % 2 == 0).then_some(x), *sum)
        });
        [even, sums]
    });
    assert_eq!(even, [0, 2, 4]);
    assert_eq!(sums, [0, 1, 3, 6, 10]);
}

#[test]
fn windows_of_time_have_states_and_may_give_nothing() {
    let items = [(0.5, 1), (1.0, 2), (3.0, 4), (4.5, 8), (6.0, 16)];
    let given = ran(|g| {
        let windows = timed(g, "x", &items).timed_window(2.0);
        windows.filter_map("y", |w| (w.len() > 1).then_some(w.len() as u64))
    });
    let at = |seconds, value| Timed { seconds, value };
    assert_eq!(given, [at(2.0, 2)]);
    let summed = ran(|g| {
        let windows = timed(g, "x", &items).timed_window(2.0).flush();
        windows.with_state(100i64).map("y", |sum, w| {
            *sum += w.iter().map(|item| item.value).sum::<i64>();
            [*sum, w[0].value]
        })
    });
    let expected = [
        (2.0, [103, 1]),
        (4.0, [107, 4]),
        (6.0, [115, 8]),
        (8.0, [131, 16]),
    ];
    assert_eq!(
        summed,
        expected.map(|(seconds, value)| Timed { seconds, value })
    );
}

#[test]
fn a_number_of_streams_may_be_known_only_when_the_program_runs() {
    let parts = |g: &mut Graph| -> Vec<Stream<i64>> {
        let part = |n: i64| g.source(&format!("x{n}"), vec![n, 10 + n]);
        (0..3).map(part).collect()
    };
    let woven = ran(|g| {
        let x = parts(g);
        x[0].weave("y", &x[1..])
    });
    assert_eq!(woven, [0, 1, 2, 10, 11, 12]);
    let concat = ran(|g| {
        let x = parts(g);
        x[0].concat("y", x[1..].iter().rev())
    });
    assert_eq!(concat, [0, 10, 2, 12, 1, 11]);
    let mut merged = ran(|g| {
        let x = parts(g);
        x[0].merge_map("y", &x[1..], |input, x| 100 * input as i64 + x)
    });
    merged.sort();
    assert_eq!(merged, [0, 10, 101, 111, 202, 212]);
    let zipped = ran(|g| {
        let made = [&[(1.0, 1), (2.0, 2)][..], &[(2.0, 20)], &[(1.0, 100)]];
        let made = made.iter().enumerate();
        let x: Vec<_> = made
            .map(|(n, items)| timed(g, &format!("t{n}"), items))
            .collect();
        timed_zip(&x[..]).map("y", |seconds, row| {
            row.iter().flatten().sum::<i64>() + 1000 * seconds as i64
        })
    });
    assert_eq!(zipped, [1101, 2022]);
}

#[test]
fn windows_become_texts_of_any_length() {
    let lists = said(|g| {
        let windows = numbers(g, "x", 4).window(3).growing();
        windows.to_text("y", |w| format!("{w:?}"))
    });
    assert_eq!(lists, ["[0]", "[0, 1]", "[0, 1, 2]", "[1, 2, 3]"]);
    let items = [(0.5, 1), (1.0, 2), (3.0, 4), (5.0, 8)];
    let lists = said(|g| {
        let windows = timed(g, "x", &items).timed_window(2.0).with_state(0u64);
        windows.to_text("y", |n, [_, end], w| {
            *n += 1;
            let values: Vec<i64> = w.iter().map(|item| item.value).collect();
            format!("{n}: {end} {values:?}")
        })
    });
    assert_eq!(lists, ["1: 2 [1, 2]", "2: 4 [4]"]);
}
