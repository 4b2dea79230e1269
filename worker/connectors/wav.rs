//! `wav.read`, `wav.write`: sound files.
//!
//! Headers are read here (RIFF, RF64 and BW64), and made by the `hound` crate; the samples are read and written at the
//! frame that was committed.

use std::cell::Cell;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::rc::Rc;

use bytemuck::{AnyBitPattern, Zeroable, pod_read_unaligned};
use hound::{SampleFormat, WavSpec, WavWriter};

use crate::agent::{AgentError, Blueprint, InPort, OutPort, StateSpec};
use crate::connectors::files::{Reader, Target};
use crate::connectors::params::{READ_FILE, WRITE_FILE};
use crate::connectors::placed::Placed;
use crate::connectors::records::{Convert, Count, RecordReader, RecordWriter};
use crate::connectors::sound::{
    CHANNEL, Encoding, HALF_RANGE, chosen_channel, item_type, read_convert, read_scalar,
};
use crate::op::{Args, Arity, OpDef, OpError, ParamDef, ParamKind};
use crate::types::Scalar;

mod writer;

use writer::{SoundWriter, Written};

/// The row of `wav.read`.
pub const WAV_READ: OpDef = OpDef {
    name: "wav.read",
    summary: "reads a WAV file",
    doc: "One item per frame: a number of a mono file, a vector with an element per channel of others, or the \
          one channel that `channel` picks. PCM of 8, 16, 24 and 32 bits and floats of 32 and 64, in RIFF, RF64 or BW64 files. Items are f32 between -1 and 1 \
          (or f64 by the agent's `dtype`): a PCM value over half its range, as soundfile does. With `dtype` i16 or i32 a PCM file's \
          integers are kept, shifted so that full scale is full scale. The stream's rate is the file's. Goes on \
          at the committed frame whatever is killed.",
    inputs: Arity::Source,
    outputs: "one stream of numbers, of vectors if there are several channels",
    params: &[READ_FILE, CHANNEL],
    example: "wav.read path=examples/data/pluck.wav ! null",
    deterministic: true,
    build: build_read,
};

/// The row of `wav.write`.
pub const WAV_WRITE: OpDef = OpDef {
    name: "wav.write",
    summary: "writes a WAV file",
    doc: "One frame per item; a vector's elements are its channels. Input is f32, f64, i16 or i32; floats between -1 and 1 fill an \
          integer format's range, what lies outside is clipped (the summary says how many samples), nan is 0, and rounding is to the nearest. What \
          `wav.read` read comes out the same (32-bit PCM as f64 or i32: f32 holds 24 bits). An existing file is replaced. The file is whole and playable after every step, and \
          written exactly once whatever is killed; it must be a regular file of less than 4 GiB.",
    inputs: Arity::One,
    outputs: "nothing",
    params: &[
        WRITE_FILE,
        ParamDef {
            name: "format",
            kind: ParamKind::Choice(&["i16", "i24", "i32", "f32"]),
            default: Some(""),
            unit: "",
            doc: "How a sample is kept. Default: f32 for floats, the input's type for integers.",
        },
        ParamDef {
            name: "rate",
            kind: ParamKind::Int,
            default: Some(""),
            unit: "Hz",
            doc: "Frames per second. Default: the stream's rate.",
        },
    ],
    example: "sine freq=440 rate=48000 items=4800 ! wav.write path=/dev/null",
    deterministic: true,
    build: build_write,
};

fn build_read(args: &Args) -> Result<Blueprint, OpError> {
    let reader = Reader::regular(args)?;
    let sound = Sound::read(&reader)?;
    let Format {
        encoding,
        channels,
        rate,
    } = sound.format;
    let channel = chosen_channel(args, channels)?;
    let scalar = read_scalar(args, encoding)?;
    let item_type = item_type(scalar, channel, channels);
    let rate = f64::from(rate);
    let agent = RecordReader {
        reader,
        start: sound.start,
        record_len: encoding.len_bytes() * usize::from(channels),
        count: Count::Exactly(sound.frames),
        convert: read_convert(encoding, scalar, channel.map(|k| (k, channels))),
        tags: Placed::default(),
    };
    Ok(Blueprint::new(agent)
        .state(StateSpec::of(0u64))
        .output(OutPort::new(item_type, Some(rate))))
}

