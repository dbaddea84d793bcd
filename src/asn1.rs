//! A strict DER cursor that knows where it is, and the few header octets that we write.
//!
//! It keeps absolute offsets, so that every complaint names the octet, and never copies: what it
//! hands out are slices of the input. Lengths are `usize`, tags are one octet (RFC 5280 needs no
//! more), indefinite and non-minimal lengths are refused (X.690 §10.1).

use std::{fmt, ops::Range};

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const ENUMERATED: u8 = 0x0a;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// `[n]`, primitive.
pub(crate) const fn context(number: u8) -> u8 {
    0x80 | number
}

/// `[n]`, constructed.
pub(crate) const fn context_constructed(number: u8) -> u8 {
    0xa0 | number
}

/// DER that is not what its place demands: which element, at which octet, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Malformed {
    /// The element that was being read, by its RFC 5280 name.
    pub element: &'static str,
    /// Its offset in octets from the start of the input.
    pub offset: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { element, offset, problem } = self;
        write!(f, "malformed {element} at octet {offset}: {problem}")
    }
}

impl std::error::Error for Malformed {}

/// One element: its tag, its content octets, and all its octets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// Header and content.
    pub(crate) octets: &'a [u8],
    /// Where `octets` starts in the input.
    pub(crate) offset: usize,
}

impl<'a> Element<'a> {
    /// A cursor over the content.
    pub(crate) fn reader(&self) -> Reader<'a> {
        let header = self.octets.len() - self.content.len();
        Reader { rest: self.content, offset: self.offset + header }
    }

    /// Where all its octets are in the input.
    pub(crate) fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.octets.len()
    }

    /// Where its content octets are in the input.
    pub(crate) fn content_range(&self) -> Range<usize> {
        self.reader().offset..self.range().end
    }

    pub(crate) fn malformed(&self, element: &'static str, problem: &'static str) -> Malformed {
        Malformed { element, offset: self.offset, problem }
    }
}

/// A cursor over a run of DER elements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { rest: input, offset: 0 }
    }

    /// A cursor over a part of the input that starts at this octet of it.
    pub(crate) fn at(part: &'a [u8], offset: usize) -> Self {
        Self { rest: part, offset }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The octets not yet read.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn malformed(&self, element: &'static str, problem: &'static str) -> Malformed {
        Malformed { element, offset: self.offset, problem }
    }

    /// Passes over so many octets, or all that there are.
    #[inline]
    pub(crate) fn pass(&mut self, octets: usize) {
        let rest = self.rest.get(octets..).unwrap_or_default();
        self.offset += self.rest.len() - rest.len();
        self.rest = rest;
    }

    /// The tag of the next element, if there is one.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// Reads the next element, whatever its tag.
    pub(crate) fn any(&mut self, element: &'static str) -> Result<Element<'a>, Malformed> {
        let short = self.malformed(element, "the input ends inside it");
        let (&tag, after_tag) = self.rest.split_first().ok_or_else(|| short.clone())?;
        if tag & 0x1f == 0x1f {
            return Err(self.malformed(element, "a tag of more than one octet"));
        }
        let (&first, mut body) = after_tag.split_first().ok_or_else(|| short.clone())?;
        let length = match first {
            0..=0x7f => usize::from(first),
            0x80 => return Err(self.malformed(element, "an indefinite length")),
            _ => {
                let count = usize::from(first & 0x7f);
                if count > size_of::<usize>() {
                    return Err(self.malformed(element, "a length past any address"));
                }
                let (octets, after) = body.split_at_checked(count).ok_or_else(|| short.clone())?;
                body = after;
                let length = octets.iter().fold(0, |n: usize, &o| n << 8 | usize::from(o));
                if octets.first() == Some(&0) || length < 0x80 {
                    return Err(self.malformed(element, "a length that is not minimal"));
                }
                length
            }
        };
        let (content, after) = body.split_at_checked(length).ok_or(short)?;
        let consumed = self.rest.len() - after.len();
        let (octets, rest) = self.rest.split_at(consumed);
        let read = Element { tag, content, octets, offset: self.offset };
        self.rest = rest;
        self.offset += consumed;
        Ok(read)
    }

    /// Reads the next element, which must have this tag.
    pub(crate) fn expect(
        &mut self,
        tag: u8,
        element: &'static str,
    ) -> Result<Element<'a>, Malformed> {
        match self.peek() {
            Some(found) if found != tag => Err(self.malformed(element, "another tag stands there")),
            _ => self.any(element),
        }
    }

    /// Reads the next element if it has this tag.
    pub(crate) fn optional(
        &mut self,
        tag: u8,
        element: &'static str,
    ) -> Result<Option<Element<'a>>, Malformed> {
        if self.peek() == Some(tag) { self.any(element).map(Some) } else { Ok(None) }
    }

    /// Checks that nothing is left.
    pub(crate) fn finish(&self, element: &'static str) -> Result<(), Malformed> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(self.malformed(element, "octets left over at its end"))
        }
    }
}

