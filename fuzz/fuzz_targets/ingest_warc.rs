//! Any bytes as an archive: as they are, as the block of a record, and as the body of a response,
//! chunked or packed.
#![no_main]

#[path = "../support.rs"]
mod support;

use std::io::Write;

use dedup::Options;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [kind, read_buffer, at, content @ ..] = data else { return };
    let mut options = Options::new();
    options.strict_encoding(kind & 1 != 0);
    let block = match kind >> 1 & 3 {
        0 => return support::ingest(options, "input.warc", *read_buffer, content),
        1 => content.to_vec(),
        2 => [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", content].concat(),
        _ => {
            let level = flate2::Compression::fast();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(content).expect("memory");
            let mut packed = encoder.finish().expect("memory");
            let at = usize::from(*at) % packed.len();
            packed[at] ^= kind & 0xf8;
            let headers: &[u8] =
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Type: text/html\r\n\r\n";
            [headers, &packed].concat()
        }
    };
    let headers = format!(
        "WARC/1.0\r\nWARC-Type: response\r\nContent-Type: application/http\r\n\
         Content-Length: {}\r\n\r\n",
        block.len(),
    );
    let archive = [headers.as_bytes(), &block, b"\r\n\r\n"].concat().repeat(2);
    support::ingest(options, "input.warc", *read_buffer, &archive);
});
