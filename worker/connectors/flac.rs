//! `flac.read`, `ogg.read`: compressed sound files.
//!
//! The `symphonia` crates part the files into packets and decode them. State is how many frames were given;
//! every packet says by itself which frames it holds, so that a successor seeks to the committed frame, and
//! so that a packet that is missing is noticed.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;

use symphonia::core::audio::sample::Sample;
use symphonia::core::audio::{Audio, GenericAudioBufferRef};
use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_VORBIS};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, SeekMode, SeekTo, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::units::Timestamp;
use symphonia::default::{get_codecs, get_probe};

use crate::agent::{Agent, AgentError, Blueprint, Io, OutPort, Outside, State, StateSpec, Status};
use crate::connectors::files::{Reader, failed};
use crate::connectors::params::READ_FILE;
use crate::connectors::records::Convert;
use crate::connectors::sound::{
    CHANNEL, Encoding, chosen_channel, item_type, read_convert, read_scalar,
};
use crate::op::{Args, Arity, OpDef, OpError};

mod rest;

use rest::{Sounding, header_start, sound_end, undecoded};

/// The row of `flac.read`.
pub const FLAC_READ: OpDef = OpDef {
    name: "flac.read",
    summary: "reads a FLAC file",
    doc: "One item per frame: a number of a mono file, a vector with an element per channel of others, or the \
          one channel that `channel` picks. Items are f32 between -1 and 1 (or f64 by the agent's `dtype`): a \
          value over half its range, as soundfile does. With `dtype` i16 or i32 the integers are kept, \
          shifted so that full scale is full scale. The stream's rate is the file's. Damage and missing parts \
          end the run with the frame (each block has a checksum). Goes on at the committed frame whatever is killed.",
    inputs: Arity::Source,
    outputs: "one stream of numbers, of vectors if there are several channels",
    params: &[READ_FILE, CHANNEL],
    example: "flac.read path=examples/data/formats/i24.flac ! null",
    deterministic: true,
    build: |args| build(args, &FLAC),
};

/// The row of `ogg.read`.
pub const OGG_READ: OpDef = OpDef {
    name: "ogg.read",
    summary: "reads an Ogg Vorbis file",
    doc: "One item per frame: a number of a mono file, a vector with an element per channel of others, or the \
          one channel that `channel` picks. Items are f32 (or f64 by the agent's `dtype`), where 1 is full \
          scale; loud passages may go beyond. The stream's rate is the file's. Of several sounds in a file the \
          first is read; a chain of sounds one after the other, codecs other than Vorbis, and files of more than \
          two channels (the decoder gives wrong samples of those) are refused: ffmpeg makes a WAV or FLAC file of them. \
          Goes on at the committed frame whatever is killed.",
    inputs: Arity::Source,
    outputs: "one stream of numbers, of vectors if there are several channels",
    params: &[READ_FILE, CHANNEL],
    example: "ogg.read path=examples/data/formats/tone.ogg ! null",
    deterministic: true,
    build: |args| build(args, &OGG),
};

/// What sets one kind of file apart.
struct Kind {
    /// As messages call it.
    name: &'static str,
    /// How `symphonia` calls the format.
    format: &'static str,
    codec: symphonia::core::codecs::audio::AudioCodecId,
    /// What decoded samples are made of.
    encoding: Encoding,
    /// How many frames before the wanted one a seek goes to.
    seek_before: u64,
    /// What a file begins with.
    mark: &'static str,
    /// Blocks follow each other, with nothing between them.
    has_blocks: bool,
    /// Of how many channels the decoder gives what other decoders give.
    most_channels: u16,
}

impl Kind {
    /// Whether the file begins as one of this kind.
    fn is_one(&self, file: &File) -> bool {
        let mut mark = [0; 4];
        header_start(file)
            .and_then(|start| file.read_exact_at(&mut mark, start))
            .is_ok_and(|()| mark == self.mark.as_bytes())
    }
}

const FLAC: Kind = Kind {
    name: "FLAC",
    format: "flac",
    codec: CODEC_ID_FLAC,
    encoding: Encoding::I32,
    // A block has at most 65535 frames: the committed one may be the end, which no block holds.
    seek_before: 1 << 16,
    mark: "fLaC",
    has_blocks: true,
    most_channels: 8,
};

