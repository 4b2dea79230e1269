//! Sound: effects, levels and mixing. A sound is a stream of real numbers, or of vectors with an element per channel.

pub mod echo;
pub mod gain;
pub mod level;
pub mod loudness;
pub mod mix;
pub mod pitch_shift;
pub mod reverb;

mod effect;