/// Who writes into a pipe cannot come back to the header, and leaves 0 there or about the largest length that a signed or an
/// unsigned number holds: the samples then go on to the file's end. `riff_len` is the other length that was not filled in.
fn is_unknown(len: u64, riff_len: u64) -> bool {
    let is_huge = |len| matches!(len, 0x7fff_f000..=0x7fff_ffff | 0xffff_f000..=0xffff_ffff);
    is_huge(len) || len == 0 && (riff_len == 0 || is_huge(riff_len))
}

/// What a file's header says.
struct Sound {
    format: Format,
    /// The byte where the first frame starts.
    start: u64,
    frames: u64,
}

impl Sound {
    fn read(reader: &Reader) -> Result<Sound, OpError> {
        let name = reader.name();
        let refused = |why: String| {
            OpError::param("path", format!("{name}: {why}")).with_help(format!(
                "`ffmpeg -i {name} -c:a pcm_s24le out.wav` makes one that is read"
            ))
        };
        let layout = Layout::of(&mut BufReader::new(reader.look()?))
            .map_err(|e| refused(format!("cannot be read: {e}")))?;
        let no_sound = |why: String| refused(format!("is no WAV file that can be read: {why}"));
        let layout = layout.map_err(no_sound)?;
        let format = Format::of(&layout.format).map_err(no_sound)?;
        let frame_len = format.frame_len() as u64;
        let (start, found) = (layout.start, reader.len()?);
        let there = found.saturating_sub(start);
        let data_len = match layout.data_len {
            len if (len > there || len == 0) && is_unknown(len, layout.riff_len) => {
                there / frame_len * frame_len
            }
            0 if there > 0 && layout.riff_len <= start.saturating_sub(8) => {
                return Err(no_sound(format!(
                    "its header says that there are no samples, and {there} bytes follow it: it was not completed"
                ))
                .with_help(format!("`raw.read` with offset = {start} reads what is there")));
            }
            len => len,
        };
        if !data_len.is_multiple_of(frame_len) {
            let over = data_len % frame_len;
            return Err(no_sound(format!(
                "its samples end within a frame: {over} bytes of {frame_len} are left"
            )));
        }
        let needed = start.saturating_add(data_len);
        match found >= needed {
            true => Ok(Sound {
                format,
                start,
                frames: data_len / frame_len,
            }),
            false => Err(OpError::param("path", format!("{name} is {found} bytes long, and its header promises {needed}: it was cut short"))
                .with_help(format!("`raw.read` with offset = {start} reads what is there"))),
        }
    }
}

/// How frames are kept.
struct Format {
    encoding: Encoding,
    channels: u16,
    rate: u32,
}

impl Format {
    /// What the chunk `fmt ` says (Microsoft's WAVEFORMATEX and WAVEFORMATEXTENSIBLE); what is wrong with it.
    fn of(chunk: &[u8]) -> Result<Format, String> {
        const PCM: u16 = 1;
        const FLOAT: u16 = 3;
        const EXTENSIBLE: u16 = 0xFFFE;
        let word = |at: usize| -> Option<u16> {
            let bytes = chunk.get(at..at + 2)?;
            Some(u16::from_le_bytes([bytes[0], bytes[1]]))
        };
        let read = || Some((word(0)?, word(2)?, word(4)?, word(6)?, word(12)?, word(14)?));
        let Some((tag, channels, low, high, frame_len, bits)) = read() else {
            return Err("its format is cut short".to_owned());
        };
        let tag = match (tag, word(24)) {
            (EXTENSIBLE, Some(sub)) => sub,
            (EXTENSIBLE, None) => return Err("its format is cut short".to_owned()),
            (tag, _) => tag,
        };
        // Samples of fewer bits than their fields have are at the fields' upper ends.
        let field = 8 * u32::from(frame_len.checked_div(channels).unwrap_or(0));
        let encoding = match (tag, field, bits) {
            (PCM, 8, 1..=8) => Encoding::U8,
            (PCM, 16, 9..=16) => Encoding::I16,
            (PCM, 24, 17..=24) => Encoding::I24,
            (PCM, 32, 17..=32) => Encoding::I32,
            (FLOAT, 32, 32) => Encoding::F32,
            (FLOAT, 64, 64) => Encoding::F64,
            (PCM, ..) => {
                return Err(format!(
                    "its samples have {bits} bits in fields of {field}, and up to 8, 16, 24 and 32 are known"
                ));
            }
            (FLOAT, ..) => {
                return Err(format!(
                    "its floats have {bits} bits, and 32 and 64 are known"
                ));
            }
            _ => {
                return Err(format!(
                    "its samples are packed (format {tag:#06x}), and PCM and floats are known"
                ));
            }
        };
        let rate = u32::from(low) | u32::from(high) << 16;
        let format = Format {
            encoding,
            channels,
            rate,
        };
        if channels == 0 || rate == 0 {
            return Err(format!("it has {channels} channels at {rate} Hz"));
        }
        if format.frame_len() != usize::from(frame_len) {
            return Err(format!(
                "a frame of {channels} channels cannot have {frame_len} bytes"
            ));
        }
        Ok(format)
    }