const OGG: Kind = Kind {
    name: "Ogg Vorbis",
    format: "ogg",
    codec: CODEC_ID_VORBIS,
    encoding: Encoding::F32,
    // A Vorbis packet overlaps the one before it, and the last page alone does not say which frames it holds:
    // a seek goes back further than a page of 255 packets can reach.
    seek_before: 1 << 20,
    mark: "OggS",
    has_blocks: false,
    // symphonia-codec-vorbis 0.6.1 undoes the coupling of channels in ascending order, where Vorbis I, 4.3.5, wants
    // descending order: with more than one pair it gives other samples than libvorbis and ffmpeg.
    most_channels: 2,
};

fn build(args: &Args, kind: &'static Kind) -> Result<Blueprint, OpError> {
    let reader = Reader::regular(args)?;
    let name = reader.name();
    let sound = Sound::open(&reader, kind).map_err(|error| {
        OpError::param("path", error.message).with_help(format!(
            "`ffmpeg -i {name} out.wav` makes one for `wav.read`"
        ))
    })?;
    let (channels, rate) = (sound.channels, sound.rate);
    let channel = chosen_channel(args, channels)?;
    let scalar = read_scalar(args, kind.encoding)?;
    let agent = SoundReader {
        len_bytes: reader.len()?,
        reader,
        kind,
        sound: None,
        channels,
        convert: read_convert(kind.encoding, scalar, channel.map(|k| (k, channels))),
    };
    Ok(Blueprint::new(agent)
        .state(StateSpec::of(0u64))
        .output(OutPort::new(
            item_type(scalar, channel, channels),
            Some(f64::from(rate)),
        )))
}

/// A file as far as it is decoded.
struct Sound {
    kind: &'static Kind,
    name: String,
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    track: u32,
    channels: u16,
    rate: u32,
    /// How many frames the file says there are, where it does.
    frames: Option<u64>,
    /// The frames from `start` on: of each the samples of all channels, little-endian.
    start: u64,
    decoded: Vec<u8>,
    /// The next packet tells where in the file it is.
    is_lost: bool,
    file: File,
    /// Where in the file the sound ends.
    end_byte: u64,
    /// The bytes of the packet that was decoded last.
    last: Box<[u8]>,
}

impl Sound {
    fn open(reader: &Reader, kind: &'static Kind) -> Result<Sound, AgentError> {
        let name = reader.name();
        let look = || reader.look().map_err(|e| AgentError::new(e.message));
        let (file, looked_at) = (look()?, look()?);
        let is_one = kind.is_one(&looked_at);
        let unread = |e| failed(&name, "read", &e);
        let end = match kind.has_blocks {
            true => sound_end(&looked_at).map_err(unread)?,
            false => looked_at.metadata().map_err(unread)?.len(),
        };
        let sounding = Box::new(Sounding::new(file, end));
        let stream = MediaSourceStream::new(sounding, Default::default());
        let unknown = |error: Error| {
            AgentError::new(match (is_one, error) {
                (false, _) => format!(
                    "{name} is no {} file that can be read: it does not begin with {}",
                    kind.name, kind.mark
                ),
                (true, Error::IoError(e)) if e.kind() != ErrorKind::UnexpectedEof => {
                    format!("{name} cannot be read: {e}")
                }
                (true, Error::IoError(_)) => format!(
                    "{name} is damaged or cut short: it ends before the first block of sound"
                ),
                (true, Error::Unsupported(_)) => format!(
                    "{name} is no {} file that can be read: it has what is not known here, or its header is damaged",
                    kind.name
                ),
                (true, _) => format!("{name} is damaged in its header"),
            })
        };
        let format = get_probe()
            .probe(
                &Hint::new(),
                stream,
                FormatOptions::default(),
                MetadataOptions::default(),
            )
            .map_err(unknown)?;
        let found = format.format_info();
        if found.short_name != kind.format {
            return Err(AgentError::new(format!(
                "{name} is no {} file: it is {}",
                kind.name, found.long_name
            )));
        }
        let Some(track) = format.default_track(TrackType::Audio) else {
            return Err(AgentError::new(format!("{name} holds no sound")));
        };
        let parameters = track.codec_params.as_ref().and_then(|p| p.audio());
        let parameters = parameters
            .filter(|p| p.codec == kind.codec)
            .ok_or_else(|| {
                AgentError::new(format!(
                    "{name} holds no {} sound: it is of another codec",
                    kind.name
                ))
            })?;
        let (channels, rate) = spec_of(parameters)
            .ok_or_else(|| AgentError::new(format!("{name} does not say its channels and rate")))?;
        if channels > kind.most_channels {
            return Err(AgentError::new(format!(
                "{name} has {channels} channels: of {} files one or two are read, the decoder gives wrong samples of more",
                kind.name
            )));
        }
        let decoder = get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(unknown)?;
        let (track, frames) = (track.id, track.num_frames);
        Ok(Sound {
            kind,
            name,
            format,
            decoder,
            track,
            channels,
            rate,
            frames,
            start: 0,
            decoded: Vec::new(),
            is_lost: false,
            file: looked_at,
            end_byte: end,
            last: Box::default(),
        })
    }

