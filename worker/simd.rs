//! Loops that the compiler puts into vectors, compiled once for any processor and once for those with AVX2.

/// Makes a function that runs a copy of itself compiled for AVX2 where the processor has it.
///
/// Both copies give the same bits: AVX2 has no fused operations, so each number is rounded as often.
macro_rules! compiled_for_avx2 {
    ($(#[$meta:meta])* $vis:vis fn $name:ident $(<$($generic:ident: $bound:path),+>)?
     ($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block) => {
        $(#[$meta])*
        $vis fn $name $(<$($generic: $bound),+>)? ($($arg: $type),*) $(-> $result)? {
            #[inline(always)]
            fn plain $(<$($generic: $bound),+>)? ($($arg: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2")]
                fn avx2 $(<$($generic: $bound),+>)? ($($arg: $type),*) $(-> $result)? {
                    plain $(::<$($generic),+>)? ($($arg),*)
                }
                if std::arch::is_x86_feature_detected!("avx2") {
                    // SAFETY: the processor has what the function is compiled for: just asked.
                    return unsafe { avx2 $(::<$($generic),+>)? ($($arg),*) };
                }
            }
            plain $(::<$($generic),+>)? ($($arg),*)
        }
    };
}
