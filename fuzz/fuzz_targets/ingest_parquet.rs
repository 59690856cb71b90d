//! Any bytes as a Parquet file, and a sound one with a few bytes changed.
#![no_main]

#[path = "../support.rs"]
mod support;

use std::sync::{Arc, OnceLock};

use dedup::{Format, Options};
use libfuzzer_sys::fuzz_target;
use parquet::basic::{Compression, GzipLevel, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

fuzz_target!(|data: &[u8]| {
    static SOUND: OnceLock<[Vec<u8>; 5]> = OnceLock::new();
    let sound = SOUND.get_or_init(|| {
        // The library panics on some damaged files, on a thread of its own whose panics are errors of
        // the file. The fuzzer would count them.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if std::thread::current().name() != Some("dedup-parquet") {
                hook(panic);
            }
        }));
        let zstd = Compression::ZSTD(ZstdLevel::default());
        let gzip = Compression::GZIP(GzipLevel::default());
        [Compression::UNCOMPRESSED, Compression::SNAPPY, zstd, gzip, Compression::LZ4_RAW].map(file)
    });
    let [kind, read_buffer, changes @ ..] = data else { return };
    let bytes = match sound.get(usize::from(kind >> 1 & 7)) {
        None => changes.to_vec(),
        Some(sound) => {
            let mut file = sound.clone();
            for change in changes.chunks_exact(3) {
                let at = usize::from(u16::from_le_bytes([change[0], change[1]])) % file.len();
                file[at] ^= change[2];
            }
            file
        }
    };
    let mut options = Options::new();
    options.format(Format::Parquet).strict_encoding(kind & 1 != 0).id_field("meta.id");
    support::ingest(options, "input.parquet", *read_buffer, &bytes);
});

/// Two row groups of a text that may be null, a number in a group, and a day.
fn file(compression: Compression) -> Vec<u8> {
    let schema = "message schema {
        OPTIONAL BYTE_ARRAY text (UTF8);
        OPTIONAL group meta { REQUIRED INT64 id; }
        REQUIRED INT64 date (TIMESTAMP_MILLIS);
    }";
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer =
        SerializedFileWriter::new(Vec::new(), schema, properties.into()).expect("a writer");
    for _ in 0..2 {
        let mut group = writer.next_row_group().expect("a row group");
        let mut column = group.next_column().expect("memory").expect("a column");
        let texts = ["one", "two", "one"].map(|text| ByteArray::from(text));
        let levels = [1, 0, 1, 1];
        column.typed::<ByteArrayType>().write_batch(&texts, Some(&levels), None).expect("texts");
        column.close().expect("a column");
        for levels in [Some([1; 4].as_slice()), None] {
            let mut column = group.next_column().expect("memory").expect("a column");
            let numbers = [1, 2, 3, 4];
            column.typed::<Int64Type>().write_batch(&numbers, levels, None).expect("numbers");
            column.close().expect("a column");
        }
        group.close().expect("a row group");
    }
    writer.into_inner().expect("a file")
}
