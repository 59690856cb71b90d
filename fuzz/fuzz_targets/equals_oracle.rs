//! On any articles, the crate finds and removes exactly what the oracle does.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/support/check.rs"]
mod check;
#[path = "../../tests/support/oracle.rs"]
mod oracle;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let articles: Vec<String> = text.split('\0').map(str::to_owned).collect();
    if let Err(difference) = check::check(&articles, 32, 8) {
        panic!("{difference}");
    }
});
