//! `fir`: a filter of given taps, or of taps designed by a windowed sinc.
//!
//! Each output is the sum of the taps times the last items, looked up in the input itself: the agent has no
//! state. From rest: what is before the stream's beginning counts as 0, as in `scipy.signal.lfilter`.

use crate::agent::{Agent, AgentError, Blueprint, InPort, Input, Io, OutPort, Output, Status};
use crate::design::DesignError;
use crate::design::firwin::{Firwin, firwin, kaiserord};
use crate::design::taper::Taper;
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::operators::iir::{self, RATE};
use crate::operators::live::Live;
use crate::operators::tapers::{self, WINDOW_ARGS};
use crate::types::Scalar;
use crate::wide::Wide;

pub mod correlate;
pub mod designed;
mod dots;
pub mod hilbert;
pub mod resample;
pub mod rrc;
pub mod smooth;

mod aligned;
mod kernel;
mod overlap;

use kernel::{Level, Number};
use overlap::Overlap;

const NUMTAPS: ParamDef = ParamDef {
    name: "numtaps",
    kind: ParamKind::Int,
    default: Some(""),
    unit: "",
    doc: "How many taps a design has, 1 to 1000000; 101 without it. A filter that passes half the rate needs an odd number.",
};

const WINDOW: ParamDef = ParamDef {
    name: "window",
    kind: ParamKind::Choice(&Taper::NAMES),
    default: Some("hamming"),
    unit: "",
    doc: "The window function of a design.",
};

const BETA: ParamDef = ParamDef {
    name: "beta",
    kind: ParamKind::Float,
    default: Some(""),
    unit: "",
    doc: "The parameter of the window `kaiser`, 0 to 500: more is a wider transition and lower side lobes.",
};

const RIPPLE: ParamDef = ParamDef {
    name: "ripple",
    kind: ParamKind::Float,
    default: Some(""),
    unit: "dB",
    doc: "How far a design may be off in its pass and stop bands, 8 to 500 dB below 1: with `width` it sets the window kaiser, its beta and the number of taps as `scipy.signal.kaiserord` does (one tap more where an odd number is needed).",
};

const WIDTH: ParamDef = ParamDef {
    name: "width",
    kind: ParamKind::Float,
    default: Some(""),
    unit: "Hz",
    doc: "The width of a design's transitions; goes with `ripple`.",
};

const METHOD: ParamDef = ParamDef {
    name: "method",
    kind: ParamKind::Choice(&["auto", "direct", "fft"]),
    default: Some("auto"),
    unit: "",
    doc: "How long filters are computed. direct: tap by tap, each output as soon as its item is here. fft: overlap-save by Fourier transforms, in blocks of about three times the taps; a block's outputs come when the block is whole. auto: fft from 1024 taps on, where nothing is decimated.",
};

const SCALE: ParamDef = ParamDef {
    name: "scale",
    kind: ParamKind::Bool,
    default: Some("true"),
    unit: "",
    doc: "Whether a design's gain is made exactly 1 in the middle of its first pass band (at 0 or half the rate if the band ends there).",
};

const DECIMATE: ParamDef = ParamDef {
    name: "decimate",
    kind: ParamKind::Int,
    default: Some("1"),
    unit: "items",
    doc: "Of how many items of the filtered stream one is given, `y[::decimate]`, and only that one is computed; 1 to 1000000000. The rate becomes rate / decimate.",
};

const CUTOFF: ParamDef = ParamDef {
    name: "cutoff",
    kind: ParamKind::Dial,
    default: None,
    unit: "Hz",
    doc: "Where the gain is one half. When it is turned, each item from there on is what the new taps give of the same items.",
};

const LOW: ParamDef = ParamDef {
    name: "low",
    kind: ParamKind::Dial,
    default: None,
    unit: "Hz",
    doc: "The band's lower edge, where the gain is one half. When an edge is turned, each item from there on is what the new taps give of the same items; where there is no such band, what those of the graph give: turn both edges at once.",
};

const HIGH: ParamDef = ParamDef {
    name: "high",
    kind: ParamKind::Dial,
    default: None,
    unit: "Hz",
    doc: "The band's upper edge, where the gain is one half.",
};

const OUTPUTS: &str = "one stream of the input's type; f64 for integers";

