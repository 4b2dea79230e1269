//! The operators: one file each, one row each in [`table`].

use std::sync::OnceLock;

use crate::connectors;
use crate::op::OpDef;

pub mod audio;
pub mod blocks;
pub mod bloom;
pub mod chirp;
pub mod constant;
pub mod contains;
pub mod copy;
pub mod count_by;
pub mod count_min;
pub mod counter;
pub(crate) mod course;
pub mod decimate;
pub mod delay;
pub mod detect;
pub mod dynamic_window;
pub mod elements;
pub mod elsewhere;
pub mod fft;
pub mod filter;
pub mod fir;
mod flat_map;
pub mod flow;
pub mod head;
pub mod hyperloglog;
pub mod iir;
pub mod impulses;
pub mod join;
pub mod json_field;
pub(crate) mod json_path;
pub mod kmeans;
pub mod letter_case;
pub mod lines;
pub mod lookup;
pub mod map;
pub mod merge;
pub mod misra_gries;
mod misra_gries_texts;
pub mod moments;
pub mod moving;
pub mod noise;
pub mod pca;
pub mod peaks;
pub mod quantile;
pub mod quench;
pub mod radio;
pub mod recursive_sta_lta;
pub mod regex;
pub mod regress;
pub mod repeat;
pub mod reservoir;
pub mod route;
pub mod scale;
pub mod scan;
pub mod sine;
pub mod smoothers;
pub mod spectra;
pub mod sta_lta;
pub mod tags;
pub mod tdigest;
pub mod text_format;
pub mod text_length;
pub mod text_pack;
pub mod text_parse;
pub mod threshold;
pub mod throttle;
pub mod timed;
pub mod timed_expr;
mod timed_window;
pub mod trigger;
pub mod waves;
pub mod weave;
pub mod window;
mod window_expr;
mod window_items;
mod window_scripts;
mod window_texts;
pub mod words;
pub mod zip;
mod zip_texts;

mod carried;
pub(crate) mod each;
mod json_lines;
mod keep;
mod kept_texts;
pub(crate) mod keys;
mod live;
mod live_numbers;
pub(crate) mod numbers;
pub(crate) mod pace;
mod positional;
mod stretches;
mod tapers;
mod texts;
#[cfg(test)]
pub(crate) mod trial;

/// Every operator, sorted by name.
pub fn table() -> &'static [&'static OpDef] {
    static TABLE: OnceLock<Vec<&'static OpDef>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let both = OPERATORS.iter().chain(connectors::CONNECTORS);
        let mut rows: Vec<&'static OpDef> = both.copied().collect();
        rows.sort_by_key(|op| op.name);
        rows
    })
}

/// The operator of this name.
pub fn find(name: &str) -> Option<&'static OpDef> {
    table().iter().find(|op| op.name == name).copied()
}