    fn frame_len(&self) -> usize {
        self.kind.encoding.len_bytes() * usize::from(self.channels)
    }

    /// The frame after the decoded ones.
    fn end(&self) -> u64 {
        self.start + (self.decoded.len() / self.frame_len()) as u64
    }

    /// What is decoded from `frame` on, at least one frame; nothing at the file's end.
    fn at(&mut self, frame: u64) -> Result<&[u8], AgentError> {
        if frame < self.start || frame > self.end() {
            self.seek(frame)?;
        }
        while self.is_lost || frame >= self.end() {
            if !self.decode()? {
                return Ok(&[]);
            }
            if !self.is_lost && frame < self.start {
                return Err(self.damaged(frame, "its place is not found again"));
            }
        }
        let skipped = (frame - self.start) as usize * self.frame_len();
        Ok(&self.decoded[skipped..])
    }

    /// Goes to a packet at or before `frame`.
    fn seek(&mut self, frame: u64) -> Result<(), AgentError> {
        let to = SeekTo::Timestamp {
            ts: Timestamp::new(frame.saturating_sub(self.kind.seek_before) as i64),
            track_id: self.track,
        };
        let outcome = self.format.seek(SeekMode::Accurate, to);
        outcome.map_err(|e| self.failed(frame, e))?;
        self.decoder.reset();
        self.is_lost = true;
        Ok(())
    }

    /// Decodes the next packet; false at the end. A packet that does not follow the one before it is an error.
    fn decode(&mut self) -> Result<bool, AgentError> {
        let expected = self.end();
        let packet = loop {
            match self.format.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.track => break packet,
                Ok(Some(_)) => {}
                Ok(None) => return self.ended(expected),
                Err(Error::ResetRequired) => return Err(self.chained(expected)),
                Err(e) => return Err(self.failed(expected, e)),
            }
        };
        let decoded = match self.decoder.decode(&packet) {
            Ok(decoded) => decoded,
            Err(_) => return Err(self.damaged(expected, "what follows is no block")),
        };
        if decoded.is_empty() {
            return Ok(true);
        }
        if decoded.spec().channels().count() != usize::from(self.channels) {
            return Err(self.damaged(expected, "the number of channels changes"));
        }
        match decoded {
            GenericAudioBufferRef::S32(samples) => {
                interleave(samples, i32::to_le_bytes, &mut self.decoded);
            }
            GenericAudioBufferRef::F32(samples) => {
                interleave(samples, f32::to_le_bytes, &mut self.decoded);
            }
            _ => {
                self.decoded.clear();
                return Err(self.damaged(expected, "the samples are of another kind"));
            }
        }
        self.start = u64::try_from(packet.pts.get()).unwrap_or(0);
        self.last = packet.data;
        match self.is_lost || self.start == expected {
            true => {
                self.is_lost = false;
                Ok(true)
            }
            false if self.start == 0 => Err(self.chained(expected)),
            false => Err(self.damaged(
                expected,
                &format!(
                    "what follows is frame {}, what is between has a wrong checksum or is not there",
                    self.start
                ),
            )),
        }
    }

    /// The file has no more packets after so many frames.
    fn ended(&self, frames: u64) -> Result<bool, AgentError> {
        let rest = match self.kind.has_blocks {
            true => undecoded(&self.file, self.end_byte, &self.last),
            false => Ok(None),
        };
        let rest = rest.map_err(|e| failed(&self.name, "read", &e))?;
        match (rest, self.frames) {
            (Some(at), _) => Err(self.damaged(
                frames,
                &format!("the block at byte {at} has a wrong checksum or is cut short"),
            )),
            (None, Some(promised)) if promised > frames => Err(AgentError::new(format!(
                "{} ends after {frames} of the {promised} frames that it promises: it was cut short",
                self.name
            ))),
            (None, Some(promised)) if promised < frames => Err(AgentError::new(format!(
                "{} has {frames} frames, and its header promises {promised}: it is damaged",
                self.name
            ))),
            _ => Ok(false),
        }
    }

    /// What a decoder found, in our words.
    fn failed(&self, frame: u64, error: Error) -> AgentError {
        match error {
            Error::IoError(e) if e.kind() != ErrorKind::UnexpectedEof => {
                failed(&self.name, "read", &e)
            }
            Error::IoError(_) => self
                .ended(frame)
                .err()
                .unwrap_or_else(|| self.damaged(frame, "it ends within a block")),
            Error::SeekError(_) => self.damaged(frame, "its place is not found again"),
            _ => self.damaged(frame, "what follows is no block"),
        }
    }

    /// Sounds one after the other, as a concatenated file or a stream from the net has them.
    fn chained(&self, frame: u64) -> AgentError {
        AgentError::new(format!(
            "{} has another sound behind frame {frame}, and one is read; part them (`ffmpeg -i FILE out.wav` makes one of them)",
            self.name
        ))
    }

    fn damaged(&self, frame: u64, why: &str) -> AgentError {
        AgentError::new(format!(
            "{} is damaged at frame {frame}: {why}; get it again, or read what a player saves of it",
            self.name
        ))
    }
}