    fn frame_len(&self) -> usize {
        self.encoding.len_bytes() * usize::from(self.channels)
    }
}

/// The parts of a file that tell of its sound.
struct Layout {
    format: Vec<u8>,
    /// The byte where the first frame starts.
    start: u64,
    /// Bytes of all frames.
    data_len: u64,
    /// Bytes of the file behind this number.
    riff_len: u64,
}

/// The longest format chunk there is has 40 bytes.
const FORMAT_LEN_MAX: u32 = 4096;

/// A length in the header of a file beyond 4 GiB: the chunk `ds64` has it (EBU Tech 3306, RF64).
const ELSEWHERE: u32 = u32::MAX;

impl Layout {
    /// Goes through the file's chunks to the samples; other ones (titles, markers) are passed over, with the byte of
    /// padding that follows an odd length. The inner error says why it is no such file.
    fn of(file: &mut (impl Read + Seek)) -> io::Result<Result<Layout, String>> {
        let cut_short = || Ok(Err("it ends within its header".to_owned()));
        let mut head = [0; 12];
        if !fill(file, &mut head)? {
            return cut_short();
        }
        if !matches!(&head[..4], b"RIFF" | b"RF64" | b"BW64") || &head[8..] != b"WAVE" {
            return Ok(Err("it does not begin with RIFF and WAVE".to_owned()));
        }
        let riff_len = u32::from_le_bytes(head[4..8].try_into().expect("four bytes"));
        let (mut format, mut long_len) = (Vec::new(), None);
        loop {
            let mut chunk = [0; 8];
            if !fill(file, &mut chunk)? {
                return cut_short();
            }
            let len = u32::from_le_bytes(chunk[4..].try_into().expect("four bytes"));
            match &chunk[..4] {
                b"data" if format.is_empty() => {
                    return Ok(Err("its samples come before their format".to_owned()));
                }
                b"data" => {
                    return Ok(Ok(Layout {
                        format,
                        start: file.stream_position()?,
                        data_len: match (len, long_len) {
                            (ELSEWHERE, Some(len)) => len,
                            _ => u64::from(len),
                        },
                        riff_len: u64::from(riff_len),
                    }));
                }
                b"fmt " if len <= FORMAT_LEN_MAX => {
                    format.resize(len as usize, 0);
                    if !fill(file, &mut format)? {
                        return cut_short();
                    }
                    file.seek_relative(i64::from(len % 2))?;
                }
                b"ds64" if len >= 28 => {
                    let mut lengths = [0; 16];
                    if !fill(file, &mut lengths)? {
                        return cut_short();
                    }
                    let len_bytes = lengths[8..].try_into().expect("eight bytes");
                    long_len = Some(u64::from_le_bytes(len_bytes));
                    file.seek_relative(i64::from(len) - 16 + i64::from(len % 2))?;
                }
                _ => file.seek_relative(i64::from(len) + i64::from(len % 2))?,
            }
        }
    }
}

/// Takes the next bytes of the file; false where it ends before.
fn fill(file: &mut impl Read, bytes: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(e) => Err(e),
    }
}