const OPERATORS: &[&OpDef] = &[
    &audio::echo::ECHO,
    &audio::gain::GAIN,
    &audio::level::LEVEL,
    &audio::loudness::LOUDNESS,
    &audio::mix::MIX,
    &audio::pitch_shift::PITCH_SHIFT,
    &audio::reverb::REVERB,
    &blocks::BLOCKS,
    &blocks::FLATTEN,
    &bloom::BLOOM,
    &chirp::CHIRP,
    &constant::CONST,
    &contains::CONTAINS,
    &copy::COPY,
    &count_by::COUNT_BY,
    &count_min::COUNT_MIN,
    &counter::COUNTER,
    &decimate::DECIMATE,
    &delay::DELAY,
    &detect::CUSUM,
    &detect::ZERO_CROSSINGS,
    &dynamic_window::DYNAMIC_WINDOW,
    &elements::NORM,
    &elements::PICK,
    &elements::UNSTACK,
    &fft::FFT,
    &fft::IFFT,
    &filter::FILTER,
    &flat_map::FLAT_MAP,
    &fir::BANDPASS,
    &fir::BANDSTOP,
    &fir::FIR,
    &fir::correlate::CORRELATE,
    &fir::rrc::RRC,
    &fir::HIGHPASS,
    &fir::LOWPASS,
    &fir::designed::DIFFERENTIATOR,
    &fir::designed::FIRLS,
    &fir::designed::REMEZ,
    &fir::hilbert::HILBERT,
    &fir::resample::RESAMPLE,
    &fir::smooth::SAVGOL,
    &flow::CHANGES,
    &flow::DIFF,
    &flow::SKIP,
    &flow::SKIP_WHILE,
    &flow::TAKE_WHILE,
    &head::HEAD,
    &hyperloglog::HYPERLOGLOG,
    &iir::BANDPASS,
    &iir::BANDSTOP,
    &iir::HIGHPASS,
    &iir::LOWPASS,
    &iir::comb::COMB,
    &iir::given::IIR,
    &iir::second::BIQUAD,
    &iir::second::DC_BLOCK,
    &iir::second::NOTCH,
    &iir::second::PEAK,
    &iir::transfer::LFILTER,
    &impulses::IMPULSES,
    &join::JOIN,
    &json_field::JSON_FIELD,
    &kmeans::KMEANS,
    &letter_case::LOWER,
    &letter_case::UPPER,
    &lines::LINES,
    &lookup::LOOKUP,
    &map::MAP,
    &merge::MERGE,
    &misra_gries::MISRA_GRIES,
    &moments::MOMENTS,
    &moving::MEDIAN,
    &moving::MOVING_AVERAGE,
    &moving::ZSCORE,
    &noise::NOISE,
    &pca::PCA,
    &peaks::PEAKS,
    &quantile::QUANTILE,
    &quench::QUENCH,
    &recursive_sta_lta::RECURSIVE,
    &regex::EXTRACT,
    &regex::MATCH,
    &regex::REPLACE,
    &regress::REGRESS,
    &radio::access_code::ACCESS_CODE,
    &radio::agc::AGC,
    &radio::bits::DECODE,
    &radio::bits::DESCRAMBLE,
    &radio::bits::ENCODE,
    &radio::bits::SCRAMBLE,
    &radio::channelizer::CHANNELIZER,
    &radio::clock::MM,
    &radio::gardner::GARDNER,
    &radio::costas::COSTAS,
    &radio::demod::AM,
    &radio::demod::FM,
    &radio::demod::PM,
    &radio::emphasis::DEEMPHASIS,
    &radio::emphasis::PREEMPHASIS,
    &radio::modulate::AM,
    &radio::modulate::FM,
    &radio::modulate::PM,
    &radio::pll::PLL,
    &radio::shift::SHIFT,
    &radio::slice::BINARY,
    &radio::slice::QPSK,
    &radio::squelch::SQUELCH,
    &repeat::KEEP_M_IN_N,
    &repeat::REPEAT,
    &reservoir::RESERVOIR,
    &route::ROUTE,
    &scale::SCALE,
    &scan::SCAN,
    &sine::SINE,
    &smoothers::EWMA,
    &smoothers::KALMAN,
    &spectra::cepstrum::CEPSTRUM,
    &spectra::cross::COHERENCE,
    &spectra::cross::CSD,
    &spectra::dct::DCT,
    &spectra::detrend::DETREND,
    &spectra::goertzel::GOERTZEL,
    &spectra::istft::ISTFT,
    &spectra::mel::MEL,
    &spectra::octaves::OCTAVES,
    &spectra::rfft::IRFFT,
    &spectra::rfft::RFFT,
    &spectra::spectrogram::SPECTROGRAM,
    &spectra::stft::STFT,
    &spectra::welch::WELCH,
    &sta_lta::STA_LTA,
    &tags::add::ADD,
    &tags::drop::DROP,
    &tags::mark::MARK,
    &tags::values::VALUES,
    &tdigest::TDIGEST,
    &text_format::TEXT_FORMAT,
    &text_length::TEXT_LENGTH,
    &text_pack::PACK,
    &text_pack::UNPACK,
    &text_parse::TEXT_PARSE,
    &threshold::THRESHOLD,
    &throttle::THROTTLE,
    &trigger::DRAIN,
    &trigger::GATE,
    &trigger::RELEASE,
    &trigger::SAMPLE,
    &timed::MIX,
    &timed::TIMED,
    &timed_window::WINDOW,
    &timed::ZIP,
    &waves::SAW,
    &waves::SQUARE,
    &waves::TRIANGLE,
    &weave::CONCAT,
    &weave::WEAVE,
    &window::WINDOW,
    &words::WORDS,
    &zip::ZIP,
];
