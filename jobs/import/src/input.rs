//! The files: which ones, whether they are the same as before, and their bytes as UTF-8 text, with a limit for one row.

use std::cell::Cell;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Seek as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use encoding_rs_io::DecodeReaderBytesBuilder;

/// How much of a file its encoding and its separator are recognized from.
const HEAD_BYTES: u64 = 64 * 1024;

/// Most bytes of one row. An open quote would make a row of the rest of the file.
pub(crate) const MAX_ROW_BYTES: u64 = 1024 * 1024;

/// The files of a path, in the order of their names, and what says that they are the same as before.
pub(crate) fn files(path: &Path) -> io::Result<(Vec<PathBuf>, String)> {
    let mut files = vec![path.to_owned()];
    if path.is_dir() {
        files = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        files.retain(|file| file.is_file());
        files.sort();
    }
    let mut identity = String::new();
    for file in &files {
        let about = fs::metadata(file)?;
        let changed = about.modified()?.duration_since(UNIX_EPOCH).map_or(0, |age| age.as_micros());
        let _ = writeln!(identity, "{} {} {changed}", file.display(), about.len());
    }
    Ok((files, identity))
}

/// A file as text.
pub(crate) struct Text {
    /// The name of its encoding.
    pub(crate) encoding: &'static str,
    /// The beginning, for the recognition of its form.
    pub(crate) head: String,
    pub(crate) reader: Limited<Box<dyn Read + Send>>,
}

/// Opens a file. Characters that its encoding does not have become U+FFFD.
pub(crate) fn open(path: &Path) -> io::Result<Text> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head)?;
    file.rewind()?;
    let encoding = recognize(&head);
    let (text, _, _) = encoding.decode(&head);
    let decoding = DecodeReaderBytesBuilder::new().encoding(Some(encoding)).bom_sniffing(true).build(BufReader::new(file));
    let reader = Limited { reader: Box::new(decoding) as Box<dyn Read + Send>, row: RowBytes::default() };
    Ok(Text { encoding: encoding.name(), head: text.into_owned(), reader })
}

/// By the byte order mark; without one, by where UTF-16 has its zeros; else UTF-8, or Windows-1252 for what is no UTF-8.
fn recognize(head: &[u8]) -> &'static Encoding {
    if let Some((encoding, _)) = Encoding::for_bom(head) {
        return encoding;
    }
    let zeros = |first: usize| head.iter().skip(first).step_by(2).filter(|byte| **byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    if odd > head.len() / 4 {
        return UTF_16LE;
    }
    if even > head.len() / 4 {
        return UTF_16BE;
    }
    match str::from_utf8(head) {
        // The head may end within a character.
        Err(error) if error.error_len().is_some() => WINDOWS_1252,
        _ => UTF_8,
    }
}

/// How many bytes were read since the last whole row. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct RowBytes(Rc<Cell<u64>>);

impl RowBytes {
    /// A row is whole.
    pub(crate) fn begin_row(&self) {
        self.0.set(0);
    }
}

/// A reader that fails when one row is too long.
pub(crate) struct Limited<R> {
    reader: R,
    pub(crate) row: RowBytes,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.row.0.get() > MAX_ROW_BYTES {
            return Err(io::Error::other("a row is longer than 1 MiB: a quote may be open"));
        }
        let count = self.reader.read(buffer)?;
        self.row.0.set(self.row.0.get() + count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_recognized_with_and_without_its_mark() {
        let utf16 = |big: bool| -> Vec<u8> {
            let units = "id;name\n1;Ærø".encode_utf16();
            units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
        };
        for (bytes, expected) in [
            (b"id,name".to_vec(), "UTF-8"),
            ("id,Ærø".as_bytes().to_vec(), "UTF-8"),
            (b"\xef\xbb\xbfid".to_vec(), "UTF-8"),
            (b"id,\xc6r\xf8 og".to_vec(), "windows-1252"),
            (utf16(false), "UTF-16LE"),
            (utf16(true), "UTF-16BE"),
            ([b"\xff\xfe".to_vec(), utf16(false)].concat(), "UTF-16LE"),
            ([b"\xfe\xff".to_vec(), utf16(true)].concat(), "UTF-16BE"),
            // The head ends within a character.
            (b"id,\xc3".to_vec(), "UTF-8"),
        ] {
            assert_eq!(recognize(&bytes).name(), expected, "{bytes:?}");
        }
    }
}