fn build_write(args: &Args) -> Result<Blueprint, OpError> {
    let input = args.input();
    let wanted = "f32, f64, i16, i32 or vectors of them";
    let (scalar, channels) = match input.item_type.elements() {
        Some((scalar @ (Scalar::F32 | Scalar::F64 | Scalar::I16 | Scalar::I32), n)) => (scalar, n),
        _ => {
            return Err(OpError::input_type("wav.write", input, wanted)
                .or_help("`map` with `dtype` converts"));
        }
    };
    let encoding = match (args.text("format"), scalar) {
        (Some("i16"), _) | (None, Scalar::I16) => Encoding::I16,
        (Some("i24"), _) => Encoding::I24,
        (Some("i32"), _) | (None, Scalar::I32) => Encoding::I32,
        _ => Encoding::F32,
    };
    let spec = write_spec(args, encoding, channels)?;
    let header_len = header_of(spec)?.len();
    let record_len = encoding.len_bytes() * channels;
    let target = Target::seekable(args)?;
    let name = target.name();
    let clipped = Rc::new(Cell::new(0));
    let frames = RecordWriter {
        target,
        header: Box::new(move |frames| sized_header(spec, &name, frames * record_len as u64)),
        header_len: header_len as u64,
        record_len,
        convert: write_convert(scalar, encoding, Rc::clone(&clipped)),
        pad_to: 2,
        records: Vec::new(),
    };
    Ok(Blueprint::new(SoundWriter { frames, clipped })
        .state(StateSpec::of(Written::zeroed()))
        .remarks(|state| Written::of(state).remark())
        .input(InPort::new(input.item_type.clone())))
}

fn write_spec(args: &Args, encoding: Encoding, channels: usize) -> Result<WavSpec, OpError> {
    let rate = match (args.float("rate"), args.input().rate) {
        (Some(rate), _) | (None, Some(rate)) => rate,
        (None, None) => {
            return Err(OpError::param(
                "rate",
                "the stream's rate is not known, and a WAV file needs one",
            )
            .with_help("add `rate = 48000`, here or at the source"));
        }
    };
    let frame_len = encoding.len_bytes() * channels;
    let rate_max = f64::from(u32::MAX) / frame_len as f64;
    if rate.fract() != 0.0 || !(1.0..=rate_max).contains(&rate) {
        let message = format!(
            "the rate is {rate}, and a WAV file's is a whole number from 1 to {rate_max:.0}"
        );
        return Err(OpError::param("rate", message).with_help("give `rate`, or resample"));
    }
    if frame_len > usize::from(u16::MAX) {
        let message = format!(
            "items of {channels} channels make frames of {frame_len} bytes, and a WAV file's have at most 65535"
        );
        return Err(OpError::param("in", message));
    }
    Ok(WavSpec {
        channels: channels as u16,
        sample_rate: rate as u32,
        bits_per_sample: 8 * encoding.len_bytes() as u16,
        sample_format: match encoding {
            Encoding::F32 => SampleFormat::Float,
            _ => SampleFormat::Int,
        },
    })
}

/// The header of a file without frames. Its last four bytes are the length of what follows it.
fn header_of(spec: WavSpec) -> Result<Vec<u8>, OpError> {
    let mut header = Cursor::new(Vec::new());
    WavWriter::new(&mut header, spec)
        .and_then(WavWriter::finalize)
        .map_err(|e| OpError::op(format!("no WAV file has frames like these: {e}")))?;
    Ok(header.into_inner())
}

/// The header of a file with so many bytes of frames.
fn sized_header(spec: WavSpec, name: &str, data_len: u64) -> Result<Vec<u8>, AgentError> {
    let mut header = header_of(spec).map_err(|e| AgentError::new(e.message))?;
    let end = header.len();
    let riff_len = data_len.next_multiple_of(2) + end as u64 - 8;
    let (Ok(data_len), Ok(riff_len)) = (u32::try_from(data_len), u32::try_from(riff_len)) else {
        return Err(AgentError::new(format!(
            "{name} would be longer than the 4 GiB that a WAV file can be; write parts, a smaller `format`, or `raw.write`"
        )));
    };
    header[4..8].copy_from_slice(&riff_len.to_le_bytes());
    header[end - 4..].copy_from_slice(&data_len.to_le_bytes());
    Ok(header)
}

