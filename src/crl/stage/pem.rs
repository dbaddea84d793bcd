//! A CRL as text: RFC 7468 §6.

use super::Stage;
use der::pem::Base64Encoder;
use std::io;

const BEGIN: &[u8] = b"-----BEGIN X509 CRL-----\n";
const END: &[u8] = b"-----END X509 CRL-----\n";

/// RFC 7468 §2: 64 characters a line, which are 48 octets.
const LINE: usize = 48;

/// Writes PEM to another stage, line by line.
#[derive(Debug)]
pub struct PemStage<S> {
    text: S,
    /// The octets of the first line, kept because they may be written over.
    first: Vec<u8>,
    /// The octets of the line that is not full yet.
    pending: Vec<u8>,
}

impl<S: Stage> PemStage<S> {
    /// Puts the text into `text`.
    pub fn new(text: S) -> Self {
        Self { text, first: Vec::new(), pending: Vec::new() }
    }

    /// The stage with the text in it.
    pub fn into_inner(self) -> S {
        self.text
    }
}

impl<S: Stage> Stage for PemStage<S> {
    fn begin(&mut self) -> io::Result<()> {
        self.first.clear();
        self.pending.clear();
        self.text.begin()?;
        self.text.write(BEGIN)
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        let missing = LINE - self.first.len();
        self.first.extend(octets.iter().take(missing));
        self.pending.extend_from_slice(octets);
        let whole = self.pending.len() - self.pending.len() % LINE;
        let text = lines(self.pending.get(..whole).unwrap_or_default())?;
        self.pending.drain(..whole);
        self.text.write(&text)
    }

    fn overwrite(&mut self, first: &[u8]) -> io::Result<()> {
        self.first
            .get_mut(..first.len())
            .ok_or_else(|| io::Error::other("more than a line to write over"))?
            .copy_from_slice(first);
        if self.first.len() < LINE {
            // The line is not written yet.
            self.pending.clone_from(&self.first);
            return Ok(());
        }
        self.text.overwrite(&[BEGIN, &lines(&self.first)?].concat())
    }

    fn commit(&mut self) -> io::Result<()> {
        let last = lines(&self.pending)?;
        self.text.write(&last)?;
        self.text.write(END)?;
        self.text.commit()
    }

    fn abort(&mut self) {
        self.text.abort();
    }
}

/// The octets in base64, a line feed after every line.
fn lines(octets: &[u8]) -> io::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(octets.len().div_ceil(LINE) * 65);
    let mut line = [0; 64];
    for chunk in octets.chunks(LINE) {
        let mut encoder = Base64Encoder::new(&mut line).map_err(io::Error::other)?;
        encoder.encode(chunk).map_err(io::Error::other)?;
        text.extend_from_slice(encoder.finish().map_err(io::Error::other)?.as_bytes());
        text.push(b'\n');
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_pieces_and_any_overwriting_make_the_text_of_the_whole() {
        for length in [1usize, 47, 48, 49, 96, 1000] {
            for piece in [1, 7, 48, 100, 1000] {
                let der: Vec<u8> = (0..length).map(|n| (n * 7) as u8).collect();
                let mut wrong = der.clone();
                let first = length.min(6);
                wrong[..first].fill(0xee);
                let mut stage = PemStage::new(Vec::new());
                stage.begin().unwrap();
                wrong.chunks(piece).for_each(|octets| stage.write(octets).unwrap());
                stage.overwrite(&der[..first]).unwrap();
                stage.commit().unwrap();
                let text = stage.into_inner();
                let (label, decoded) = der::pem::decode_vec(&text).unwrap();
                assert_eq!((label, decoded), ("X509 CRL", der), "{length} in pieces of {piece}");
            }
        }
    }
}
