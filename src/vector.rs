//! Blocks of 64 bytes, all of which are compared with something at once, without a branch.
//!
//! With the instructions named: what the compiler makes of loops over bytes depends on how a
//! program is built, and with one codegen unit or `lto = "fat"` an ingest took 1.3 to 2.4 times as
//! long.

#![expect(clippy::inline_always, reason = "to be compiled with the features of the caller")]

#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
mod neon;
#[cfg(any(
    test,
    not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little")))
))]
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::ops::{BitAnd, BitOr, Not, RangeInclusive};

/// Only for code that runs where the level was found that has the instructions, as what [`run`] and
/// `anchors::x86` call does: to load such a vector elsewhere is undefined.
#[cfg(target_arch = "x86_64")]
pub(crate) use self::x86::{Avx2, Avx512};
#[cfg(target_arch = "x86_64")]
use crate::processor::{Level, level};

/// What every processor of the architecture has.
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
pub(crate) type Baseline = neon::Neon;
#[cfg(target_arch = "x86_64")]
pub(crate) type Baseline = x86::Sse2;
#[cfg(not(any(target_arch = "x86_64", all(target_arch = "aarch64", target_endian = "little"))))]
pub(crate) type Baseline = portable::Portable;

/// Bytes of a block.
pub(crate) const BLOCK: usize = 64;

/// The bytes of a block.
pub(crate) trait Vector: Copy {
    type Mask: Mask;

    /// # Safety
    ///
    /// The processor must have the instructions for such vectors, of which this is the only way to
    /// make the first.
    #[expect(unsafe_code, reason = "as stated")]
    unsafe fn load(bytes: &[u8; BLOCK]) -> Self;

    fn store(self) -> [u8; BLOCK];

    /// Which bytes are `byte`.
    fn equal(self, byte: u8) -> Self::Mask;

    /// Which bytes are in `range`.
    fn within(self, range: RangeInclusive<u8>) -> Self::Mask;

    /// Which bytes are in `set`.
    fn among(self, set: &Set) -> Self::Mask;

    /// Whether there are instructions for the following, and all others of the level that has AVX-512.
    const MOVES: bool = false;

    /// Those bytes become `byte`.
    #[inline(always)]
    fn replace(self, mask: Self::Mask, byte: u8) -> Self {
        self.select(load(&[byte; BLOCK], 0), mask.bits())
    }

    /// Of two blocks, the bytes of the second where `mask` has ones.
    #[inline(always)]
    fn select(self, other: Self, mask: u64) -> Self {
        let (mut bytes, other) = (self.store(), other.store());
        for at in (0..BLOCK).filter(|at| mask >> at & 1 == 1) {
            bytes[at] = other[at];
        }
        load(&bytes, 0)
    }

    /// The bytes of which `mask` has ones, and zeros behind them.
    #[inline(always)]
    fn keep(self, mask: u64) -> [u8; BLOCK] {
        let mut kept = [0; BLOCK];
        let bytes = self.store();
        for (to, at) in (0..BLOCK).filter(|at| mask >> at & 1 == 1).enumerate() {
            kept[to] = bytes[at];
        }
        kept
    }
}

/// Some of the bytes of a block.
pub(crate) trait Mask:
    Copy + BitAnd<Output = Self> + BitOr<Output = Self> + Not<Output = Self>
{
    /// A bit for each byte.
    fn bits(self) -> u64;
}

/// A mask that is one already.
impl Mask for u64 {
    #[inline(always)]
    fn bits(self) -> u64 {
        self
    }
}

/// Bytes no two of which have the same lower half, so that the one that a byte may be is found by
/// one shuffle.
pub(crate) struct Set {
    bytes: &'static [u8],
    /// Each at its lower half.
    by_half: [u8; 16],
}

impl Set {
    pub(crate) const fn new(bytes: &'static [u8]) -> Self {
        let mut by_half = [0; 16];
        let mut half = 0;
        while half < 16 {
            // Of another lower half: no byte is that one.
            by_half[half as usize] = !half;
            half += 1;
        }
        let mut at = 0;
        while at < bytes.len() {
            let half = bytes[at] & 0x0F;
            assert!(by_half[half as usize] == !half, "two bytes with the same lower half");
            by_half[half as usize] = bytes[at];
            at += 1;
        }
        Self { bytes, by_half }
    }

    pub(crate) const fn bytes(&self) -> &'static [u8] {
        self.bytes
    }

    /// Each at its lower half; at halves that no byte has, any other.
    #[cfg(target_arch = "x86_64")]
    pub(crate) const fn by_half(&self) -> &[u8; 16] {
        &self.by_half
    }
}

/// The block of `bytes` from `at` on.
#[inline(always)]
pub(crate) fn load<V: Vector>(bytes: &[u8], at: usize) -> V {
    let block = bytes[at..].first_chunk().expect("BUG: no block");
    // SAFETY: who names such vectors found the instructions; see where those of more than the
    // baseline are exported.
    #[expect(unsafe_code, reason = "the one way to make a vector")]
    unsafe {
        V::load(block)
    }
}

