//! A design that follows its agent's dials: taps or sections, made anew when one is turned.

/// What was designed for the values that dials were built with, and how it is designed for others.
pub(crate) struct Live<T> {
    values: Vec<f64>,
    built: T,
    design: Design<T>,
}

/// What is for these values, if there is such a thing.
type Design<T> = Box<dyn Fn(&[f64]) -> Option<T>>;

impl<T: Clone> Live<T> {
    /// `built` is for `values`, the dials' own in their order; `design` gives what is for others, or nothing where there is no
    /// such thing: what was built holds then.
    pub(crate) fn new(
        values: &[f64],
        built: T,
        design: impl Fn(&[f64]) -> Option<T> + 'static,
    ) -> Live<T> {
        Live {
            values: values.to_vec(),
            built,
            design: Box::new(design),
        }
    }

    /// What holds for these values, if they are others than at the last call.
    ///
    /// It depends on the values alone: a successor that finds them turned goes on with the same bits.
    pub(crate) fn turned(&mut self, dials: &[f64]) -> Option<T> {
        if self.values == dials {
            return None;
        }
        self.values = dials.to_vec();
        Some(self.at(dials))
    }

    /// What holds for these values.
    pub(crate) fn at(&self, dials: &[f64]) -> T {
        (self.design)(dials).unwrap_or_else(|| self.built.clone())
    }
}
