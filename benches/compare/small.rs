//! Twenty small functions, each a few instructions: seen by the compiler at its call, called, or called through pointers.

macro_rules! functions {
    ($($name:ident = |$x:ident| $body:expr;)*) => {
        /// As closures and functions of the same program mostly are: the compiler sees into them.
        pub mod seen {
            $(#[inline(always)] pub fn $name($x: f64) -> f64 { $body })*
        }

        /// As functions of another crate mostly are: called.
        pub mod called {
            $(#[inline(never)] pub fn $name($x: f64) -> f64 { $body })*
        }

        /// As a program has them that chooses them while it runs.
        pub fn pointers() -> [fn(f64) -> f64; 20] {
            std::hint::black_box([$(called::$name),*])
        }

        /// `$then! { what f0 f1 .. }`, for a macro that does something with each.
        macro_rules! of_each {
            ($then:ident! $what:tt) => { $then! { $what $($name)* } };
        }
    };
}

functions! {
    f0 = |x| x + 1.0;
    f1 = |x| x * 0.5;
    f2 = |x| x - 3.0;
    f3 = |x| x.abs();
    f4 = |x| x.min(1e6);
    f5 = |x| 2.0 * x + 1.0;
    f6 = |x| x * x;
    f7 = |x| x.max(1e-3);
    f8 = |x| x.sqrt();
    f9 = |x| 1.0 - x;
    f10 = |x| x * 0.25;
    f11 = |x| x + 0.125;
    f12 = |x| x.max(-1e3);
    f13 = |x| x * x + 1.0;
    f14 = |x| x.sqrt();
    f15 = |x| x - 1.0;
    f16 = |x| x * 3.0;
    f17 = |x| x.min(1e3);
    f18 = |x| -x;
    f19 = |x| x + 10.0;
}

pub(crate) use of_each;
