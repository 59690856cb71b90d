//! Numbers for tests, the same in every run.

use crate::index::to_usize;

/// Numbers that are random enough, each below what is asked for.
pub(crate) fn random(mut state: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        to_usize(state >> 33) % below
    }
}
