//! The database of the `openssl ca` command: its `index.txt`, read in place.
//!
//! ```text
//! V|E|R  \t expiry  \t [date[,reason[,extra]]]  \t serial  \t file  \t subject
//! ```
//!
//! The format is documented nowhere but in the source of the command. It writes a backslash before
//! a tab that is part of a field, and skips lines that begin with `#`.

mod revocation;

pub use self::revocation::OpenSslRevocation;

use crate::{
    serial::{SerialError, SerialRef},
    time::Timestamp,
};

/// The database of the `openssl ca` command, of which every line was read and understood.
///
/// ```
/// use annul::{OpenSslIndex, OpenSslState};
///
/// let text = b"V\t280101000000Z\t\t01\tunknown\t/CN=one\n\
///     R\t280101000000Z\t260601120000Z,keyCompromise\t02\tunknown\t/CN=two\n";
/// let index = OpenSslIndex::from_text(text)?;
/// let revoked = index.records().filter(|it| matches!(it.state, OpenSslState::Revoked(_)));
/// assert_eq!(revoked.map(|it| it.line).collect::<Vec<_>>(), [2]);
/// # Ok::<(), annul::OpenSslIndexError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct OpenSslIndex<'a> {
    text: &'a [u8],
}

/// One line of the database: a certificate that its CA issued.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenSslRecord<'a> {
    /// The number of the line, from 1.
    pub line: u64,
    /// What the database says of it.
    pub state: OpenSslState,
    /// Its notAfter.
    pub not_after: Timestamp,
    serial: Vec<u8>,
    /// The file that it was written to, or `unknown`; as it stands in the line.
    pub file_name: &'a [u8],
    /// Its subject as the command prints it; as it stands in the line.
    pub subject: &'a [u8],
}

/// What the database says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenSslState {
    /// `V`: it was neither revoked, nor expired when somebody last looked.
    Valid,
    /// `E`: it expired, and was not revoked before.
    Expired,
    /// `R`: it was revoked.
    Revoked(OpenSslRevocation),
}

/// A line that does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
#[non_exhaustive]
pub struct OpenSslIndexError {
    /// The number of the line, from 1.
    pub line: u64,
    /// What is wrong.
    pub problem: OpenSslIndexProblem,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenSslIndexProblem {
    /// A line has six fields.
    #[error("{found} fields, where tabs should part 6")]
    Fields {
        /// How many there are.
        found: usize,
    },
    /// The first field says what became of the certificate.
    #[error("{text:?}, where V, R or E should stand")]
    State {
        /// What stands there.
        text: String,
    },
    /// The second field is the notAfter.
    #[error("{text:?} is no expiry such as 280101000000Z")]
    Expiry {
        /// What stands there.
        text: String,
    },
    /// The third field of what is revoked begins with the date.
    #[error("{text:?} is no date of a revocation such as 260601120000Z")]
    RevocationDate {
        /// What stands there.
        text: String,
    },
    /// Only what is revoked has a third field.
    #[error("{text:?} in the field of revocations, and the line is not one of a revocation")]
    NotRevoked {
        /// What stands there.
        text: String,
    },
    /// After the date comes a reason by name, or nothing.
    #[error("{text:?} is no reason that the command writes")]
    Reason {
        /// What stands there.
        text: String,
    },
    /// `keyTime` and `CAkeyTime` say since when the key is compromised, `holdInstruction` says what
    /// to do meanwhile; other reasons say no more.
    #[error("{text:?} after the reason, which needs {expected}")]
    Extra {
        /// What stands there.
        text: String,
        /// What should.
        expected: &'static str,
    },
    /// The fourth field is a number in hexadecimal.
    #[error("{text:?} is no serial number in hexadecimal")]
    Serial {
        /// What stands there.
        text: String,
    },
}

impl<'a> OpenSslIndex<'a> {
    /// Reads every line. Lines may end with CR LF; empty ones, and those that begin with `#`, say
    /// nothing.
    ///
    /// # Errors
    /// For the first line that does not say what it should: none is skipped.
    pub fn from_text(text: &'a [u8]) -> Result<Self, OpenSslIndexError> {
        let index = Self { text };
        index.read().try_for_each(|record| record.map(drop))?;
        Ok(index)
    }