/// The row of the general one.
pub const FIR: OpDef = OpDef {
    name: "fir",
    summary: "finite filter: given taps, or a windowed-sinc design",
    doc: "`scipy.signal.lfilter(taps, 1, x)`: item n of the output is `taps[0] x[n] + taps[1] x[n-1] + ..`, items before the \
stream's beginning count as 0, one item out for each item in, or for each `decimate` items. Give `taps`, or a design by `cutoff`: the taps are then \
`scipy.signal.firwin(numtaps, cutoff, window=window, pass_zero=pass_zero, scale=scale, fs=rate)`. f32, f64, cf32 and cf64 are \
filtered in their own type and keep it, integers become f64; vector items are filtered per element. The order of additions \
depends on the processor's vectors: the last bits may differ between machines, on one machine they never do. From 1024 taps on, and with \
`method = fft`, transforms of blocks do it.",
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: &[
        ParamDef {
            name: "taps",
            kind: ParamKind::Floats,
            default: Some(""),
            unit: "",
            doc: "The filter's response to one 1, instead of a design.",
        },
        ParamDef {
            name: "cutoff",
            kind: ParamKind::Number,
            default: Some(""),
            unit: "Hz",
            doc: "A design's edge, or several growing ones: the gain there is one half.",
        },
        NUMTAPS,
        WINDOW,
        BETA,
        WINDOW_ARGS,
        RIPPLE,
        WIDTH,
        METHOD,
        ParamDef {
            name: "pass_zero",
            kind: ParamKind::Choice(&[
                "true", "false", "lowpass", "highpass", "bandpass", "bandstop",
            ]),
            default: Some(""),
            unit: "",
            doc: "What a design passes: `true` (so without it), frequency 0, which is lowpass for one edge and bandstop for two; `false`, what is beyond the first edge; or by its name.",
        },
        SCALE,
        RATE,
        DECIMATE,
    ],
    example: "sine freq=440 rate=48000 items=4800 ! fir taps=[0.25, 0.5, 0.25] ! null",
    deterministic: true,
    build,
};

const DESIGN_DOC: &str = "`fir` with taps designed by a windowed sinc, the numbers of \
`scipy.signal.firwin(numtaps, .., window=window, scale=scale, fs=rate)` (or as many as `ripple` and `width` ask for): linear phase, delayed by `(numtaps - 1) / 2` items.";

/// What a design with one edge takes.
const OF_ONE_EDGE: &[ParamDef] = &[
    CUTOFF,
    NUMTAPS,
    WINDOW,
    BETA,
    WINDOW_ARGS,
    RIPPLE,
    WIDTH,
    METHOD,
    SCALE,
    RATE,
    DECIMATE,
];

/// What a design with a band takes.
const OF_A_BAND: &[ParamDef] = &[
    LOW,
    HIGH,
    NUMTAPS,
    WINDOW,
    BETA,
    WINDOW_ARGS,
    RIPPLE,
    WIDTH,
    METHOD,
    SCALE,
    RATE,
    DECIMATE,
];

/// The row of the low-pass.
pub const LOWPASS: OpDef = OpDef {
    name: "fir.lowpass",
    summary: "windowed-sinc low-pass",
    doc: DESIGN_DOC,
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: OF_ONE_EDGE,
    example: "sine freq=440 rate=48000 items=4800 ! fir.lowpass cutoff=1000 ! null",
    deterministic: true,
    build,
};

/// The row of the high-pass.
pub const HIGHPASS: OpDef = OpDef {
    name: "fir.highpass",
    summary: "windowed-sinc high-pass",
    doc: DESIGN_DOC,
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: OF_ONE_EDGE,
    example: "sine freq=440 rate=48000 items=4800 ! fir.highpass cutoff=1000 window=blackman ! null",
    deterministic: true,
    build,
};

/// The row of the band-pass.
pub const BANDPASS: OpDef = OpDef {
    name: "fir.bandpass",
    summary: "windowed-sinc band-pass",
    doc: DESIGN_DOC,
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: OF_A_BAND,
    example: "noise rate=1000 items=6000 ! fir.bandpass low=50 high=100 window=kaiser beta=8 ! null",
    deterministic: true,
    build,
};

/// The row of the band-stop.
pub const BANDSTOP: OpDef = OpDef {
    name: "fir.bandstop",
    summary: "windowed-sinc band-stop",
    doc: DESIGN_DOC,
    inputs: Arity::One,
    outputs: OUTPUTS,
    params: OF_A_BAND,
    example: "noise rate=1000 items=6000 ! fir.bandstop low=45 high=55 numtaps=501 ! null",
    deterministic: true,
    build,
};

