//! What the processor can do.

#[cfg(target_arch = "x86_64")]
use std::sync::atomic::{AtomicU8, Ordering};

/// Sets of instructions that vector code is compiled for; each has those of the ones before.
///
/// For other architectures there is only what every processor of theirs has.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Those of every processor.
    Portable,
    /// AVX2, BMI1, BMI2, LZCNT and POPCNT: since 2013.
    Avx2,
    /// AVX-512 F, BW, VL and VBMI2 too: since 2019.
    Avx512,
}

/// The highest level that there is. Asked for often, so it is looked up once.
#[cfg(target_arch = "x86_64")]
#[inline]
pub(crate) fn level() -> Level {
    static FOUND: AtomicU8 = AtomicU8::new(0);
    match FOUND.load(Ordering::Relaxed) {
        1 => Level::Portable,
        2 => Level::Avx2,
        3 => Level::Avx512,
        _ => {
            let found = find_level();
            FOUND.store(found as u8 + 1, Ordering::Relaxed);
            found
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[cold]
fn find_level() -> Level {
    let avx2 = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("bmi1")
        && is_x86_feature_detected!("bmi2")
        && is_x86_feature_detected!("lzcnt")
        && is_x86_feature_detected!("popcnt");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vbmi2");
    match (avx2, avx512) {
        (false, _) => Level::Portable,
        (true, false) => Level::Avx2,
        (true, true) => Level::Avx512,
    }
}

/// Has the processor fetch the memory around an element without waiting for it. If there is no such
/// element, whatever is there or nothing is fetched, which is as harmless.
///
/// Beside loads, which do as much but hold up all that comes after them: 7 to 9 % of the time of an
/// ingest of debates.
#[inline]
pub(crate) fn prefetch<T>(elements: &[T], at: usize) {
    let element = elements.as_ptr().wrapping_add(at);
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction is part of the architecture, changes nothing but what the caches
        // hold, and takes any address.
        #[expect(unsafe_code, reason = "the one way to call it")]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(element.cast());
        }
    }
    // The standard library has it for no other architecture yet.
    #[cfg(target_arch = "aarch64")]
    // SAFETY: as above.
    #[expect(unsafe_code, reason = "the one way to call it")]
    unsafe {
        std::arch::asm!(
            "prfm pldl1keep, [{element}]",
            element = in(reg) element,
            options(readonly, nostack, preserves_flags),
        );
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = element;
}
