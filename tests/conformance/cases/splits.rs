//! One stream in, several out: `split_element`, `unzip`, `separate`.

use thalweg::prelude::*;

use super::elements::ints;
use super::joins::pair;
use crate::judge::{Case, Kept, rust};
use crate::vector::Json;

pub const CASES: &[Case] = &[
    rust(&["split_element", "split_list"], |v, g| {
        let (odd, even) = ints(v, g).split("parity", |x| x % 2 == 1);
        Kept::one("a", &odd).and("b", &even)
    }),
    rust(&["zip_then_unzip"], |v, g| {
        let (x, y) = pair(v, g);
        let (a, b) = x
            .zip(&y)
            .map("zipped", |x, y| [x, y])
            .unzip("parts", |[a, b]| (a, b));
        Kept::one("a", &a).and("b", &b)
    }),
    rust(&["separate"], |v, g| {
        let x = v
            .fed::<(i64, u32)>("x")
            .into_iter()
            .map(|(port, letter)| [port, i64::from(letter)]);
        let x = g.source("x", x.collect::<Vec<_>>());
        // A number below 0 counts from the end, as in IoTPy: here the program says so itself.
        let parts = x.route("parts", 3, |[port, _]| port.rem_euclid(3) as usize);
        let names = ["a", "b", "c"].into_iter().zip(&parts);
        names.fold(Kept::default(), |kept, (name, part)| {
            kept.and_as(name, part, |[_, letter]| (letter as u32).json())
        })
    }),
    rust(&["split_tuple"], |v, g| {
        let rows = g.source("x", v.fed::<[i64; 3]>("x"));
        let [a, b, c] = rows.unzip("parts", |row| row);
        Kept::one("a", &a).and("b", &b).and("c", &c)
    }),
    // Rows of different lengths: what a row does not have is `None`, and goes nowhere.
    rust(&["unzip"], |v, g| {
        let row = |row: Vec<i64>| [row.len() as i64, row[0], row.get(1).copied().unwrap_or(0)];
        let rows = v.fed::<Vec<i64>>("x").into_iter().map(row);
        let rows = g.source("x", rows.collect::<Vec<_>>());
        let (a, b) = rows.unzip("parts", |[len, a, b]| (a, (len > 1).then_some(b)));
        Kept::one("a", &a).and("b", &b)
    }),
    rust(&["multi_element"], |v, g| {
        let (x, y) = pair(v, g);
        let (a, b) = zip((&x, &y)).unzip("parts", |(x, y)| (x + y, x.max(y)));
        Kept::one("a", &a).and("b", &b)
    }),
    rust(&["multi_list"], |v, g| {
        let (x, y) = pair(v, g);
        let (a, b) = zip((&x, &y)).unzip("parts", |(x, y)| (x + y, x * y));
        Kept::one("a", &a).and("b", &b)
    }),
];