fn build(args: &Args) -> Result<Blueprint, OpError> {
    let given = given_taps(args)?;
    let decimate = decimation(args)?;
    if decimate > 1 && args.text("method") == Some("fft") {
        let message = format!(
            "`method` is fft, and `decimate` {decimate}: what is decimated is computed directly"
        );
        return Err(OpError::param("method", message));
    }
    if let Some(taps) = given {
        return filter(args, &taps, decimate);
    }
    let (values, design) = (edges(args), design(args)?);
    let taps = design
        .taps(&values)
        .map_err(|error| refused(args, &design, error))?;
    if args.op().name == "fir" {
        return filter(args, &taps, decimate);
    }
    let (names, rate) = (iir::edges(args), design.rate);
    let live = Live::new(&values, taps.clone(), move |edges| design.taps(edges).ok());
    let blueprint = filter_by(args, &taps, decimate, Some(live))?;
    Ok(iir::live_edges(blueprint, names, &values, rate))
}

/// The parameter `decimate`.
fn decimation(args: &Args) -> Result<u64, OpError> {
    match args.required_count("decimate", 1)? {
        decimate @ ..=1_000_000_000 => Ok(decimate),
        decimate => Err(OpError::param(
            "decimate",
            format!("`decimate` is {decimate}, and must be at most 1000000000"),
        )),
    }
}

/// An agent that filters its input by `taps`, at least one, from rest, and gives one of `decimate` items.
///
/// Floats and complex numbers keep their type, integers become f64; vector items are filtered per element.
pub(crate) fn filter(args: &Args, taps: &[f64], decimate: u64) -> Result<Blueprint, OpError> {
    filter_by(args, taps, decimate, None)
}

/// As [`filter`], of taps that follow the agent's dials, always as many.
fn filter_by(
    args: &Args,
    taps: &[f64],
    decimate: u64,
    live: Option<Live<Vec<f64>>>,
) -> Result<Blueprint, OpError> {
    let (op, input) = (args.op().name, args.input());
    let Some((scalar, width)) = input.item_type.elements() else {
        return Err(OpError::input_type(op, input, "numbers or vectors of them"));
    };
    let stride = if scalar.is_complex() {
        2 * width
    } else {
        width
    };
    if decimate == 1 && is_long(args, taps.len()) {
        return Ok(by_blocks(args, taps, scalar, stride, live));
    }
    let retain = taps.len() - 1;
    let rate = input.rate.map(|rate| rate / decimate as f64);
    let (blueprint, gives) = match scalar {
        Scalar::F32 | Scalar::Cf32 => (
            Blueprint::new(Fir::<f32>::new(taps, stride, decimate).live(live)),
            scalar,
        ),
        Scalar::F64 | Scalar::Cf64 => (
            Blueprint::new(Fir::<f64>::new(taps, stride, decimate).live(live)),
            scalar,
        ),
        integer => {
            let agent = Converted {
                takes: integer,
                fir: Fir::<f64>::new(taps, stride, decimate).live(live),
                history: Vec::new(),
            };
            (Blueprint::new(agent), Scalar::F64)
        }
    };
    // 64 taps take about sixteen times as long as a copy.
    Ok(blueprint
        .weight((taps.len() as u64 / decimate / 4).max(1))
        .input(InPort::new(input.item_type.clone()).retain(retain))
        .output(
            OutPort::new(input.item_type.with_scalar(gives), rate)
                .keeps_unit()
                .paced(1, decimate),
        ))
}

/// Whether so many taps are best applied by transforms, or asked to be.
fn is_long(args: &Args, numtaps: usize) -> bool {
    let asked = args
        .op()
        .params
        .iter()
        .any(|param| param.name == METHOD.name);
    match asked.then(|| args.text("method")).flatten() {
        Some("fft") => true,
        Some("direct") => false,
        _ => numtaps >= 1024,
    }
}

