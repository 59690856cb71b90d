//! Any bytes as a Parquet file, and a sound one with a few bytes changed.
#![no_main]

#[path = "../support.rs"]
mod support;

use std::sync::{Arc, OnceLock};

use dedup::{Format, Options};
use libfuzzer_sys::fuzz_target;
use parquet::basic::{Compression, Encoding, GzipLevel, ZstdLevel};
use parquet::data_type::{ByteArray, ByteArrayType, Int64Type};
use parquet::file::properties::{WriterProperties, WriterVersion};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

fuzz_target!(|data: &[u8]| {
    static SOUND: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
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
        [Compression::UNCOMPRESSED, Compression::SNAPPY, zstd, gzip, Compression::LZ4_RAW]
            .into_iter()
            .flat_map(|packed| {
                let properties = WriterProperties::builder().set_compression(packed);
                // Without a dictionary the pages of text are what is packed.
                let second = properties
                    .clone()
                    .set_writer_version(WriterVersion::PARQUET_2_0)
                    .set_column_encoding("text".into(), Encoding::DELTA_BYTE_ARRAY)
                    .set_dictionary_enabled(false)
                    .set_write_batch_size(1)
                    .set_data_page_row_count_limit(2);
                let plain = properties.clone().set_dictionary_enabled(false);
                [(properties.clone(), 1), (properties, 2), (plain, 1), (second, 1)]
            })
            .map(|(properties, times)| file(properties.build(), times))
            .collect()
    });
    let [kind, read_buffer, changes @ ..] = data else { return };
    let bytes = match sound.get(usize::from(kind >> 1 & 31)) {
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

/// Two row groups of a text that may be null, a number in a group, and a day, which may come more
/// than once.
fn file(properties: WriterProperties, dates: usize) -> Vec<u8> {
    let date = "REQUIRED INT64 date (TIMESTAMP_MILLIS);".repeat(dates);
    let schema = format!(
        "message schema {{
            OPTIONAL BYTE_ARRAY text (UTF8);
            OPTIONAL group meta {{ REQUIRED INT64 id; }}
            {date}
        }}"
    );
    let schema = Arc::new(parse_message_type(&schema).expect("a schema"));
    let mut writer =
        SerializedFileWriter::new(Vec::new(), schema, properties.into()).expect("a writer");
    for _ in 0..2 {
        let mut group = writer.next_row_group().expect("a row group");
        let mut column = group.next_column().expect("memory").expect("a column");
        let texts = ["one ", "two ", "one "].map(|text| ByteArray::from(text.repeat(60).as_str()));
        let levels = [1, 0, 1, 1];
        column.typed::<ByteArrayType>().write_batch(&texts, Some(&levels), None).expect("texts");
        column.close().expect("a column");
        let all = [1; 4];
        for levels in std::iter::once(Some(all.as_slice())).chain(std::iter::repeat_n(None, dates))
        {
            let mut column = group.next_column().expect("memory").expect("a column");
            let numbers = [1, 2, 3, 4];
            column.typed::<Int64Type>().write_batch(&numbers, levels, None).expect("numbers");
            column.close().expect("a column");
        }
        group.close().expect("a row group");
    }
    writer.into_inner().expect("a file")
}
