//! Loops that the compiler puts into vectors, compiled for any processor, for those with AVX2, and for those with AVX-512.

/// Makes a function that runs a copy of itself compiled for the widest vectors that the processor has.
///
/// All copies give the same bits: the compiler fuses no multiplication with an addition by itself, so each number is rounded as often.
macro_rules! compiled_for_vectors {
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
                #[target_feature(enable = "avx2,avx512f,avx512vl,avx512dq")]
                fn avx512 $(<$($generic: $bound),+>)? ($($arg: $type),*) $(-> $result)? {
                    plain $(::<$($generic),+>)? ($($arg),*)
                }
                if std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512vl")
                    && std::arch::is_x86_feature_detected!("avx512dq")
                {
                    // SAFETY: the processor has what the function is compiled for: just asked.
                    return unsafe { avx512 $(::<$($generic),+>)? ($($arg),*) };
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
