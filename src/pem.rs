//! PEM: DER as text between two lines (RFC 7468).

use der::pem::Base64Decoder;
use zeroize::Zeroizing;

/// A text that does not hold the PEM block that was looked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// There is no block with this label.
    #[error("no line -----BEGIN {label}-----; blocks found: {found:?}")]
    Missing {
        /// The label that was looked for.
        label: &'static str,
        /// The labels of the blocks that are there.
        found: Vec<String>,
    },
    /// The block is there but cannot be read.
    #[error("the {label} block that begins at line {line}: {problem}")]
    Damaged {
        /// Its label.
        label: &'static str,
        /// Its first line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// What one block holds.
#[derive(Debug)]
pub(crate) struct Block {
    /// Its first line, counted from 1.
    pub(crate) line: usize,
    pub(crate) der: Vec<u8>,
}

/// The first block with this label.
pub(crate) fn first(text: &[u8], label: &'static str) -> Result<Block, PemError> {
    let missing = || Err(PemError::Missing { label, found: Vec::new() });
    blocks(text, label).next().unwrap_or_else(missing)
}

/// The blocks with this label, in order, at least one item. Text around them and other blocks are
/// skipped, for a file may hold a key or what `openssl x509 -text` prints (RFC 7468 §2 and §5.2).
pub(crate) fn blocks(
    text: &[u8],
    label: &'static str,
) -> impl Iterator<Item = Result<Block, PemError>> {
    let mut lines = lines(text);
    let mut found = Some(Vec::new());
    std::iter::from_fn(move || {
        while let Some((line, content)) = lines.next() {
            let Some(other) = label_of(content) else { continue };
            // RFC 7468 §5.1: an older label, that nobody should write any more.
            if other == label.as_bytes() || label == "CERTIFICATE" && other == b"X509 CERTIFICATE" {
                found = None;
                let damaged = |problem| PemError::Damaged { label, line, problem };
                let body = body(&mut lines, other);
                return Some(body.map(|der| Block { line, der: der.to_vec() }).map_err(damaged));
            }
            if let Some(found) = &mut found {
                found.push(String::from_utf8_lossy(other).into_owned());
            }
        }
        found.take().map(|found| Err(PemError::Missing { label, found }))
    })
}

/// The lines of a text, counted from 1, without the white space around them.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> + Clone {
    // Some editors begin a text with a byte order mark.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    // RFC 7468 §3: a line ends with CR LF, LF, or CR alone.
    let end = if text.contains(&b'\n') { b'\n' } else { b'\r' };
    (1..).zip(text.split(move |octet| *octet == end).map(<[u8]>::trim_ascii))
}

/// The label, if the line is the first of a block.
pub(crate) fn label_of(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")
}

/// Decodes the lines up to the one that ends the block. All that it holds meanwhile is wiped, for
/// it may be a private key.
pub(crate) fn body<'a>(
    lines: &mut (impl Iterator<Item = (usize, &'a [u8])> + Clone),
    label: &[u8],
) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let end = [b"-----END ", label, b"-----"].concat();
    let content =
        lines.clone().map(|(_, line)| line).take_while(|line| !line.starts_with(b"-----"));
    // A buffer that grew would leave octets behind.
    let length = content.clone().map(<[u8]>::len).sum();
    let mut base64 = Zeroizing::new(Vec::with_capacity(length));
    content.for_each(|line| base64.extend_from_slice(line));
    if lines.find(|(_, line)| line.starts_with(b"-----")).is_none_or(|(_, line)| line != end) {
        return Err("its -----END line is missing");
    }
    let mut der = Zeroizing::new(Vec::with_capacity(length));
    Base64Decoder::new(&base64)
        .and_then(|mut decoder| decoder.decode_to_end(&mut der).map(drop))
        .map_err(|_| "what it holds is not base64")?;
    Ok(der)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<Vec<u8>>, PemError> {
        blocks(text.as_bytes(), "X").map(|block| block.map(|block| block.der)).collect()
    }

    #[test]
    fn text_and_other_blocks_around_it_and_any_line_width_are_read() {
        for text in [
            "-----BEGIN X-----\nAQIDBAUG\n-----END X-----\n",
            "-----BEGIN X-----\r\nAQID\r\nBAUG\r\n-----END X-----",
            "-----BEGIN X-----\rAQID\rBAUG\r-----END X-----\r",
            "\u{feff}-----BEGIN X-----\nAQIDBAUG\n-----END X-----\n",
            "text: AQID\n-----BEGIN Y-----\n?\n-----END Y-----\n-----BEGIN X-----\nAQIDB \nAUG\n-----END X-----\ntext",
        ] {
            assert_eq!(read(text), Ok(vec![vec![1, 2, 3, 4, 5, 6]]), "{text}");
        }
        let two =
            "-----BEGIN X-----\nAQ==\n-----END X-----\n-----BEGIN X-----\nAg==\n-----END X-----";
        assert_eq!(read(two), Ok(vec![vec![1], vec![2]]));
    }

    #[test]
    fn certificates_may_have_their_older_label() {
        let text = b"-----BEGIN X509 CERTIFICATE-----\nAQ==\n-----END X509 CERTIFICATE-----";
        assert_eq!(first(text, "CERTIFICATE").unwrap().der, [1]);
        assert!(first(text, "X509 CRL").is_err());
    }

    #[test]
    fn what_is_no_block_says_what_and_where() {
        let missing = |found: &[&str]| {
            let found = found.iter().map(|&label| label.to_owned()).collect();
            Err(PemError::Missing { label: "X", found })
        };
        assert_eq!(read(""), missing(&[]));
        assert_eq!(read("-----BEGIN Y-----\n-----END Y-----"), missing(&["Y"]));
        assert_eq!(read("a -----BEGIN X-----"), missing(&[]));
        for (text, problem) in [
            ("\n-----BEGIN X-----\nAQID\n", "its -----END line is missing"),
            (
                "\n-----BEGIN X-----\nAQ\n-----BEGIN X-----\nAQ\n-----END X-----",
                "its -----END line is missing",
            ),
            ("\n-----BEGIN X-----\nAQ\n-----END Y-----\n", "its -----END line is missing"),
            ("\n-----BEGIN X-----\nA*==\n-----END X-----\n", "what it holds is not base64"),
            ("\n-----BEGIN X-----\nAQI\n-----END X-----\n", "what it holds is not base64"),
            ("\n-----BEGIN X-----\n-----END X-----\n", "what it holds is not base64"),
        ] {
            assert_eq!(read(text), Err(PemError::Damaged { label: "X", line: 2, problem }));
        }
    }
}
