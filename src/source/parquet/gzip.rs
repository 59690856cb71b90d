//! Pages packed with gzip.
//!
//! The library unpacks whatever comes out of a page, a thousand times its length, before it looks at how
//! long the page is said to be. So it takes these pages for plain ones, and they are unpacked here: as
//! far as the length of their column chunk goes, which was held against the limit.

use std::io::Read;
use std::sync::Arc;

use ::parquet::basic::Compression;
use ::parquet::bloom_filter::Sbbf;
use ::parquet::column::page::{Page, PageMetadata, PageReader};
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use ::parquet::file::reader::{ChunkReader, FileReader, RowGroupReader};
use ::parquet::file::serialized_reader::{SerializedFileReader, SerializedPageReader};
use ::parquet::record::reader::RowIter;
use ::parquet::schema::types::Type;
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;

/// A file whose pages packed with gzip are unpacked here.
pub(super) struct Unpacked<R: ChunkReader> {
    file: SerializedFileReader<R>,
    input: Arc<R>,
}

impl<R: ChunkReader + 'static> Unpacked<R> {
    pub(super) fn new(file: SerializedFileReader<R>, input: R) -> Self {
        Self { file, input: Arc::new(input) }
    }
}

impl<R: ChunkReader + 'static> FileReader for Unpacked<R> {
    fn metadata(&self) -> &ParquetMetaData {
        self.file.metadata()
    }

    fn num_row_groups(&self) -> usize {
        self.file.num_row_groups()
    }

    fn get_row_group(&self, at: usize) -> Result<Box<dyn RowGroupReader + '_>> {
        let group = self.file.get_row_group(at)?;
        Ok(Box::new(Group { group, input: Arc::clone(&self.input) }))
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_file(projection, self)
    }
}

struct Group<'a, R> {
    group: Box<dyn RowGroupReader + 'a>,
    input: Arc<R>,
}

impl<R: ChunkReader + 'static> RowGroupReader for Group<'_, R> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.group.metadata()
    }

    fn num_columns(&self) -> usize {
        self.group.num_columns()
    }

    fn get_column_page_reader(&self, at: usize) -> Result<Box<dyn PageReader>> {
        let chunk = self.metadata().column(at);
        if !matches!(chunk.compression(), Compression::GZIP(_)) {
            return self.group.get_column_page_reader(at);
        }
        let plain = chunk.clone().into_builder().set_compression(Compression::UNCOMPRESSED);
        let rows = usize::try_from(self.metadata().num_rows())?;
        let pages =
            SerializedPageReader::new(Arc::clone(&self.input), &plain.build()?, rows, None)?;
        let left = u64::try_from(chunk.uncompressed_size())?;
        Ok(Box::new(Pages { pages, left }))
    }

    fn get_column_bloom_filter(&self, at: usize) -> Option<&Sbbf> {
        self.group.get_column_bloom_filter(at)
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_row_group(projection, self)
    }
}

/// The pages of a column chunk.
struct Pages<R: ChunkReader> {
    pages: SerializedPageReader<R>,
    /// Bytes that may still come out.
    left: u64,
}

impl<R: ChunkReader> Pages<R> {
    /// A page whose first bytes, `plain` of them, are not packed.
    fn unpack(&mut self, page: &Bytes, plain: usize) -> Result<Bytes> {
        let Some((plain, packed)) = page.split_at_checked(plain) else {
            return Err(ParquetError::EOF("a page is shorter than its levels".to_owned()));
        };
        let mut unpacked = plain.to_vec();
        // A page without values may have nothing in it.
        if !packed.is_empty() {
            let most = self.left.saturating_add(1);
            MultiGzDecoder::new(packed).take(most).read_to_end(&mut unpacked)?;
        }
        self.left = self.left.checked_sub(unpacked.len() as u64).ok_or_else(|| {
            ParquetError::General("a column chunk is longer than it is said to be".to_owned())
        })?;
        Ok(unpacked.into())
    }
}

impl<R: ChunkReader + 'static> PageReader for Pages<R> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let Some(mut page) = self.pages.get_next_page()? else { return Ok(None) };
        match &mut page {
            Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => {
                *buf = self.unpack(buf, 0)?;
            }
            Page::DataPageV2 {
                buf,
                def_levels_byte_len,
                rep_levels_byte_len,
                is_compressed,
                ..
            } => {
                if *is_compressed {
                    let levels = u64::from(*def_levels_byte_len) + u64::from(*rep_levels_byte_len);
                    *buf = self.unpack(buf, usize::try_from(levels)?)?;
                }
            }
        }
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pages.at_record_boundary()
    }
}

impl<R: ChunkReader + 'static> Iterator for Pages<R> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}