    /// Its records, in the order of the lines.
    pub fn records(&self) -> impl Iterator<Item = OpenSslRecord<'a>> + use<'a> {
        // They were all read once before.
        self.read().flatten()
    }

    fn read(&self) -> impl Iterator<Item = Result<OpenSslRecord<'a>, OpenSslIndexError>> + use<'a> {
        let lines = self.text.split(|octet| *octet == b'\n');
        (1..).zip(lines).filter_map(|(line, text)| {
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let says_nothing = text.is_empty() || text.starts_with(b"#");
            let read = || {
                OpenSslRecord::read(line, text)
                    .map_err(|problem| OpenSslIndexError { line, problem })
            };
            (!says_nothing).then(read)
        })
    }
}

impl<'a> OpenSslRecord<'a> {
    /// Its serial number, which may be one that no certificate should have.
    pub fn serial(&self) -> SerialRef<'_> {
        SerialRef(&self.serial)
    }

    fn read(line: u64, text: &'a [u8]) -> Result<Self, OpenSslIndexProblem> {
        let fields = fields(text);
        let &[state, expiry, revocation, serial, file_name, subject] = fields.as_slice() else {
            return Err(OpenSslIndexProblem::Fields { found: fields.len() });
        };
        let state = match (state, revocation) {
            (b"V", b"") => OpenSslState::Valid,
            (b"E", b"") => OpenSslState::Expired,
            (b"R", said) => OpenSslState::Revoked(OpenSslRevocation::read(said)?),
            // Whoever wrote it may have meant a revocation.
            (b"V" | b"E", said) => {
                return Err(OpenSslIndexProblem::NotRevoked { text: shown(said) });
            }
            (state, _) => return Err(OpenSslIndexProblem::State { text: shown(state) }),
        };
        let not_after = Timestamp::from_digits_of_time(expiry)
            .ok_or_else(|| OpenSslIndexProblem::Expiry { text: shown(expiry) })?;
        let serial =
            integer(serial).map_err(|_| OpenSslIndexProblem::Serial { text: shown(serial) })?;
        Ok(Self { line, state, not_after, serial, file_name, subject })
    }
}

/// What stands between the tabs that have no backslash before them.
fn fields(line: &[u8]) -> Vec<&[u8]> {
    let mut is_escaped = false;
    let parts = line.split(|octet| {
        let parts = *octet == b'\t' && !is_escaped;
        is_escaped = *octet == b'\\';
        parts
    });
    parts.collect()
}

/// The content octets of the INTEGER that hexadecimal digits say, after a `-` where it is negative.
fn integer(text: &[u8]) -> Result<Vec<u8>, SerialError> {
    let (is_negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let digit = |(index, octet): (usize, &u8)| {
        let character = char::from(*octet);
        let expected = "a hexadecimal digit";
        let value = character.to_digit(16).and_then(|value| u8::try_from(value).ok());
        value.ok_or(SerialError::Character { character, index, expected })
    };
    let digits = digits.iter().enumerate().map(digit).collect::<Result<Vec<_>, _>>()?;
    if digits.is_empty() {
        return Err(SerialError::Empty);
    }
    // A zero octet before them, and their two's complement: negative and not minimal.
    let pairs = digits.rchunks(2).rev().map(|pair| pair.iter().fold(0, |n, digit| n << 4 | digit));
    let mut octets: Vec<u8> = [0].into_iter().chain(pairs).collect();
    if is_negative {
        let mut carries = true;
        for octet in octets.iter_mut().rev() {
            (*octet, carries) = (!*octet).overflowing_add(u8::from(carries));
        }
    }
    let needless = |pair: &&[u8]| matches!(pair, [0, 0..=0x7f] | [0xff, 0x80..=0xff]);
    let needless = octets.windows(2).take_while(needless).count();
    octets.drain(..needless);
    Ok(octets)
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests;