/// From items to frames; `clipped` counts the samples that were.
fn write_convert(scalar: Scalar, encoding: Encoding, clipped: Rc<Cell<u64>>) -> Convert {
    match scalar {
        Scalar::F32 => write_samples(encoding, clipped, |x: f32| f64::from(x), |x: f32| x),
        Scalar::F64 => write_samples(encoding, clipped, |x: f64| x, |x: f64| x as f32),
        Scalar::I16 => write_samples(
            encoding,
            clipped,
            |x: i16| f64::from(x) / 32_768.0,
            |x: i16| f32::from(x) / 32_768.0,
        ),
        _ => write_samples(
            encoding,
            clipped,
            |x: i32| f64::from(x) / HALF_RANGE,
            |x: i32| (f64::from(x) / HALF_RANGE) as f32,
        ),
    }
}

/// From items of `T`: `unit` makes a sample's value between -1 and 1, `float` the same as it is kept in a float file.
fn write_samples<T: AnyBitPattern>(
    encoding: Encoding,
    clipped: Rc<Cell<u64>>,
    unit: impl Fn(T) -> f64 + Copy + 'static,
    float: impl Fn(T) -> f32 + 'static,
) -> Convert {
    let convert = match encoding {
        Encoding::F32 => return written(move |x| float(x).to_le_bytes()),
        Encoding::I16 => written(move |x| (quantised(unit(x), 32_768.0) as i16).to_le_bytes()),
        Encoding::I24 => written(move |x| {
            let [a, b, c, _] = quantised(unit(x), 8_388_608.0).to_le_bytes();
            [a, b, c]
        }),
        _ => written(move |x| quantised(unit(x), HALF_RANGE).to_le_bytes()),
    };
    Box::new(move |items, frames| {
        let samples = items.chunks_exact(size_of::<T>()).map(pod_read_unaligned);
        let beyond = samples.map(|x| u64::from(unit(x).abs() > 1.0));
        clipped.set(clipped.get() + beyond.sum::<u64>());
        convert(items, frames);
    })
}

/// The nearest integer, ties to even, clipped to `-half_range ..= half_range - 1`; nan is 0.
fn quantised(unit: f64, half_range: f64) -> i32 {
    (unit * half_range)
        .round_ties_even()
        .clamp(-half_range, half_range - 1.0) as i32
}

