//! PEM: DER as text between two lines (RFC 7468).

use der::pem::Base64Decoder;

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
    let begin = format!("-----BEGIN {label}-----").into_bytes();
    let end = format!("-----END {label}-----").into_bytes();
    let mut lines = (1..).zip(text.split(|&octet| octet == b'\n').map(<[u8]>::trim_ascii));
    let mut found = Some(Vec::new());
    std::iter::from_fn(move || {
        for (line, content) in lines.by_ref() {
            if content == begin {
                found = None;
                let damaged = |problem| PemError::Damaged { label, line, problem };
                let body = body(lines.by_ref().map(|(_, content)| content), &end);
                return Some(body.map(|der| Block { line, der }).map_err(damaged));
            }
            if let Some((found, other)) = found.as_mut().zip(label_of(content)) {
                found.push(other);
            }
        }
        found.take().map(|found| Err(PemError::Missing { label, found }))
    })
}

/// Decodes the lines up to the one that ends the block.
fn body<'a>(lines: impl Iterator<Item = &'a [u8]>, end: &[u8]) -> Result<Vec<u8>, &'static str> {
    let mut base64 = Vec::new();
    for line in lines {
        if line == end {
            let mut der = Vec::new();
            return Base64Decoder::new(&base64)
                .and_then(|mut decoder| decoder.decode_to_end(&mut der).map(drop))
                .map(|()| der)
                .map_err(|_| "what it holds is not base64");
        }
        if line.starts_with(b"-----") {
            break;
        }
        base64.extend_from_slice(line);
    }
    Err("its -----END line is missing")
}

fn label_of(line: &[u8]) -> Option<String> {
    let label = line.strip_prefix(b"-----BEGIN ")?.strip_suffix(b"-----")?;
    Some(String::from_utf8_lossy(label).into_owned())
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
            "text: AQID\n-----BEGIN Y-----\n?\n-----END Y-----\n-----BEGIN X-----\nAQIDB \nAUG\n-----END X-----\ntext",
        ] {
            assert_eq!(read(text), Ok(vec![vec![1, 2, 3, 4, 5, 6]]), "{text}");
        }
        let two =
            "-----BEGIN X-----\nAQ==\n-----END X-----\n-----BEGIN X-----\nAg==\n-----END X-----";
        assert_eq!(read(two), Ok(vec![vec![1], vec![2]]));
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