/// The one element that makes up the whole input.
pub(crate) fn single<'a>(
    input: &'a [u8],
    tag: u8,
    element: &'static str,
) -> Result<Element<'a>, Malformed> {
    let mut reader = Reader::new(input);
    let read = reader.expect(tag, element)?;
    reader.finish(element)?;
    Ok(read)
}

/// How many octets the header of an element with `length` content octets takes.
pub(crate) const fn header_length(length: u64) -> u64 {
    if length < 0x80 { 2 } else { 2 + (71 - length.leading_zeros() as u64) / 8 }
}

/// How many octets an element with `length` content octets takes.
pub(crate) const fn element_length(length: u64) -> u64 {
    header_length(length) + length
}

/// Appends the header of an element with `length` content octets.
pub(crate) fn write_header(out: &mut Vec<u8>, tag: u8, length: u64) {
    out.push(tag);
    match u8::try_from(length) {
        Ok(short @ ..0x80) => out.push(short),
        _ => {
            let zeros = length.leading_zeros() / 8;
            out.push(0x80 | (8 - zeros) as u8);
            out.extend(length.to_be_bytes().iter().skip(zeros as usize));
        }
    }
}

/// Appends an element.
pub(crate) fn write_element(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    write_header(out, tag, content.len() as u64);
    out.extend_from_slice(content);
}

/// An element by itself.
pub(crate) fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(content.len() + 10);
    write_element(&mut octets, tag, content);
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e1_lengths_are_minimal_across_every_boundary() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536, 16_777_215, 16_777_216] {
            let mut out = Vec::new();
            write_header(&mut out, SEQUENCE, length);
            assert_eq!(out.len() as u64, header_length(length), "{length}");
            out.resize(out.len() + length as usize, 0);
            assert_eq!(single(&out, SEQUENCE, "test").unwrap().content.len() as u64, length);
        }
    }

    #[test]
    fn e1_ber_lengths_are_refused() {
        for (ber, problem) in [
            (&[0x30, 0x80, 0, 0][..], "an indefinite length"),
            (&[0x30, 0x81, 0x01, 0], "a length that is not minimal"),
            (&[0x30, 0x82, 0x00, 0x80], "a length that is not minimal"),
            (&[0x30, 0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1], "a length past any address"),
            (&[0x30, 0x02, 0], "the input ends inside it"),
            (&[0x30], "the input ends inside it"),
            (&[], "the input ends inside it"),
            (&[0x3f, 0x81, 0x00], "another tag stands there"),
        ] {
            assert_eq!(single(ber, SEQUENCE, "test").unwrap_err().problem, problem);
        }
    }

    #[test]
    fn offsets_are_absolute_however_deep() {
        let nested = [0x30, 0x04, 0x30, 0x02, 0x02, 0x05];
        let outer = single(&nested, SEQUENCE, "outer").unwrap();
        let inner = outer.reader().expect(SEQUENCE, "inner").unwrap();
        let error = inner.reader().any("leaf").unwrap_err();
        assert_eq!(error.offset, 4);
        assert_eq!(error.to_string(), "malformed leaf at octet 4: the input ends inside it");
    }
}
