//! How long a CRL can become, for whoever must not let it.

use super::{encode::TbsCertList, entry::CrlEntry};
use crate::{
    asn1,
    reason::Reason,
    serial::Serial,
    signing::{self, SignatureAlgorithm},
    time::Timestamp,
};

impl TbsCertList<'_> {
    /// How many octets a CRL like this one takes at most with so many entries, signed with the key
    /// of which `public_key` is the SubjectPublicKeyInfo in DER.
    ///
    /// Like this one is a CRL of the same issuer, with the same extensions and the same appendix.
    /// Its number, its dates and its entries may be any.
    pub fn longest(&self, public_key: &[u8], entries: u64) -> u64 {
        let (algorithm, signature) = signing::longest_signature(public_key);
        let entries = entries.saturating_mul(longest_entry()).min(u64::MAX >> 1);
        let tbs = asn1::element_length(self.longest_content(algorithm, entries));
        let identifier = algorithm.identifier().len() as u64;
        asn1::element_length(tbs + identifier + asn1::element_length(1 + signature))
    }

    /// How many entries a CRL like this one can have, whatever they are, and take at most so many
    /// `octets`: the most for which [`TbsCertList::longest`] is no more. 0 also where there is no
    /// room for a CRL without entries.
    ///
    /// ```
    /// use annul::{CrlNumber, TbsCertList, Timestamp};
    ///
    /// let name = b"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02CA";
    /// let (from, to) = (Timestamp::MIN, Timestamp::MAX);
    /// let tbs = TbsCertList::new(name, &[7; 20], CrlNumber::MIN, from, to)?;
    /// # let public_key = b"\x30\x19\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\
    /// #     \x48\xce\x3d\x03\x01\x07\x03\x02\0\x02";
    /// let entries = tbs.capacity(public_key, 1 << 20);
    /// assert_eq!(entries, 12_942);
    /// assert!(tbs.longest(public_key, entries) <= 1 << 20);
    /// # Ok::<(), annul::CrlError>(())
    /// ```
    pub fn capacity(&self, public_key: &[u8], octets: u64) -> u64 {
        let (mut fits, mut too_many) = (0, octets / longest_entry() + 1);
        while too_many - fits > 1 {
            let between = u64::midpoint(fits, too_many);
            if self.longest(public_key, between) <= octets {
                fits = between;
            } else {
                too_many = between;
            }
        }
        fits
    }

    fn longest_content(&self, algorithm: SignatureAlgorithm, entries: u64) -> u64 {
        let longest = self.at_its_longest();
        let mut rest = Vec::new();
        longest.write_fields(algorithm, &mut rest);
        longest.write_extensions(&mut rest);
        let appended = self.appendix().iter().map(|entry| entry.encoded_length());
        let list = match entries + appended.sum::<u64>() {
            0 => 0,
            octets => asn1::element_length(octets),
        };
        rest.len() as u64 + list
    }
}

fn longest_entry() -> u64 {
    let entry = CrlEntry {
        // RFC 5280 §4.1.2.2: up to 20 octets.
        serial: Serial::MAX,
        revocation_date: Timestamp::MAX,
        reason: Some(Reason::KeyCompromise),
        invalidity_date: Some(Timestamp::MAX),
    };
    entry.encoded_length()
}