fn by_blocks(
    args: &Args,
    taps: &[f64],
    scalar: Scalar,
    stride: usize,
    live: Option<Live<Vec<f64>>>,
) -> Blueprint {
    let input = args.input();
    let block = overlap::block_len(taps.len());
    let (blueprint, gives) = match scalar {
        Scalar::F32 | Scalar::Cf32 => {
            let agent = Overlap::<f32>::new(taps, scalar, stride, live);
            (Blueprint::new(agent), scalar)
        }
        Scalar::F64 | Scalar::Cf64 => {
            let agent = Overlap::<f64>::new(taps, scalar, stride, live);
            (Blueprint::new(agent), scalar)
        }
        integer => {
            let agent = Overlap::<f64>::new(taps, integer, stride, live);
            (Blueprint::new(agent), Scalar::F64)
        }
    };
    let port = InPort::new(input.item_type.clone());
    // A block may go out in parts, and is then made again from its beginning.
    blueprint
        .input(port.retain(taps.len() - 1 + block).at_least(block))
        .output(
            OutPort::new(input.item_type.with_scalar(gives), input.rate)
                .keeps_unit()
                .paced(1, 1),
        )
}

/// The parameter `taps`, alone.
fn given_taps(args: &Args) -> Result<Option<Vec<f64>>, OpError> {
    if args.op().name != "fir" {
        return Ok(None);
    }
    let Some(taps) = args.floats("taps") else {
        return match args.value("cutoff") {
            Some(_) => Ok(None),
            None => Err(
                OpError::op("`fir` needs its taps, or a frequency to design them for")
                    .with_help("add `taps = [..]`, or `cutoff = ..` in Hz"),
            ),
        };
    };
    if taps.is_empty() {
        return Err(OpError::param(
            "taps",
            "`taps` is an empty list, and must have at least one number",
        ));
    }
    let design = [
        "cutoff",
        "numtaps",
        "pass_zero",
        "beta",
        "window_args",
        "ripple",
        "width",
    ];
    match design.into_iter().find(|name| args.value(name).is_some()) {
        Some(name) => Err(OpError::param(
            name,
            format!("`{name}` belongs to a design, and `taps` are given"),
        )
        .with_help(format!("leave out `{name}` or `taps`"))),
        None => Ok(Some(taps)),
    }
}

/// A design but for its edges.
struct Design {
    numtaps: usize,
    pass_zero: bool,
    window: Taper,
    scale: bool,
    rate: f64,
}

impl Design {
    fn taps(&self, edges: &[f64]) -> Result<Vec<f64>, DesignError> {
        firwin(&Firwin {
            numtaps: self.numtaps,
            cutoff: edges,
            pass_zero: self.pass_zero,
            window: self.window,
            scale: self.scale,
            rate: self.rate,
        })
    }
}

fn design(args: &Args) -> Result<Design, OpError> {
    let edges = edges(args).len();
    if edges == 0 {
        return Err(OpError::param(
            "cutoff",
            "`cutoff` is an empty list, and must have at least one frequency",
        ));
    }
    let rate = iir::rate(args)?;
    let pass_zero = passes_zero(args, edges)?;
    let (numtaps, window) = match estimate(args, rate)? {
        Some((numtaps, window)) => {
            // Where half the rate passes, an even number cannot be.
            let passes_nyquist = edges.is_multiple_of(2) == pass_zero;
            (if passes_nyquist { numtaps | 1 } else { numtaps }, window)
        }
        None => (numtaps(args)?.unwrap_or(101), window(args)?),
    };
    Ok(Design {
        numtaps,
        pass_zero,
        window,
        scale: args.flag("scale"),
        rate,
    })
}

/// The parameter that a design is refused by.
fn refused(args: &Args, design: &Design, error: DesignError) -> OpError {
    let first = iir::edges(args)[0];
    match error {
        DesignError::EvenTaps { .. } => OpError::param("numtaps", format!("`numtaps`: {error}"))
            .with_help(format!("give {} taps", design.numtaps + 1)),
        DesignError::OutsideBand { frequency, .. }
            if first == "low" && args.float("high") == Some(frequency) =>
        {
            OpError::param("high", format!("`high`: {error}"))
        }
        _ => OpError::param(first, format!("`{first}`: {error}")),
    }
}

/// The parameter `numtaps`, at most a million.
fn numtaps(args: &Args) -> Result<Option<usize>, OpError> {
    match args.count("numtaps", 1)? {
        Some(numtaps) if numtaps > NUMTAPS_MAX => Err(OpError::param(
            "numtaps",
            format!("`numtaps` is {numtaps}, and must be at most {NUMTAPS_MAX}"),
        )),
        numtaps => Ok(numtaps.map(|numtaps| numtaps as usize)),
    }
}