/// The last bytes of a text, which are fewer, and zeros.
pub(crate) fn pad<const LEN: usize>(rest: &[u8]) -> [u8; LEN] {
    let mut padded = [0; LEN];
    padded[..rest.len()].copy_from_slice(rest);
    padded
}

/// What looks at blocks, and is compiled for each instruction set that makes it faster.
pub(crate) trait Task {
    type Output;

    /// To be inlined always.
    fn run<V: Vector>(self) -> Self::Output;
}

/// Runs a task with the best instructions that there are.
pub(crate) fn run<T: Task>(task: T) -> T::Output {
    #[cfg(target_arch = "x86_64")]
    match level() {
        // SAFETY: these are instructions of the level.
        #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
        Level::Avx512 => return unsafe { x86::run_avx512(task) },
        // SAFETY: as above.
        #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
        Level::Avx2 => return unsafe { x86::run_avx2(task) },
        Level::Portable => {}
    }
    task.run::<Baseline>()
}

/// Runs a task with each instruction set that there is, made anew each time, and gives what comes
/// out to `check`.
#[cfg(test)]
pub(crate) fn run_each<T: Task>(task: impl Fn() -> T, mut check: impl FnMut(T::Output)) {
    check(task().run::<portable::Portable>());
    check(task().run::<Baseline>());
    #[cfg(target_arch = "x86_64")]
    if level() >= Level::Avx2 {
        // SAFETY: these are instructions of the level.
        #[expect(unsafe_code, reason = "the one way to call code for other instructions")]
        check(unsafe { x86::run_avx2(task()) });
    }
    check(run(task()));
}

#[cfg(test)]
mod tests {
    use std::array::from_fn;

    use super::*;

    struct Comparisons;

    impl Task for Comparisons {
        type Output = ();

        #[inline(always)]
        fn run<V: Vector>(self) {
            let bytes: [u8; 256] = from_fn(|at| (at * 101 % 256).try_into().unwrap());
            for block in bytes.as_chunks::<BLOCK>().0 {
                let vector = load::<V>(block, 0);
                assert_eq!(vector.store(), *block);
                for bytes in [&b"\t\n\x0B\x0C\r "[..], b"\x85\xA8\xA9", b"\x80\xC2\x7F", b""] {
                    let among = vector.among(&Set::new(bytes)).bits();
                    for (at, byte) in block.iter().enumerate() {
                        assert_eq!(among >> at & 1 == 1, bytes.contains(byte), "{byte}");
                    }
                }
                for byte in 0..=u8::MAX {
                    let expected = |is: &dyn Fn(u8) -> bool| {
                        block.iter().rev().fold(0_u64, |bits, &it| bits << 1 | u64::from(is(it)))
                    };
                    let equal = vector.equal(byte);
                    assert_eq!(equal.bits(), expected(&|it| it == byte));
                    for end in [byte, byte.saturating_add(3), byte.saturating_add(64), u8::MAX] {
                        let range = byte..=end;
                        let within = vector.within(range.clone());
                        assert_eq!(within.bits(), expected(&|it| range.contains(&it)));
                        assert_eq!((!within).bits(), !within.bits());
                        let odd = vector.within(0x7F..=0xA0);
                        assert_eq!((within & odd).bits(), within.bits() & odd.bits());
                        assert_eq!((within | odd).bits(), within.bits() | odd.bits());
                        let replaced = vector.replace(within, byte).store();
                        let by_byte = block.map(|it| if range.contains(&it) { byte } else { it });
                        assert_eq!(replaced, by_byte);
                    }
                }
            }
        }
    }

    #[test]
    fn bytes_compare_alike_on_every_instruction_set() {
        run_each(|| Comparisons, |()| {});
    }

    struct Moves([u8; BLOCK], u64);

    impl Task for Moves {
        type Output = ([u8; BLOCK], [u8; BLOCK]);

        #[inline(always)]
        fn run<V: Vector>(self) -> Self::Output {
            let Self(block, mask) = self;
            let vector = load::<V>(&block, 0);
            let other = load::<V>(&block.map(|byte| !byte), 0);
            (vector.select(other, mask).store(), vector.keep(mask))
        }
    }

    #[test]
    fn bytes_move_alike_on_every_instruction_set() {
        let mut state = 1_u64;
        let block: [u8; BLOCK] = from_fn(|at| (at * 101 % 256).try_into().unwrap());
        let odd = [0, 1, u64::MAX, 1 << 63, 1 << 31, u64::MAX >> 1];
        let random = from_fn::<_, 100, _>(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            state ^ state >> 29
        });
        for mask in odd.into_iter().chain(random) {
            let has = |at: &usize| mask >> at & 1 == 1;
            let selected = from_fn(|at| if has(&at) { !block[at] } else { block[at] });
            let mut kept: Vec<u8> = (0..BLOCK).filter(has).map(|at| block[at]).collect();
            kept.resize(BLOCK, 0);
            run_each(
                || Moves(block, mask),
                |(by_mask, together)| {
                    assert_eq!(by_mask, selected);
                    assert_eq!(together[..], kept);
                },
            );
        }
    }
}
