//! Makers and readers of tags; and that every other operator carries tags to the same places under every chunking.

use thalweg_worker::agent::Blueprint;
use thalweg_worker::tags::{Tag, Tags};

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        case("tags.add").input("f64").param("every", 7),
        case("tags.add")
            .input("text")
            .param("at", [3, 0, 3000, 17])
            .param("value", "here"),
        case("tags.mark").input("f32").param("expr", "x > 2"),
        case("tags.mark")
            .input("i16[2]")
            .param("expr", "x[0] > x[1]")
            .param("of", "n * 0.5")
            .param("each", true),
        case("tags.values").input("f64").param("key", "k"),
        case("tags.drop").input("u8[3]"),
        case("tags.write").input("f64").param("path", "t.jsonl"),
    ]
}

/// What somebody sees behind the agent: items and tags of each output, and the files.
#[derive(PartialEq)]
struct Behind {
    outcome: Outcome,
    tags: Vec<Vec<u8>>,
}

/// Some tags of a stream of so many items, some of them at one place, some behind the last item.
fn tags_of(random: &mut SplitMix, items: usize) -> Vec<u8> {
    let mut places: Vec<u64> = (0..random.next() % 30)
        .map(|_| random.next() % (items as u64 + 1))
        .collect();
    places.extend(places.get(..2).unwrap_or_default().to_vec());
    places.sort_unstable();
    let tags = places.iter().enumerate().map(|(n, &position)| {
        let value = n.to_string();
        let (key, value) = ("k", value.as_str());
        let tag = Tag {
            position,
            key,
            value,
        };
        tag.frame()
    });
    frames(tags.collect::<Vec<_>>())
}

impl Case {
    fn blueprint(&self, folder: &Path) -> Blueprint {
        (self.def().build)(&self.args(folder)).unwrap_or_else(|e| panic!("{}: {e}", self.op))
    }

    /// Runs with tags on every input, and all outputs asked for theirs.
    fn behind(&self, inputs: &[Vec<u8>], tags: &[Vec<u8>], chunks: Chunks) -> Behind {
        let place = self.place();
        let blueprint = self.blueprint(place.base());
        let (reads, gives) = (blueprint.inputs.len(), blueprint.outputs.len());
        let tagged = blueprint.tagged(&vec![true; reads], &vec![true; gives]);
        let mut outputs = run(tagged, &[inputs, tags].concat(), chunks, usize::MAX)
            .unwrap_or_else(|e| panic!("{} under {chunks:?}: {e}", self.op));
        let tags = outputs.split_off(gives);
        Behind {
            outcome: Outcome {
                outputs,
                files: place.files(),
            },
            tags,
        }
    }

    /// What it gives if nothing is tagged.
    fn untagged(&self, inputs: &[Vec<u8>]) -> Outcome {
        let place = self.place();
        let blueprint = self.blueprint(place.base());
        let outputs = run(blueprint, inputs, Chunks::Whole, usize::MAX).unwrap();
        let files = place.files();
        Outcome { outputs, files }
    }
}

/// The values of tags, in their order.
fn values(tags: &[u8]) -> Vec<String> {
    let tags = Frames::new(tags).map(|frame| Tag::of_frame(frame).unwrap().value.to_owned());
    tags.collect()
}

#[test]
fn tags_are_carried_to_the_same_places_under_every_chunking() {
    let (seed, cases) = (seed(), super::cases());
    let next = AtomicUsize::new(0);
    let judge_rest = || {
        while let Some((i, case)) = taken(&next, &cases) {
            case.judge_tags(seed, i as u64);
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(judge_rest);
        }
    });
}

