//! On any articles, the crate finds and removes exactly what the oracle does.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/support/check.rs"]
mod check;
#[path = "../../tests/support/oracle.rs"]
mod oracle;
#[path = "../text.rs"]
mod text;

fuzz_target!(|input: (u8, &[u8])| {
    let (script, data) = input;
    let text = text::of_script(script, data);
    let articles: Vec<String> = text.split('\0').map(str::to_owned).collect();
    if let Err(difference) = check::check(&articles, 32, 8) {
        panic!("{difference}");
    }
});
