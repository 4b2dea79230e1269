//! Streams whose items have times: `timed_window`, `timed_zip`, `timed_mix`; and what IoTPy makes of batches.
//!
//! A batch is no part of a stream here. Where a vector depends on what came in one step, the step is the items'
//! time: what came together has one time, and a window of one second holds it.

use serde_json::{Value, json};
use thalweg::prelude::*;

use super::elements::y;
use super::joins::z;
use crate::judge::{Case, Instead, Kept, rust};
use crate::vector::{Json, Vector};

pub const CASES: &[Case] = &[
    rust(
        &[
            "timed_window_d10_s10_t0_irregular",
            "timed_window_d20_s10_t0_batch",
            "timed_window_d2_s4_t0_irregular",
            "timed_window_d4_s4_t0_irregular",
            "timed_window_d4_s4_t2_batch",
            "timed_window_d4_s4_t2_irregular",
            "timed_window_d5_s1_t0_batch",
            "timed_window_d5_s1_t0_irregular",
        ],
        |v, g| {
            let start = v.param("window_start_time");
            let windows = windows(v, g).start(start);
            lists(windows.scan("y", (), |(), [_, end], w| {
                list(end, w.iter().map(|x| x.seconds))
            }))
        },
    ),
    rust(&["timed_window_stateful"], |v, g| {
        timed(
            windows(v, g).scan("y", v.param("state"), |state: &mut f64, [_, seconds], w| {
                *state += 1.0;
                let value = w.len() as f64 + *state - 1.0;
                Timed { seconds, value }
            }),
        )
    }),
    rust(&["timed_window_sum_float_times"], |v, g| {
        timed(windows(v, g).map("y", |w| w.iter().map(|x| x.value).sum::<f64>()))
    }),
    rust(&["timed_window_no_value_timed_agent"], |v, g| {
        timed(
            pairs(v, g)
                .timed_window(4.0)
                .scan("y", (), |(), _, _| None::<Timed<f64>>),
        )
    }),
    rust(&["timed_window_no_value_op"], |v, g| {
        timed(
            pairs(v, g)
                .timed_window(4.0)
                .scan("y", (), |(), _, _| None::<Timed<f64>>),
        )
    })
    .instead(NOTHING.why, NOTHING.right),
    rust(&["timed_window_out_of_order"], |v, g| {
        lists(windows(v, g).scan("y", (), |(), [_, end], w| {
            list(end, w.iter().map(|x| x.value))
        }))
    })
    .instead(LATE.why, LATE.right),
    rust(&["timed_zip"], |v, g| {
        let (x, y) = (letters(v, g, "x"), letters(v, g, "y"));
        rows(
            "z",
            timed_zip((&x, &y)).map("z", |t, (x, y)| [t, x.unwrap_or(0.0), y.unwrap_or(0.0)]),
        )
    })
    .instead(ENDED.why, ENDED.right),
    rust(&["timed_zip_duplicate_timestamps"], |v, g| {
        let (x, y) = (letters(v, g, "x"), letters(v, g, "y"));
        rows(
            "z",
            timed_zip((&x, &y)).map("z", |t, (x, y)| [t, x.unwrap_or(0.0), y.unwrap_or(0.0)]),
        )
    }),
    rust(&["join_timed"], |v, g| {
        let x = v.fed::<(f64, i64)>("x").into_iter();
        let x = x.map(|(seconds, value)| Timed { seconds, value });
        let x = g.source("x", x.collect::<Vec<_>>());
        let y = letters(v, g, "y");
        let none = i64::MIN as f64;
        let both = timed_zip((&x, &y)).map("sunk", move |t, (x, y)| {
            [t, x.map_or(none, |x| x as f64), y.unwrap_or(0.0)]
        });
        Kept::one_as("sunk", &both, |[t, x, y]| {
            let x = if x == i64::MIN as f64 {
                Value::Null
            } else {
                json!(x)
            };
            json!([t, [x, letter(y)]])
        })
    }),
    rust(&["timed_mix"], |v, g| {
        let (x, y) = (letters(v, g, "x"), letters(v, g, "y"));
        let mixed = x.timed_mix_map("z", [&y], |input, item| {
            [item.seconds, input as f64, item.value]
        });
        Kept::one_as("z", &mixed, |[t, input, value]| {
            json!([t, [input, letter(value)]])
        })
    })
    .instead(GIVEN.why, GIVEN.right),
    rust(&["timed_unzip"], |v, g| {
        let item = |(seconds, values): (f64, [Value; 2])| Timed {
            seconds,
            value: values.map(|value| {
                if value.is_null() {
                    0.0
                } else {
                    f64::from(u32::of(&value))
                }
            }),
        };
        let x = v.fed::<(f64, [Value; 2])>("x").into_iter().map(item);
        let x = g.source("x", x.collect::<Vec<_>>());
        let (a, b) = x.unzip(
            "parts",
            |Timed {
                 seconds,
                 value: [a, b],
             }| {
                let part = |value| (value > 0.0).then_some(Timed { seconds, value });
                (part(a), part(b))
            },
        );
        Kept::one_as("a", &a, |x| json!([x.seconds, letter(x.value)]))
            .and_as("b", &b, |x| json!([x.seconds, letter(x.value)]))
    }),
    rust(&["aggregate_anomalies"], |v, g| {
        let (threshold, duration) = (v.param::<f64>("THRESHOLD"), v.param("window_duration"));
        let [a, b] = ["a", "b"].map(|name| g.source(name, items(v, name)));
        let anomalies = timed_zip((&a, &b)).map("anomalies", |seconds, (a, b)| Timed {
            seconds,
            value: [
                f64::from(u8::from(a.is_some())),
                f64::from(u8::from(b.is_some())),
            ],
        });
        let windows = anomalies.timed_window(duration).step(v.param("step_time"));
        let agreed = windows.scan("z", (), move |(), [_, end], w| {
            let sensors = (0..2)
                .filter(|i| w.iter().any(|x| x.value[*i] > 0.0))
                .count() as f64;
            (sensors >= threshold).then(|| [end, w[w.len() - 1].seconds, sensors])
        });
        Kept::one_as("z", &agreed, |[end, last, sensors]| {
            json!([end, [last, sensors]])
        })
    })
    .instead(AGREED.why, AGREED.right),
    // Arrival as a time: the step in which an item came.
    rust(&["mix"], |v, g| {
        let (x, y) = (steps::<u32>(v, g, "x"), steps::<u32>(v, g, "y"));
        let mixed = x.timed_mix_map("z", [&y], |input, item| [input as f64, item.value]);
        Kept::one_as("z", &mixed, |[input, value]| json!([input, letter(value)]))
    }),
    rust(&["weave"], |v, g| {
        let (x, y) = (steps::<f64>(v, g, "x"), steps::<f64>(v, g, "y"));
        z(&x.timed_mix_map("z", [&y], |_, item| item.value))
    }),
    rust(&["merge_asynch_stateful"], |v, g| {
        let (x, y) = (steps::<f64>(v, g, "x"), steps::<f64>(v, g, "y"));
        let mixed = x.timed_mix_map("mixed", [&y], |_, item| item.value);
        z(&mixed.scan("z", v.param("state"), |state: &mut f64, x| {
            *state += 1.0;
            x + *state - 1.0
        }))
    }),
    rust(&["mix_then_separate"], |v, g| {
        let (x, y) = (steps::<f64>(v, g, "x"), steps::<f64>(v, g, "y"));
        let mixed = x.timed_mix_map("mixed", [&y], |input, item| [input as f64, item.value]);
        let parts = mixed.route("parts", 2, |[input, _]| *input as usize);
        Kept::one("a", &parts[0].map("a", |[_, x]| x)).and("b", &parts[1].map("b", |[_, x]| x))
    }),
    // A batch as a window of one second.
    rust(&["chunk", "map_list_sum_of_batch"], |v, g| {
        let sums = batches(v, g).map("sums", |w| w.iter().map(|x| x.value).sum::<f64>());
        y(sums.map("y", |sum| sum.value))
    }),
    rust(&["map_list_changes_length"], |v, g| {
        let twice = batches(v, g).scan("twice", (), |(), _, w| {
            let values = w.iter().chain(w).map(|x| x.value);
            list(0.0, values)
        });
        y(twice.flat_map("y", |[_, len, values @ ..]: List| {
            values.into_iter().take(len as usize)
        }))
    }),
    rust(&["signal_element"], |v, g| {
        y(batches(v, g).scan("y", 0, count))
    }),
    rust(&["signal_sink"], |v, g| {
        let calls = batches(v, g).scan("calls", 0, count);
        Kept::one("sunk", &calls.map("sunk", |n| n - 1))
    }),
    rust(&["split_signal"], |v, g| {
        let calls = batches(v, g).scan("calls", 0, count);
        let (a, b) = calls.unzip("parts", |n| (n, (n % 2 == 0).then_some(1i64)));
        Kept::one("a", &a).and("b", &b)
    }),
    rust(&["iot_merge"], |v, g| {
        let (x, y) = (steps::<f64>(v, g, "x"), steps::<f64>(v, g, "y"));
        let both = x.timed_mix_map("both", [&y], |input, item| Timed {
            seconds: item.seconds,
            value: [input as f64, item.value],
        });
        // What waits on each side: its number, then the items.
        let waiting = [[0.0; 8]; 2];
        let calls = both
            .timed_window(1.0)
            .flush()
            .scan("calls", waiting, |waiting, _, w| {
                for Timed {
                    value: [input, value],
                    ..
                } in w
                {
                    let [len, items @ ..] = &mut waiting[*input as usize];
                    items[*len as usize] = *value;
                    *len += 1.0;
                }
                let seen = *waiting;
                let used = waiting[0][0].min(waiting[1][0]);
                for [len, items @ ..] in waiting {
                    items.rotate_left(used as usize);
                    *len -= used;
                }
                seen
            });
        Kept::one_as("calls", &calls, |sides: [[f64; 8]; 2]| {
            json!(sides.map(|[len, items @ ..]| items[..len as usize].to_vec()))
        })
    }),
    // Items wait until one of the streams that call has something.
    rust(&["sink_conditional"], |v, g| {
        let x = steps::<Value>(v, g, "x");
        let calls = steps::<f64>(v, g, "c").timed_mix("calls", [&x]);
        let sunk = x.release_on("sunk", &calls);
        Kept::one_as("sunk", &sunk, |x| {
            if x.value.is_nan() {
                json!("block")
            } else {
                json!(x.value)
            }
        })
    }),
];