impl Case {
    /// Runs it with tags on all of its inputs under several chunkings, and compares; its items with those that it gives
    /// without.
    fn judge_tags(&self, seed: u64, number: u64) {
        let place = self.place();
        let blueprint = self.blueprint(place.base());
        let carries = matches!(blueprint.tags, Tags::Carried | Tags::Made);
        if !carries || blueprint.inputs.is_empty() || blueprint.outputs.is_empty() {
            return;
        }
        let what = |how: &str| format!("{} {:?}, {how}, THALWEG_SEED={seed}", self.op, self.params);
        let seed = seed.wrapping_add(number);
        let inputs = self.input_bytes(seed);
        let mut random = SplitMix(seed);
        let tags = self.inputs.iter().map(|s| tags_of(&mut random, s.items));
        let tags: Vec<Vec<u8>> = tags.collect();
        let whole = self.behind(&inputs, &tags, Chunks::Whole);
        for companion in &whole.tags {
            assert!(places(companion).is_sorted(), "{}", what("in order"));
        }
        if !self.def().deterministic {
            return;
        }
        assert!(whole.outcome == self.untagged(&inputs), "{}", what("items"));
        if let ([only], false) = (&tags[..], blueprint.tags == Tags::Made) {
            let ended_early = ["head", "take_while"].contains(&self.op);
            let all = whole.tags.iter().all(|tags| values(tags) == values(only));
            assert!(all || ended_early, "{}", what("all of them"));
        }
        for chunks in [Chunks::Random(seed), Chunks::Random(!seed), Chunks::Single] {
            let other = self.behind(&inputs, &tags, chunks);
            assert!(whole == other, "{}", what(&format!("{chunks:?}")));
        }
    }
}

fn places(companion: &[u8]) -> Vec<u64> {
    let tags = Frames::new(companion).map(|frame| Tag::of_frame(frame).unwrap().position);
    tags.collect()
}