const NUMTAPS_MAX: u64 = 1_000_000;

/// How many taps `ripple` and `width` ask for, and of which window.
fn estimate(args: &Args, rate: f64) -> Result<Option<(usize, Taper)>, OpError> {
    let (ripple, width) = match (args.float("ripple"), args.float("width")) {
        (None, None) => return Ok(None),
        (Some(ripple), Some(width)) => (ripple, width),
        (given, _) => {
            let (has, lacks) = match given {
                Some(_) => ("ripple", "width"),
                None => ("width", "ripple"),
            };
            return Err(OpError::param(
                has,
                format!("`{has}` goes with `{lacks}`, which is not given"),
            ));
        }
    };
    if let Some(name) = ["numtaps", "beta", "window_args"]
        .into_iter()
        .find(|name| args.value(name).is_some())
    {
        let message = format!("`{name}` follows from `ripple` and `width`, which are given");
        return Err(OpError::param(name, message).with_help(format!("leave out `{name}`")));
    }
    if !(8.0..=500.0).contains(&ripple) {
        let message = format!("`ripple` is {ripple} dB, and must be 8 to 500");
        return Err(OpError::param("ripple", message));
    }
    let least = rate / NUMTAPS_MAX as f64 * 250.0;
    if !(least..rate / 2.0).contains(&width) {
        let message = format!(
            "`width` is {width} Hz, and must be {least} to below half the rate, {} Hz",
            rate / 2.0
        );
        return Err(OpError::param("width", message));
    }
    let (numtaps, beta) = kaiserord(ripple, width / (rate / 2.0));
    Ok(Some((numtaps, Taper::Kaiser(beta))))
}

fn edges(args: &Args) -> Vec<f64> {
    match args.op().name {
        "fir.bandpass" | "fir.bandstop" => {
            let edges = [args.float("low"), args.float("high")];
            edges.into_iter().flatten().collect()
        }
        _ => args.floats("cutoff").unwrap_or_default(),
    }
}

/// Whether frequency 0 passes; refused where the word does not fit the number of edges.
fn passes_zero(args: &Args, edges: usize) -> Result<bool, OpError> {
    let word = match args.op().name.strip_prefix("fir.") {
        Some(word) => word,
        None => match args.text("pass_zero").unwrap_or("true") {
            "true" => return Ok(true),
            "false" => return Ok(false),
            word => word,
        },
    };
    let single = matches!(word, "lowpass" | "highpass");
    if single != (edges == 1) {
        let wanted = if single { "one edge" } else { "two or more" };
        return Err(OpError::param(
            "pass_zero",
            format!("`pass_zero` is {word}, which has {wanted}, and `cutoff` has {edges}"),
        ));
    }
    Ok(matches!(word, "lowpass" | "bandstop"))
}

fn window(args: &Args) -> Result<Taper, OpError> {
    match (args.text("window"), args.float("beta")) {
        (Some("kaiser"), None) => Err(OpError::param(
            "window",
            "the window kaiser needs `beta`".to_owned(),
        )
        .with_help("add `beta = 8.6`, which is like blackmanharris")),
        _ => tapers::taper(args, "hamming"),
    }
}

/// Numbers that are read from a stream of another type.
trait Loaded: Sized {
    fn load(from: Scalar, bytes: &[u8], into: &mut Vec<Self>);
}

impl Loaded for f64 {
    fn load(from: Scalar, bytes: &[u8], into: &mut Vec<f64>) {
        <f64 as Wide>::load(from, bytes, into);
    }
}

impl Loaded for f32 {
    /// Only streams of f32 and cf32 are filtered in f32.
    fn load(_: Scalar, bytes: &[u8], into: &mut Vec<f32>) {
        into.clear();
        into.extend_from_slice(bytemuck::cast_slice(bytes));
    }
}

/// A filter of the input's own numbers.
struct Fir<E> {
    /// Last tap first: in the order in which the history has its items. A filter that decimates has each tap
    /// once for each number of an item.
    taps: Vec<E>,
    /// Items that a tap can be away from the newest one.
    reach: usize,
    /// Numbers per item.
    stride: usize,
    /// One of so many outputs is computed.
    decimate: u64,
    level: Level,
    beginning: Vec<E>,
    /// What the agent's dials make of the taps.
    live: Option<Live<Vec<f64>>>,
}