pub const NOTHING: Instead = Instead {
    why: "a function that gives nothing gives nothing, not a time without a value",
    right: |_| vec![("y".to_owned(), json!([]))],
};

pub const LATE: Instead = Instead {
    why: "an item that comes when its window is given is left out, not put into a later one",
    right: |_| vec![("y".to_owned(), json!([[4, [0]], [8, [5]], [12, [9]]]))],
};

pub const ENDED: Instead = Instead {
    why: "a stream that has ended holds nobody up, so what the other still has is given",
    right: |v| {
        let mut recorded = v.recorded()["z"].as_array().unwrap().clone();
        recorded.push(json!([55, [null, "I"]]));
        vec![("z".to_owned(), recorded.into())]
    },
};

pub const GIVEN: Instead = Instead {
    why: "items at the time of the last one, or before it, are not dropped but put in their place",
    right: |_| {
        let z = json!([
            [0, [0, "a"]],
            [1, [1, "A"]],
            [3, [0, "b"]],
            [3, [1, "B"]],
            [4, [0, "c"]],
            [5, [1, "C"]],
            [6, [0, "d"]]
        ]);
        vec![("z".to_owned(), z)]
    },
};

pub const AGREED: Instead = Instead {
    why: "every item of a window counts, and a window does not remember the one before it",
    right: agreed,
};