type Params = Vec<(&'static str, Value)>;

/// The places on each output of tags at these places of each input, of so many ascending f64 at 1000 Hz; the same under every
/// chunking.
fn carried(op: &'static str, inputs: &[usize], params: Params, tags: &[&[u64]]) -> Vec<Vec<u64>> {
    let mut case = params
        .into_iter()
        .fold(case(op), |case, (name, value)| case.param(name, value));
    for &items in inputs {
        case = case.input_of("f64", items);
        case.inputs.last_mut().unwrap().rate = Some(1000.0);
    }
    let ramp =
        |&items: &usize| -> Vec<u8> { (0..items).flat_map(|n| (n as f64).to_le_bytes()).collect() };
    let items: Vec<Vec<u8>> = inputs.iter().map(ramp).collect();
    let frame = |&position: &u64| {
        let (key, value) = ("k", "1");
        Tag {
            position,
            key,
            value,
        }
        .frame()
    };
    let tags: Vec<Vec<u8>> = tags
        .iter()
        .map(|places| frames(places.iter().map(frame)))
        .collect();
    let found = |chunks| -> Vec<Vec<u64>> {
        let behind = case.behind(&items, &tags, chunks);
        behind
            .tags
            .iter()
            .map(|companion| places(companion))
            .collect()
    };
    let whole = found(Chunks::Whole);
    for chunks in (0..30).map(Chunks::Random).chain([Chunks::Single]) {
        assert_eq!(found(chunks), whole, "{op} {chunks:?}");
    }
    whole
}

#[test]
fn operators_of_one_input_put_tags_before_the_next_item_they_give() {
    let cases: [(&str, Params, &[u64]); 17] = [
        ("map", vec![("expr", "2 * x".into())], &[0, 7, 7, 50, 100]),
        ("decimate", vec![("factor", 10.into())], &[0, 1, 1, 5, 10]),
        (
            "fir.lowpass",
            vec![
                ("cutoff", 100.into()),
                ("numtaps", 31.into()),
                ("decimate", 4.into()),
            ],
            &[0, 2, 2, 13, 25],
        ),
        (
            "fir.lowpass",
            vec![("cutoff", 100.into()), ("method", "fft".into())],
            &[0, 7, 7, 50, 100],
        ),
        (
            "resample",
            vec![("up", 3.into()), ("down", 2.into())],
            &[0, 11, 11, 75, 150],
        ),
        (
            "filter",
            vec![("expr", "x >= 20".into())],
            &[0, 0, 0, 30, 80],
        ),
        ("head", vec![("items", 20.into())], &[0, 7, 7]),
        ("skip", vec![("items", 5.into())], &[0, 2, 2, 45, 95]),
        ("delay", vec![("items", 3.into())], &[3, 10, 10, 53, 103]),
        ("blocks", vec![("size", 8.into())], &[0, 0, 0, 6, 12]),
        (
            "window",
            vec![
                ("size", 10.into()),
                ("step", 5.into()),
                ("fn", "mean".into()),
            ],
            &[0, 0, 0, 9, 19],
        ),
        ("fft", vec![("size", 8.into())], &[0, 0, 0, 6, 12]),
        ("throttle", vec![("rate", 1e9.into())], &[0, 7, 7, 50, 100]),
        (
            "iir.lowpass",
            vec![("cutoff", 50.into()), ("order", 2.into())],
            &[0, 7, 7, 50, 100],
        ),
        (
            "tags.add",
            vec![("at", [7, 60].into())],
            &[0, 7, 7, 7, 50, 60, 100],
        ),
        (
            "text.format",
            vec![("format", "{x}".into())],
            &[0, 7, 7, 50, 100],
        ),
        ("copy", vec![], &[0, 7, 7, 50, 100]),
    ];
    for (op, params, expected) in cases {
        let found = carried(op, &[100], params.clone(), &[&[0, 7, 7, 50, 100]]);
        assert_eq!(found, [expected], "{op} {params:?}");
    }
}

#[test]
fn of_several_inputs_the_tags_of_each_go_where_their_items_go() {
    let two = [20, 30];
    let tags: [&[u64]; 2] = [&[0, 5, 20], &[5, 8, 25]];
    let found = carried("zip", &two, vec![("expr", "a + b".into())], &tags);
    // What stands behind the last item of an input that ends it is left out.
    assert_eq!(found, [[0, 5, 5, 8]]);
    let found = carried("concat", &two, vec![], &tags);
    assert_eq!(found, [[0, 5, 20, 25, 28, 45]]);
    let found = carried("weave", &two, vec![], &tags);
    assert_eq!(found, [[0, 10, 11, 17, 40]]);
}

#[test]
fn a_frame_that_is_no_tag_is_damage() {
    for frame in [
        &b""[..],
        b"1234567",
        b"12345678",
        b"12345678\xff\x00ab",
        b"12345678\x01\x00\xff",
    ] {
        assert!(Tag::of_frame(frame).is_err(), "{frame:?}");
    }
    let (key, value) = ("größe", "\"ü\"");
    let tag = Tag {
        position: 1 << 40,
        key,
        value,
    };
    assert_eq!(Tag::of_frame(&tag.frame()).unwrap(), tag);
}

#[test]
fn values_of_tags_are_timed_numbers() {
    let case = case("tags.values").input_of("f64", 50).param("key", "k");
    let tag = |position, key, value| {
        Tag {
            position,
            key,
            value,
        }
        .frame()
    };
    let tags = [
        tag(0, "k", "true"),
        tag(25, "other", "3"),
        tag(25, "k", "-2.5"),
        tag(50, "k", "\"words\""),
    ];
    for chunks in [
        Chunks::Whole,
        Chunks::Single,
        Chunks::Random(1),
        Chunks::Random(2),
    ] {
        let blueprint = case.blueprint(".".as_ref()).tagged(&[true], &[false]);
        let streams = [vec![0; 400], frames(&tags)];
        let items = run(blueprint, &streams, chunks, usize::MAX).unwrap();
        let items = items[0].chunks_exact(8);
        let numbers: Vec<f64> = items
            .map(|x| f64::from_le_bytes(x.try_into().unwrap()))
            .collect();
        assert_eq!(numbers[..5], [0.0, 1.0, 0.25, -2.5, 0.5]);
        assert!(numbers[5].is_nan() && numbers.len() == 6, "{numbers:?}");
    }
}