/// Makes `frames` the bytes of all channels' samples, frame by frame.
fn interleave<S: Sample>(
    samples: &impl Audio<S>,
    bytes: impl Fn(S) -> [u8; 4],
    frames: &mut Vec<u8>,
) {
    let channels = samples.num_planes();
    frames.resize(4 * channels * samples.frames(), 0);
    let (places, _) = frames.as_chunks_mut::<4>();
    for (channel, plane) in samples.iter_planes().enumerate() {
        let places = places[channel..].iter_mut().step_by(channels);
        for (place, sample) in places.zip(plane) {
            *place = bytes(*sample);
        }
    }
}

/// Channels and frames per second.
fn spec_of(parameters: &AudioCodecParameters) -> Option<(u16, u32)> {
    let channels = u16::try_from(parameters.channels.as_ref()?.count()).ok()?;
    let rate = parameters.sample_rate.filter(|rate| *rate > 0)?;
    (channels > 0).then_some((channels, rate))
}

/// State: how many frames were given (`u64`).
struct SoundReader {
    reader: Reader,
    /// The whole file's.
    len_bytes: u64,
    kind: &'static Kind,
    channels: u16,
    /// Once attached.
    sound: Option<Sound>,
    /// From frames to items.
    convert: Convert,
}

impl Agent for SoundReader {
    fn attach(&mut self, _: State<'_>) -> Result<(), AgentError> {
        let sound = Sound::open(&self.reader, self.kind)?;
        if sound.channels != self.channels {
            return Err(AgentError::new(format!(
                "{} has {} channels, and had {} when the run began: it was replaced",
                sound.name, sound.channels, self.channels
            )));
        }
        self.sound = Some(sound);
        Ok(())
    }

    fn work(&mut self, io: &mut Io<'_>) -> Result<Status, AgentError> {
        let sound = self.sound.as_mut().expect("attached before the first call");
        let (output, given) = (&mut io.outputs[0], io.state.get::<u64>());
        let before = output.produced();
        let frame_len = sound.frame_len();
        while !output.is_full() {
            let frames = match sound.at(*given) {
                Ok([]) => return Ok(Status::Done),
                Ok(frames) => frames,
                // What came before the trouble is given first, however the calls are cut.
                Err(_) if output.produced() > before => return Ok(Status::More),
                Err(error) => return Err(error),
            };
            let n = (frames.len() / frame_len).min(output.space());
            let len_bytes = n * output.item_len();
            (self.convert)(&frames[..n * frame_len], &mut output.bytes()[..len_bytes]);
            output.produce(n);
            *given += n as u64;
        }
        Ok(Status::More)
    }

    fn outside(&self, _: &[u8]) -> Outside {
        // Where a frame lies is not known without decoding: the file is held to be the same as a whole.
        self.reader.outside(0..self.len_bytes)
    }
}

#[cfg(test)]
mod tests;