/// The stream `x` of timed numbers.
fn pairs(v: &Vector, g: &mut Graph) -> Stream<Timed<f64>> {
    g.source("x", items(v, "x"))
}

fn items(v: &Vector, stream: &str) -> Vec<Timed<f64>> {
    let item = |(seconds, value)| Timed { seconds, value };
    v.fed::<(f64, f64)>(stream).into_iter().map(item).collect()
}

/// A stream of timed letters, as numbers.
fn letters(v: &Vector, g: &mut Graph, stream: &str) -> Stream<Timed<f64>> {
    let item = |(seconds, letter): (f64, u32)| Timed {
        seconds,
        value: f64::from(letter),
    };
    g.source(
        stream,
        v.fed(stream).into_iter().map(item).collect::<Vec<_>>(),
    )
}

pub fn letter(value: f64) -> Value {
    if value == 0.0 {
        Value::Null
    } else {
        (value as u32).json()
    }
}

/// The windows that the vector asks for, of its stream `x`.
fn windows(v: &Vector, g: &mut Graph) -> thalweg::timed::TimedWindow<f64> {
    pairs(v, g)
        .timed_window(v.param("window_duration"))
        .step(v.param("step_time"))
}

/// The stream with the step in which an item came as its time.
fn steps<T: Number>(v: &Vector, g: &mut Graph, stream: &str) -> Stream<Timed<f64>> {
    let items = step_of::<T>(v, stream).into_iter();
    let items = items.map(|(seconds, value)| Timed {
        seconds,
        value: value.number(),
    });
    g.source(stream, items.collect::<Vec<_>>())
}

