//! thalweg-ringbuf