fn written<T: AnyBitPattern, const N: usize>(sample: impl Fn(T) -> [u8; N] + 'static) -> Convert {
    Box::new(move |items, frames| {
        let (frames, _) = frames.as_chunks_mut::<N>();
        let items = items.chunks_exact(size_of::<T>()).map(pod_read_unaligned);
        items
            .zip(frames)
            .for_each(|(item, frame)| *frame = sample(item));
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connectors::fixtures::{CUTS, bytes, cuts, golden, read, sink, source};
    use crate::connectors::npy::NPY_READ;
    use crate::op::Value;
    use crate::testing::{Chunks, run};

    const ENCODINGS: [&str; 7] = ["u8", "i16", "i24", "i32", "f32", "f64", "rf64"];

    #[test]
    fn every_encoding_is_read_as_libsndfile_reads_it() {
        for name in ENCODINGS {
            let expected = source(&NPY_READ, &golden(), &format!("wav_{name}.npy"), None, &[]);
            let expected = read(expected.unwrap(), Chunks::Whole).unwrap();
            for chunks in CUTS {
                let wav = source(&WAV_READ, &golden(), &format!("{name}.wav"), None, &[]).unwrap();
                assert_eq!(wav.outputs[0].item_type.to_string(), "f32[2]");
                assert_eq!(wav.outputs[0].rate, Some(44_100.0));
                assert!(read(wav, chunks).unwrap() == expected, "{name} {chunks:?}");
            }
        }
    }

    #[test]
    fn chunks_beside_the_sound_are_passed_over_with_their_padding() {
        let folder = tempfile::tempdir().unwrap();
        let whole = std::fs::read(golden().join("i16.wav")).unwrap();
        let expected = source(&WAV_READ, &golden(), "i16.wav", None, &[]).unwrap();
        let expected = read(expected, Chunks::Whole).unwrap();
        for (at, title) in [(12, "INFOodd"), (36, "INFOodd"), (36, "INFOeven"), (36, "")] {
            let mut chunk = b"LIST".to_vec();
            chunk.extend((title.len() as u32).to_le_bytes());
            chunk.extend(title.as_bytes());
            chunk.resize(chunk.len().next_multiple_of(2), 0);
            let file = [&whole[..at], &chunk, &whole[at..]].concat();
            std::fs::write(folder.path().join("titled.wav"), file).unwrap();
            let titled = source(&WAV_READ, folder.path(), "titled.wav", None, &[]).unwrap();
            assert!(
                read(titled, Chunks::Whole).unwrap() == expected,
                "{at} {title}"
            );
        }
    }

    #[test]
    fn one_channel_is_picked() {
        let sound =
            |params: &[(&str, Value)]| source(&WAV_READ, &golden(), "i24.wav", Some("i32"), params);
        let both = read(sound(&[]).unwrap(), Chunks::Whole).unwrap();
        for (k, chunks) in [(0, Chunks::Single), (1, Chunks::Random(5))] {
            let one = read(sound(&[("channel", Value::from(k))]).unwrap(), chunks).unwrap();
            let frames = both.chunks(8);
            let expected: Vec<u8> = frames
                .flat_map(|f| f[4 * k as usize..][..4].to_vec())
                .collect();
            assert_eq!(one, expected);
        }
        let error = sound(&[("channel", Value::from(2))]).unwrap_err();
        assert_eq!(
            error.message,
            "`channel` is 2, and the file has 2 (they count from 0)"
        );
    }

    #[test]
    fn what_was_read_is_written_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let cases = [
            ("i16", "f32"),
            ("i16", "i16"),
            ("i24", "f32"),
            ("i24", "i32"),
            ("i32", "f64"),
            ("i32", "i32"),
            ("f32", "f32"),
        ];
        for (name, dtype) in cases {
            let items = source(
                &WAV_READ,
                &golden(),
                &format!("{name}.wav"),
                Some(dtype),
                &[],
            );
            let items = read(items.unwrap(), Chunks::Whole).unwrap();
            for chunks in CUTS {
                let input = (&*format!("{dtype}[2]"), Some(44_100.0));
                let params = [("format", Value::from(name))];
                let writer = sink(&WAV_WRITE, folder.path(), "w.wav", input, &params).unwrap();
                run(writer, std::slice::from_ref(&items), chunks, usize::MAX).unwrap();
                let back = source(&WAV_READ, folder.path(), "w.wav", Some(dtype), &[]).unwrap();
                assert_eq!(back.outputs[0].rate, Some(44_100.0));
                assert!(
                    read(back, chunks).unwrap() == items,
                    "{name} {dtype} {chunks:?}"
                );
            }
        }
    }

    #[test]
    fn floats_outside_full_scale_are_clipped_and_nan_is_silence() {
        let folder = tempfile::tempdir().unwrap();
        let items = bytes(&[1.0f32, 2.0, -1.0, -7.0, f32::NAN, 0.25]);
        let params = [("format", Value::from("i16")), ("rate", Value::from(8000))];
        let writer = sink(&WAV_WRITE, folder.path(), "w.wav", ("f32", None), &params).unwrap();
        run(writer, &[items], Chunks::Whole, usize::MAX).unwrap();
        let back = source(&WAV_READ, folder.path(), "w.wav", Some("i16"), &[]).unwrap();
        let expected = bytes(&[32_767i16, 32_767, -32_768, -32_768, 0, 8192]);
        assert_eq!(read(back, Chunks::Whole).unwrap(), expected);
    }

    #[test]
    fn an_odd_length_is_filled_up_and_both_lengths_are_true() {
        let folder = tempfile::tempdir().unwrap();
        let params = [("format", Value::from("i24"))];
        let input = ("i32", Some(8000.0));
        let writer = sink(&WAV_WRITE, folder.path(), "w.wav", input, &params).unwrap();
        let items = bytes(&[256i32, 512, 768]);
        run(writer, &[items], Chunks::Single, usize::MAX).unwrap();
        let file = std::fs::read(folder.path().join("w.wav")).unwrap();
        let riff_len = u32::from_le_bytes(file[4..8].try_into().unwrap());
        assert_eq!((file.len(), riff_len), (78, 70));
        assert_eq!(file[64..], [9, 0, 0, 0, 1, 0, 0, 2, 0, 0, 3, 0, 0, 0]);
    }

    #[test]
    fn a_stream_without_a_rate_or_of_a_broken_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |item_type, rate, params: &[(&str, Value)]| {
            let writer = sink(
                &WAV_WRITE,
                folder.path(),
                "w.wav",
                (item_type, rate),
                params,
            );
            writer.unwrap_err().message
        };
        let zero = [("rate", Value::from(0))];
        assert!(refused("f32", None, &[]).contains("rate is not known"));
        assert!(refused("f32", Some(0.5), &[]).contains("the rate is 0.5"));
        assert!(refused("f32", None, &zero).contains("the rate is 0,"));
        assert!(refused("f32[16384]", Some(8000.0), &[]).contains("frames of 65536 bytes"));
        assert!(refused("u8", Some(8000.0), &[]).contains("takes f32, f64, i16, i32"));
    }

    #[test]
    fn many_channels_are_written_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let items = bytes(&(0..80).map(|n| n as f32 / 80.0).collect::<Vec<_>>());
        let input = ("f32[40]", Some(8000.0));
        let writer = sink(&WAV_WRITE, folder.path(), "w.wav", input, &[]).unwrap();
        run(
            writer,
            std::slice::from_ref(&items),
            Chunks::Whole,
            usize::MAX,
        )
        .unwrap();
        let back = source(&WAV_READ, folder.path(), "w.wav", None, &[]).unwrap();
        assert_eq!(read(back, Chunks::Whole).unwrap(), items);
    }

    #[test]
    fn more_than_a_wav_file_holds_is_an_error() {
        let spec = WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        assert!(sized_header(spec, "w.wav", (1 << 32) - 100).is_ok());
        let error = sized_header(spec, "w.wav", (1 << 32) - 36).unwrap_err();
        assert!(
            error
                .message
                .starts_with("w.wav would be longer than the 4 GiB")
        );
    }

    #[test]
    fn a_file_cut_at_any_byte_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ENCODINGS {
            let whole = std::fs::read(golden().join(format!("{name}.wav"))).unwrap();
            for len in cuts(whole.len()) {
                std::fs::write(folder.path().join("cut.wav"), &whole[..len]).unwrap();
                let error = source(&WAV_READ, folder.path(), "cut.wav", None, &[]).unwrap_err();
                assert_eq!(error.param.as_deref(), Some("path"), "{name} cut at {len}");
            }
        }
    }

    /// As programs leave it that write into a pipe.
    #[test]
    fn a_length_that_was_never_filled_in_means_up_to_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("piped.wav");
        let spec = WavSpec {
            channels: 2,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        for unknown in [u32::MAX, 0x7fff_ffff, 0x7fff_ffff - 36] {
            let mut bytes = sized_header(spec, "piped.wav", 0).unwrap();
            let end = bytes.len();
            bytes[end - 4..].copy_from_slice(&unknown.to_le_bytes());
            // Three frames, and one that was cut short.
            bytes.extend((1..=7i16).flat_map(i16::to_le_bytes));
            std::fs::write(&path, bytes).unwrap();
            let wav = source(&WAV_READ, folder.path(), "piped.wav", Some("i16"), &[]).unwrap();
            let expected: Vec<u8> = (1..=6i16).flat_map(i16::to_le_bytes).collect();
            assert_eq!(read(wav, Chunks::Whole).unwrap(), expected, "{unknown:#x}");
        }
    }

    /// Headers with up to two bytes changed: refused, or read to their end, never a panic.
    /// A file of one channel at 8 kHz: 16 bits of format, then `format`, these chunks and samples.
    fn made(bits: u16, frame_len: u16, riff_len: u32, chunks: &[(&[u8], &[u8])]) -> Vec<u8> {
        let mut file = b"RIFF".to_vec();
        file.extend_from_slice(&riff_len.to_le_bytes());
        file.extend_from_slice(b"WAVEfmt ");
        file.extend_from_slice(&16u32.to_le_bytes());
        for word in [1, 1, 8000, 0, 8000, 0, frame_len, bits] {
            file.extend_from_slice(&u16::to_le_bytes(word));
        }
        for (name, content) in chunks {
            file.extend_from_slice(name);
            file.extend_from_slice(content);
        }
        file
    }

    fn read_made(file: &[u8], dtype: &str) -> Result<Vec<u8>, OpError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("x.wav"), file).unwrap();
        let reader = source(&WAV_READ, folder.path(), "x.wav", Some(dtype), &[])?;
        Ok(read(reader, Chunks::Random(1)).unwrap())
    }

    #[test]
    fn fewer_bits_than_their_fields_are_at_the_upper_ends() {
        let wide = made(24, 4, 44, &[(b"data\x04\0\0\0", &[0, 1, 2, 3])]);
        let expected = i32::from_le_bytes([0, 1, 2, 3]);
        assert_eq!(read_made(&wide, "i32").unwrap(), bytes(&[expected]));
        let twelve = made(12, 2, 44, &[(b"data\x02\0\0\0", &[0x10, 0x80])]);
        assert_eq!(read_made(&twelve, "i16").unwrap(), bytes(&[-0x7ff0i16]));
        for (bits, frame_len) in [(17, 2), (33, 4), (0, 2), (16, 5), (8, 0), (8, 65_535)] {
            let odd = made(bits, frame_len, 44, &[(b"data\x04\0\0\0", &[0; 4])]);
            assert!(read_made(&odd, "i16").is_err(), "{bits} in {frame_len}");
        }
    }

    #[test]
    fn a_length_of_nothing_before_samples_is_not_taken_for_none() {
        let data: (&[u8], &[u8]) = (b"data\0\0\0\0", &[1, 0, 2, 0]);
        let streamed = made(16, 2, 0, &[data]);
        assert_eq!(read_made(&streamed, "i16").unwrap(), bytes(&[1i16, 2]));
        let error = read_made(&made(16, 2, 36, &[data]), "i16").unwrap_err();
        assert!(
            error.message.contains("no samples, and 4 bytes follow"),
            "{}",
            error.message
        );
        let list: (&[u8], &[u8]) = (b"data\0\0\0\0", b"LIST\x04\0\0\0INFO");
        assert_eq!(read_made(&made(16, 2, 48, &[list]), "i16").unwrap(), b"");
        assert_eq!(
            read_made(&made(16, 2, 36, &[(b"data\0\0\0\0", b"")]), "i16").unwrap(),
            b""
        );
    }

    #[test]
    fn chunks_of_odd_lengths_stand_before_and_behind_the_sound() {
        let file = made(
            8,
            1,
            62,
            &[
                (b"LIST\x05\0\0\0", b"INFOa\0"),
                (b"data\x03\0\0\0", &[0, 128, 255, 0]),
                (b"LIST\x04\0\0\0", b"INFO"),
            ],
        );
        assert_eq!(
            read_made(&file, "i16").unwrap(),
            bytes(&[i16::MIN, 0, 127 << 8])
        );
    }

    #[test]
    fn a_damaged_header_never_panics() {
        let folder = tempfile::tempdir().unwrap();
        let mut random = 20_240_611u64;
        let mut draw = || {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (random >> 33) as usize
        };
        for name in ENCODINGS {
            let whole = std::fs::read(golden().join(format!("{name}.wav"))).unwrap();
            for _ in 0..400 {
                let mut damaged = whole.clone();
                let changes = [(draw() % 68, draw()), (draw() % 68, draw())];
                for (at, byte) in changes {
                    damaged[at] = byte as u8;
                }
                std::fs::write(folder.path().join("bad.wav"), &damaged).unwrap();
                if let Ok(wav) = source(&WAV_READ, folder.path(), "bad.wav", None, &[]) {
                    let outcome = read(wav, Chunks::Whole);
                    assert!(outcome.is_ok(), "{name} {changes:?}: {outcome:?}");
                }
            }
        }
    }
}