/// The items of a stream, each with the step in which it came.
pub fn step_of<T: Json>(v: &Vector, stream: &str) -> Vec<(f64, T)> {
    let batches = v.batches::<T>(stream).into_iter().enumerate();
    let items = batches.flat_map(|(step, batch)| {
        let step = step as f64;
        batch.into_iter().map(move |value| (step, value))
    });
    items.collect()
}

/// The batches of the stream `x`.
fn batches(v: &Vector, g: &mut Graph) -> thalweg::timed::TimedWindow<f64> {
    steps::<f64>(v, g, "x").timed_window(1.0).flush()
}

/// Counts calls.
fn count(calls: &mut i64, _: [f64; 2], _: &[Timed<f64>]) -> i64 {
    *calls += 1;
    *calls
}

/// What a value is as a number in a stream.
trait Number: Json {
    fn number(self) -> f64;
}

impl Number for f64 {
    fn number(self) -> f64 {
        self
    }
}

impl Number for u32 {
    fn number(self) -> f64 {
        f64::from(self)
    }
}

/// Numbers, and `NaN` for the text among them.
impl Number for Value {
    fn number(self) -> f64 {
        self.as_f64().unwrap_or(f64::NAN)
    }
}

/// A list as an item: a number that goes along, how many there are, and they.
pub type List = [f64; 26];

pub fn list(head: f64, values: impl IntoIterator<Item = f64>) -> List {
    let mut list = [0.0; 26];
    list[0] = head;
    for (len, value) in values.into_iter().enumerate() {
        list[1] = len as f64 + 1.0;
        list[len + 2] = value;
    }
    list
}

/// The output `y`: an end and a list for each window.
fn lists(stream: Stream<List>) -> Kept {
    Kept::one_as("y", &stream, |[end, len, values @ ..]| {
        json!([end, values[..len as usize]])
    })
}

/// The output `y`: an end and a number for each window.
fn timed(stream: Stream<Timed<f64>>) -> Kept {
    Kept::one_as("y", &stream, |x| json!([x.seconds, x.value]))
}

/// Rows of a time and two letters.
fn rows(name: &str, stream: Stream<[f64; 3]>) -> Kept {
    Kept::one_as(name, &stream, |[t, x, y]| {
        json!([t, [letter(x), letter(y)]])
    })
}

/// By hand: each window that has anomalies of enough sensors, and has ended before the last item.
fn agreed(v: &Vector) -> Vec<(String, Value)> {
    let times = ["a", "b"].map(|name| {
        items(v, name)
            .into_iter()
            .map(|x| x.seconds)
            .collect::<Vec<_>>()
    });
    let newest = times.iter().flatten().copied().fold(0.0, f64::max);
    let (duration, step) = (
        v.param::<f64>("window_duration"),
        v.param::<f64>("step_time"),
    );
    let ends = (0..)
        .map(|k| f64::from(k) * step + duration)
        .take_while(|end| *end <= newest);
    let row = |end: f64| {
        let within = |t: &&f64| end - duration <= **t && **t < end;
        let seen = times.each_ref().map(|times| {
            times
                .iter()
                .filter(within)
                .copied()
                .fold(f64::NAN, f64::max)
        });
        let sensors = seen.iter().filter(|t| !t.is_nan()).count();
        let last = seen.into_iter().fold(f64::NAN, f64::max);
        (sensors as f64 >= v.param::<f64>("THRESHOLD")).then(|| json!([end, [last, sensors]]))
    };
    vec![("z".to_owned(), ends.filter_map(row).collect())]
}