/// The outputs of one call.
#[derive(Clone, Copy)]
struct Due {
    /// The unread item that the first one belongs to.
    next: usize,
    /// How many there are.
    count: usize,
    /// How many items are then done with.
    consumed: usize,
}

/// Last tap first; where it decimates, once for each number of an item.
fn laid<E: Number>(taps: &[f64], stride: usize, decimate: u64) -> Vec<E> {
    let repeats = if decimate == 1 { 1 } else { stride };
    let backwards = taps.iter().rev().map(|&h| E::nearest(h));
    let taps = backwards.flat_map(|h| std::iter::repeat_n(h, repeats));
    taps.collect()
}

impl<E: Number> Fir<E> {
    fn new(taps: &[f64], stride: usize, decimate: u64) -> Fir<E> {
        Fir {
            taps: laid(taps, stride, decimate),
            reach: taps.len() - 1,
            stride,
            decimate,
            level: Level::best(),
            beginning: Vec::new(),
            live: None,
        }
    }

    /// The same filter, of taps that follow its dials.
    fn live(self, live: Option<Live<Vec<f64>>>) -> Fir<E> {
        Fir { live, ..self }
    }

    /// The taps for these values of its dials, from here on.
    fn follow(&mut self, dials: &[f64]) {
        if let Some(taps) = self.live.as_mut().and_then(|live| live.turned(dials)) {
            self.taps = laid(&taps, self.stride, self.decimate);
        }
    }

    /// What there is to compute: output n belongs to item n * decimate.
    fn due(&self, input: &Input, output: &Output) -> Due {
        let (visible, space) = (input.len() as u64, output.space() as u64);
        let next = output.position() * self.decimate - input.position();
        let count = visible
            .saturating_sub(next)
            .div_ceil(self.decimate)
            .min(space);
        let until_full = next.saturating_add(count * self.decimate);
        Due {
            next: next.min(visible) as usize,
            count: count as usize,
            consumed: until_full.min(visible) as usize,
        }
    }

    /// Computes what is due after the first `past` items of `history`.
    fn filter(&mut self, history: &[E], past: usize, due: Due, room: &mut [E]) {
        if due.count == 0 {
            return;
        }
        let (stride, reach) = (self.stride, self.reach);
        let step = self.decimate as usize;
        let newest = past + due.next;
        let room = &mut room[..due.count * stride];
        // The stream has just begun: zeros stand for the items that there never were.
        let missing = reach.saturating_sub(newest);
        let early = missing.div_ceil(step).min(due.count);
        let (first, rest) = room.split_at_mut(early * stride);
        if early > 0 {
            let mut beginning = std::mem::take(&mut self.beginning);
            beginning.clear();
            beginning.resize(missing * stride, E::zeroed());
            let end = newest + (early - 1) * step + 1;
            beginning.extend_from_slice(&history[..end * stride]);
            self.compute(&beginning, first);
            self.beginning = beginning;
        }
        if early < due.count {
            let from = newest + early * step - reach;
            let end = newest + (due.count - 1) * step + 1;
            self.compute(&history[from * stride..end * stride], rest);
        }
    }

    /// Computes all of `out` of the items that its taps reach.
    fn compute(&self, history: &[E], out: &mut [E]) {
        let (level, taps, stride) = (self.level, &self.taps, self.stride);
        match self.decimate {
            1 => E::filter(level, taps, stride, history, out),
            decimate => {
                let step = decimate as usize * stride;
                E::dots(level, taps, stride, step, history, out);
            }
        }
    }
}

impl<E: Number> Agent for Fir<E> {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        self.follow(io.dials);
        let due = self.due(input, output);
        let (history, past) = input.past_elements::<E>();
        self.filter(history, past / self.stride, due, output.elements());
        input.consume(due.consumed);
        output.produce(due.count);
        Ok(Status::Ready)
    }
}

/// A filter of integers, made `f64` first.
struct Converted {
    takes: Scalar,
    fir: Fir<f64>,
    history: Vec<f64>,
}

