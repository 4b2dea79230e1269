//! What learns from a stream, and sketches.

use super::*;

pub(crate) fn cases() -> Vec<Case> {
    [learners(), sketches()].into_iter().flatten().collect()
}

fn learners() -> Vec<Case> {
    vec![
        case("moments").input("f64"),
        case("moments").input("i16").param("every", 7),
        case("quantile").input("f32").param("q", 0.9),
        case("quantile").input("u8").param("every", "0.5 s"),
        case("tdigest").input("f64").param("compression", 20),
        case("tdigest")
            .input("i16")
            .param("q", vec![0.0, 0.01, 0.5, 0.99, 1.0])
            .param("every", 100),
        case("regress").input("f64[2]"),
        case("regress")
            .input("f64[3]")
            .input("i16")
            .input_of("f32", 2000)
            .param("every", 5),
        case("regress").input("f32[2]").param("every", 9),
        case("regress")
            .input("f64")
            .input_of("i16", 2000)
            .param("every", 7),
        case("regress").input("f32").param("every", 100),
        case("kmeans").input("f64[3]").param("k", 4),
        case("kmeans")
            .input("f32[2]")
            .param("k", 2)
            .param("initial", vec![0.0, 1.0, 2.0, 3.0])
            .param("output", "centers")
            .param("every", 5),
        case("pca").input("f64[4]").param("components", 2),
        case("pca")
            .input("f32[3]")
            .param("components", 3)
            .param("amnesia", 2.0)
            .param("output", "components")
            .param("every", 6),
        case("pca")
            .input("f64[2]")
            .param("components", 2)
            .param("output", "variance"),
    ]
}

fn sketches() -> Vec<Case> {
    vec![
        case("misra_gries").input("u8").param("k", 3),
        case("misra_gries")
            .input("i64")
            .param("k", 8)
            .param("every", 11),
        case("misra_gries")
            .input_of("text", 600)
            .param("k", 4)
            .param("bytes", 2000),
        case("misra_gries")
            .input_of("text", 600)
            .param("k", 3)
            .param("every", 50)
            .param("bytes", 2000),
        case("count_min")
            .input("u8")
            .param("width", 100)
            .param("depth", 3),
        case("count_min").input("u16[2]").param("width", 300),
        case("count_min").input("text").param("width", 300),
        case("bloom").input("i32").param("items", 500),
        case("bloom")
            .input("u8[2]")
            .param("items", 50)
            .param("error", 0.2),
        case("bloom").input("bytes").param("items", 50),
        case("hyperloglog").input("u16").param("precision", 6),
        case("hyperloglog").input("text").param("every", 4),
        case("reservoir").input("f64").param("k", 50),
        case("reservoir")
            .input("i16[3]")
            .param("k", 5000)
            .param("seed", 9),
        case("reservoir")
            .input_of("text", 600)
            .param("k", 20)
            .param("bytes", 2000),
        case("reservoir")
            .input_of("bytes", 600)
            .param("k", 700)
            .param("bytes", 2000),
    ]
}
