//! Texts and bytes in rows: `zip((&names, &x)).map("y", |(name, x)| ..)`, and rows that become texts.

use bytemuck::Pod;
use thalweg_worker::closures::{self, EachFrame, NoWindow, Rows};

use super::{Bytes, Framed, Text, TextBytes};
use crate::graph::{Handle, Placed};
use crate::rows::{InRows, Zipped, ZippedWith};
use crate::stream::Stream;

macro_rules! in_rows {
    ($($kind:ident)*) => {$(
        impl InRows for &Stream<$kind> {
            type Column = EachFrame<$kind>;

            fn in_rows(self) -> (Handle, Result<EachFrame<$kind>, NoWindow>, u64) {
                (self.handle().clone(), Ok(EachFrame::new()), 1)
            }
        }
    )*};
}

in_rows! { Text Bytes }

impl<R: Rows> Zipped<R> {
    /// Gives the text `f(row)` for each row.
    #[track_caller]
    pub fn to_text<G, F>(self, name: &str, mut f: F) -> Stream<Text>
    where
        G: AsRef<str> + 'static,
        F: for<'a> FnMut(R::Args<'a>) -> G + 'static,
    {
        self.with_state(()).to_text(name, move |(), row| f(row))
    }

    /// Gives the bytes `f(row)` for each row.
    #[track_caller]
    pub fn to_bytes<B, F>(self, name: &str, mut f: F) -> Stream<Bytes>
    where
        B: AsRef<[u8]> + 'static,
        F: for<'a> FnMut(R::Args<'a>) -> B + 'static,
    {
        self.with_state(()).to_bytes(name, move |(), row| f(row))
    }
}

impl<R: Rows, S: Pod> ZippedWith<R, S> {
    /// Gives the text `f(state, row)` for each row.
    #[track_caller]
    pub fn to_text<G, F>(self, name: &str, mut f: F) -> Stream<Text>
    where
        G: AsRef<str> + 'static,
        F: for<'a> FnMut(&mut S, R::Args<'a>) -> G + 'static,
    {
        self.framed(name, move |state, row| TextBytes(f(state, row)))
    }

    /// Gives the bytes `f(state, row)` for each row.
    #[track_caller]
    pub fn to_bytes<B, F>(self, name: &str, f: F) -> Stream<Bytes>
    where
        B: AsRef<[u8]> + 'static,
        F: for<'a> FnMut(&mut S, R::Args<'a>) -> B + 'static,
    {
        self.framed(name, f)
    }

    #[track_caller]
    fn framed<K, B, F>(self, name: &str, f: F) -> Stream<K>
    where
        K: Framed,
        B: AsRef<[u8]> + 'static,
        F: for<'a> FnMut(&mut S, R::Args<'a>) -> B + 'static,
    {
        let step = Some(self.zipped.step);
        Stream::of(self.zipped.agent(name, step, |rows| {
            closures::frames_of_rows(rows, self.init, K::item_type(), f)
        }))
    }
}