impl Agent for Converted {
    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let (input, output) = (&mut io.inputs[0], &mut io.outputs[0]);
        self.fir.follow(io.dials);
        let due = self.fir.due(input, output);
        let (bytes, past_bytes) = input.past_elements::<u8>();
        let (past, item_len) = (past_bytes / input.item_len(), input.item_len());
        let known = &bytes[..(past + due.consumed) * item_len];
        <f64 as Loaded>::load(self.takes, known, &mut self.history);
        self.fir.filter(&self.history, past, due, output.elements());
        input.consume(due.consumed);
        output.produce(due.count);
        Ok(Status::Ready)
    }
}

#[cfg(test)]
mod tests {
    use crate::op::Value;
    use crate::operators::trial::{build, given, output};
    use crate::testing::{Chunks, Turn, run, run_turned};

    fn taps(taps: Vec<f64>) -> (&'static str, Value) {
        ("taps", taps.into())
    }

    #[test]
    fn the_response_to_one_1_is_the_taps() {
        let x = given("f64", &[1.0, 0.0, 0.0, 0.0, 0.0]);
        let y: Vec<f64> = output("fir", &[x], &[taps(vec![3.0, -2.0, 1.0])], None);
        assert_eq!(y, [3.0, -2.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn vectors_and_complex_numbers_are_filtered_each_by_itself() {
        let sums = || [taps(vec![1.0, 1.0])];
        let x = given("f32[2]", &[1.0f32, 10.0, 2.0, 20.0, 3.0, 30.0]);
        let y: Vec<[f32; 2]> = output("fir", &[x], &sums(), None);
        assert_eq!(y, [[1.0, 10.0], [3.0, 30.0], [5.0, 50.0]]);
        let x = given("cf64", &[1.0, 10.0, 2.0, 20.0, 3.0, 30.0]);
        let y: Vec<[f64; 2]> = output("fir", &[x], &sums(), None);
        assert_eq!(y, [[1.0, 10.0], [3.0, 30.0], [5.0, 50.0]]);
    }

    #[test]
    fn integers_become_f64() {
        let x = given("i16", &[1i16, -2, 3]);
        let y: Vec<f64> = output("fir", &[x], &[taps(vec![0.5, 0.25])], None);
        assert_eq!(y, [0.5, -0.75, 1.0]);
    }

    #[test]
    fn of_a_decimated_stream_every_nth_item_is_there() {
        let x: Vec<f64> = (0..300).map(|n| ((n * 7919) % 31) as f64).collect();
        let given_taps = || taps((1..=40).map(f64::from).collect());
        for item_type in ["f64", "f64[3]", "cf64", "f64[10]"] {
            let width = build(
                "fir",
                &[given::<f64>(item_type, &[])],
                &[given_taps()],
                None,
            );
            let width = width.unwrap().outputs[0].item_type.len_bytes() / 8;
            let all: Vec<f64> = output("fir", &[given(item_type, &x)], &[given_taps()], None);
            for every in [2, 7, 30, 40, 1000] {
                let params = [given_taps(), ("decimate", every.into())];
                let found: Vec<f64> = output("fir", &[given(item_type, &x)], &params, None);
                let kept = all.chunks_exact(width).step_by(every).flatten();
                assert!(found.iter().eq(kept), "{item_type} {every}");
            }
        }
        let params = [given_taps(), ("decimate", 4.into())];
        let slower = build("fir", &[given("i16", &[1i16]).rate(100.0)], &params, None);
        assert_eq!(slower.unwrap().outputs[0].rate, Some(25.0));
        let none = [given_taps(), ("decimate", 0.into())];
        let refused = build("fir", &[given("i16", &[1i16])], &none, None).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("decimate"));
    }

    #[test]
    fn an_infinity_is_gone_when_it_leaves_the_taps() {
        let mut x = vec![1.0f32; 200];
        x[3] = f32::INFINITY;
        let y: Vec<f32> = output("fir", &[given("f32", &x)], &[taps(vec![1.0; 70])], None);
        assert!(y[3..73].iter().all(|y| *y == f32::INFINITY));
        assert!(y[73..].iter().all(|y| *y == 70.0));
    }

    #[test]
    fn transforms_give_what_the_taps_give() {
        let h: Vec<f64> = (0..300).map(|n| (f64::from(n) * 0.7).sin()).collect();
        let x: Vec<f64> = (0..5000).map(|n| (f64::from(n * n) * 0.01).cos()).collect();
        let by = |method: &str| -> Vec<[f64; 2]> {
            let params = [taps(h.clone()), ("method", method.into())];
            output("fir", &[given("f64[2]", &x)], &params, None)
        };
        let (direct, blocks) = (by("direct"), by("fft"));
        assert_eq!(direct.len(), blocks.len());
        for (a, b) in direct.iter().zip(&blocks) {
            assert!((a[0] - b[0]).abs() < 1e-11 && (a[1] - b[1]).abs() < 1e-11);
        }
    }

    #[test]
    fn a_turned_filter_by_transforms_gives_what_the_new_taps_give_from_there_on() {
        let x: Vec<f64> = (0..5000).map(|n| (f64::from(n * n) * 0.01).cos()).collect();
        let bytes = [bytemuck::cast_slice(&x).to_vec()];
        let made = |cutoff: f64| {
            let params = [("cutoff", cutoff.into()), ("method", "fft".into())];
            let input = given::<f64>("f64", &[]).rate(100.0);
            build("fir.lowpass", &[input], &params, None).unwrap()
        };
        let all = |cutoff| run(made(cutoff), &bytes, Chunks::Whole, usize::MAX).unwrap();
        let (before, after) = (all(20.0), all(5.0));
        for seed in 0..20 {
            let turns = [Turn {
                at: 1000,
                dials: vec![5.0],
            }];
            let chunks = Chunks::Random(seed);
            let (found, since) =
                run_turned(made(20.0), &bytes, chunks, usize::MAX, &turns).unwrap();
            let (since, found) = (8 * since[0] as usize, &found[0]);
            assert!(since >= 8000 && found[..since] == before[0][..since]);
            assert!(found[since..] == after[0][since..], "seed {seed}");
        }
    }

    /// An operator, its parameters, the one that is refused.
    type Refused = (
        &'static str,
        Vec<(&'static str, Value)>,
        Option<&'static str>,
    );

    #[test]
    fn what_makes_no_filter_is_refused_by_its_parameter() {
        let cutoff = |f: f64| ("cutoff", Value::Float(f));
        let cases: Vec<Refused> = vec![
            ("fir", vec![], None),
            ("fir", vec![("taps", Value::List(vec![]))], Some("taps")),
            ("fir", vec![taps(vec![1.0]), cutoff(1.0)], Some("cutoff")),
            (
                "fir",
                vec![
                    taps(vec![1.0]),
                    ("method", "fft".into()),
                    ("decimate", 2.into()),
                ],
                Some("method"),
            ),
            ("fir", vec![cutoff(50.0)], Some("cutoff")),
            (
                "fir",
                vec![cutoff(1.0), ("ripple", 60.into())],
                Some("ripple"),
            ),
            (
                "fir",
                vec![cutoff(1.0), ("ripple", 60.into()), ("width", 0.into())],
                Some("width"),
            ),
            (
                "fir",
                vec![cutoff(1.0), ("numtaps", 0.into())],
                Some("numtaps"),
            ),
            ("fir", vec![cutoff(1.0), ("rate", 0.into())], Some("rate")),
            (
                "fir",
                vec![cutoff(1.0), ("window", "kaiser".into())],
                Some("window"),
            ),
            ("fir", vec![cutoff(1.0), ("beta", 5.into())], Some("beta")),
            (
                "fir",
                vec![cutoff(1.0), ("pass_zero", "bandpass".into())],
                Some("pass_zero"),
            ),
            (
                "fir",
                vec![cutoff(1.0), ("window", "gauss".into())],
                Some("window"),
            ),
            (
                "fir.highpass",
                vec![cutoff(1.0), ("numtaps", 10.into())],
                Some("numtaps"),
            ),
            (
                "fir.bandpass",
                vec![("low", 1.into()), ("high", 60.into())],
                Some("high"),
            ),
            (
                "fir.bandstop",
                vec![("low", 5.into()), ("high", 4.into())],
                Some("low"),
            ),
        ];
        for (op, params, expected) in cases {
            let x = given::<f64>("f64", &[]).rate(100.0);
            let error = build(op, &[x], &params, None).unwrap_err();
            assert_eq!(error.param.as_deref(), expected, "{op} {params:?}: {error}");
        }
        let error = build("fir", &[given::<u8>("text", &[])], &[taps(vec![1.0])], None);
        assert_eq!(error.unwrap_err().param.as_deref(), Some("in"));
        let unknown = build("fir", &[given::<f64>("f64", &[])], &[cutoff(1.0)], None);
        assert!(unknown.unwrap_err().message.contains("rate is not known"));
    }
}
