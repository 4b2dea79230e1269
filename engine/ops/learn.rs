//! Learning from a stream, and sketches of it: moments, quantiles, clusters, directions, counts.
//!
//! ```
//! use thalweg::prelude::*;
//!
//! let mut g = Graph::new("learn");
//! let x = g.source("x", ops::noise(1).items(1_000));
//! let points: Stream<[f64; 2]> = x.apply("points", ops::blocks(2));
//! let label = points.apply("label", ops::kmeans(3)).collect("labels");
//! let median = x.apply("median", ops::quantile().q(0.5).every(100)).collect("medians");
//! g.run_in_process()?;
//! assert!(label.items().iter().all(|cluster| *cluster < 3));
//! assert_eq!(median.items().len(), 10);
//! # Ok::<(), thalweg::Error>(())
//! ```

use super::kinds::{Kind, Length, List, Number, Numbers};
use super::rows::operators;
use crate::text::Text;
use thalweg_worker::types::Item;

operators! {
    struct Moments {
        /// One item out after every so many in, or a duration where the input's rate is known. In items, `1`
        /// unless told otherwise.
        every: impl Length,
    }

    /// Count, mean, variance, skewness and excess kurtosis of all items so far.
    ///
    /// One pass, without loss where the mean is large beside the spread (Welford 1962; Pébay, Sandia report
    /// SAND2008-6212, for the third and fourth moment).
    fn moments[E: Number]() -> <E, [f64; 5]> = "moments";

    struct Quantile {
        /// Which quantile, above 0 and below 1: 0.5 is the median. `0.5` unless told otherwise.
        q: f64,
        /// One item out after every so many in, or a duration where the input's rate is known. In items, `1`
        /// unless told otherwise.
        every: impl Length,
    }

    /// An estimate of a quantile of all items so far, in constant memory.
    ///
    /// The P-square algorithm (Jain and Chlamtac, CACM 28(10), 1985): five markers whose heights follow the
    /// quantile by parabolic interpolation.
    fn quantile[E: Number]() -> <E, f64> = "quantile";

    struct Tdigest {
        /// Which quantile, or quantiles, each from 0 (the least) to 1 (the greatest). `0.5` unless told otherwise.
        q: impl List,
        /// How many centroids at most, 10 to 1000. `100` unless told otherwise.
        compression: u64,
        /// One item out after every so many in, or a duration where the input's rate is known. In items, `1`
        /// unless told otherwise.
        every: impl Length,
    }

    /// Estimates of several quantiles of all items so far, whatever their order, best near the ends.
    ///
    /// A merging t-digest (Dunning and Ertl, arXiv:1902.04023). The rank of what it gives is off by at most about
    /// 2 pi sqrt(q (1 - q)) / `compression` of the items. An `f64`, or an array with one for each of several `q`.
    fn tdigest[E: Number, U: Item]() -> <E, U> = "tdigest";

    struct Regress {
        /// One item out after every so many in, or a duration where the input's rate is known. In items, `1`
        /// unless told otherwise.
        every: impl Length,
        ..with
    }

    /// Slope, intercept and correlation of all points (x, y) so far.
    ///
    /// Least squares of y on x, as `scipy.stats.linregress`, by running means and co-moments (Welford's
    /// update for two variables, Chan, Golub and LeVeque 1983), so a large mean costs no digits. Points are
    /// vectors of two, x and y; or numbers, which are y, x being their places; or x, with y as another stream
    /// (`with`).
    fn regress[T: Numbers]() -> <T, [f64; 4]> = "regress";

    /// As [`regress()`], of several x: all numbers of a point but the last are x, which is y. A slope for each, the
    /// intercept, the correlation, the count.
    fn regress_on[T: Numbers, U: Item]() -> <T, U> = "regress";

    struct Kmeans {
        /// The centres to begin with, one after the other: k times as many numbers as a point has.
        initial: impl List,
        /// One item out after every so many in, or a duration where the input's rate is known. In items, `1`
        /// unless told otherwise.
        every: impl Length,
    }

    /// Sequential k-means: each point goes to the nearest centre and draws it nearer.
    ///
    /// MacQueen's algorithm (1967): the nearest centre (Euclidean; of equals the first) moves by 1/n of the
    /// way to its n-th point, so a centre is the mean of the points it was given.
    fn kmeans[T: Numbers](k: u64) -> <T, u32> = "kmeans", output = "label";

    /// The centres of sequential k-means, k times the dimensions: see [`kmeans()`].
    fn kmeans_centers[T: Numbers, const N: usize](k: u64) -> <T, [f64; N]> = "kmeans", output = "centers";

    struct Pca {
        /// How much more the newest point weighs, 0 to 4: the paper's l, which forgets a poor start sooner.
        /// `0` unless told otherwise.
        amnesia: f64,
        /// One item out after every so many in, or a duration where the input's rate is known. In items, `1`
        /// unless told otherwise.
        every: impl Length,
    }

    /// Incremental principal components: directions, variances, or the points projected on them.
    ///
    /// Candid covariance-free incremental PCA (Weng, Zhang and Hwang, IEEE PAMI 25(8), 2003) of the points
    /// less their running mean: each component is drawn towards the point's part along it, the rest of the
    /// point goes on to the next component.
    fn pca[T: Numbers, const N: usize](components: u64) -> <T, [f64; N]> = "pca", output = "projection";

    /// The variance along each direction: see [`pca()`].
    fn pca_variance[T: Numbers, const N: usize](components: u64) -> <T, [f64; N]> = "pca", output = "variance";

    /// The directions, `components` unit vectors one after the other: see [`pca()`].
    fn pca_components[T: Numbers, const N: usize](components: u64) -> <T, [f64; N]> = "pca", output = "components";

    struct MisraGries {
        /// One item out after every so many in, or a duration where the input's rate is known. In items, `1`
        /// unless told otherwise.
        every: impl Length,
        /// Of texts, how long the longest may be that is kept; a longer one ends the run with its place. In
        /// bytes, `256` unless told otherwise.
        bytes: u64,
    }

    /// Heavy hitters: every key that is more than 1/(k+1) of all items is among its k candidates.
    ///
    /// Misra and Gries (Science of Computer Programming 2, 1982): a key that has a counter is counted, a new
    /// one takes a free counter, and where there is none all counters go down by one.
    fn misra_gries[E: Number, const N: usize](k: u64) -> <E, [i64; N]> = "misra_gries";

    /// Heavy hitters among texts, a line of JSON such as `[["get",12],["put",3]]`: see [`misra_gries()`].
    fn misra_gries_texts[](k: u64) -> <Text, Text> = "misra_gries";

    struct CountMin {
        /// Counters in a row. `4096` unless told otherwise.
        width: u64,
        /// Rows, at most 64. `5` unless told otherwise.
        depth: u64,
    }

    /// Count-min sketch: about how often each item's key has come so far.
    ///
    /// Cormode and Muthukrishnan (J. Algorithms 55, 2005): `depth` rows of `width` counters; a key adds to
    /// one counter of each row, and its count is the least of them.
    fn count_min[T: Kind]() -> <T, u64> = "count_min";

    struct Bloom {
        /// The share of new keys that may be taken for old ones, above 0 and below 1. `0.01` unless told
        /// otherwise.
        error: f64,
    }

    /// Bloom filter: 1 for an item whose key has come before (perhaps), 0 for a new one (for sure).
    ///
    /// Bloom (CACM 13(7), 1970), with m = -n ln(p) / ln(2)^2 bits and m / n ln(2) hashes for n = `items` keys
    /// and p = `error`: a key that came before always gives 1, a new one gives 1 with a probability of about
    /// `error` when `items` keys are in, and more beyond.
    fn bloom[T: Kind](items: u64) -> <T, u8> = "bloom";

    struct Hyperloglog {
        /// The registers are 2 to the power of this, 4 to 18. In bits, `14` unless told otherwise.
        precision: u64,
        /// One item out after every so many in, or a duration where the input's rate is known. In items, `1`
        /// unless told otherwise.
        every: impl Length,
    }

    /// HyperLogLog: about how many different keys have come so far.
    ///
    /// Flajolet, Fusy, Gandouet and Meunier (AofA 2007), with a hash of 64 bits and the estimator of Ertl
    /// (arXiv:1702.01284, 2017), which has no bias at small and middle numbers. Standard error 1.04 /
    /// sqrt(2^precision): 0.8 % at the default of 14, with 16 KiB.
    fn hyperloglog[T: Kind]() -> <T, f64> = "hyperloglog";

    struct Reservoir {
        /// Another seed, another sample. `0` unless told otherwise.
        seed: i64,
        /// Of texts, how long the longest may be that is kept; a longer one ends the run with its place. In
        /// bytes, `256` unless told otherwise.
        bytes: u64,
    }

    /// K items drawn from the whole stream, each as likely as any other, given at its end.
    ///
    /// Algorithm R (Vitter, ACM TOMS 11(1), 1985): the n-th item takes the place of a drawn one with
    /// probability k / n. The draws are a function of `seed` and the item's place alone, so the sample is the
    /// same whatever the placement, and after a kill.
    fn reservoir[T: Kind](k: u64) -> <T, T> = "reservoir";
}
