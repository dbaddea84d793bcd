//! What a CRL says besides its dates, its number and its sorted entries.

use crate::{
    random::Random,
    sample::{Listed, date},
};
use annul::{
    AppendedEntry, CrlNumber, DistributionPoint, Only, ReasonCode, Serial, SerialRef, TbsCertList,
    Timestamp,
};
use std::collections::BTreeMap;

/// What kind of CRL it is. By default it is a full one that says nothing else.
#[derive(Clone, Debug, Default)]
pub struct Kind {
    pub base: Option<CrlNumber>,
    pub point: Option<DistributionPoint>,
    pub freshest_crl: Vec<String>,
    pub ca_issuers: Vec<String>,
    pub expired_since: Option<Timestamp>,
    /// What stands after the sorted entries, as it is to be read.
    pub appendix: Vec<Listed>,
}

impl Kind {
    /// Any kind for a CRL of this number and date.
    pub fn any(random: &mut Random, number: CrlNumber, this_update: Timestamp) -> Self {
        let base = CrlNumber::from_u64(random.next() % 256);
        let base = Some(base).filter(|base| *base < number && random.below(3) == 0);
        let only = [None, Some(Only::UserCertificates), Some(Only::CaCertificates)];
        let point = (random.below(2) == 0)
            .then(|| DistributionPoint::new(uris(random, 1), only[random.below(3)]).unwrap());
        Self {
            base,
            point,
            freshest_crl: if base.is_none() { uris(random, 0) } else { Vec::new() },
            ca_issuers: uris(random, 0),
            expired_since: (random.below(2) == 0)
                .then(|| date(random, Timestamp::MIN, Timestamp::MAX)),
            appendix: appendix(random, base.is_some(), this_update),
        }
    }

    /// The same CRL, of this kind.
    pub fn of<'a>(
        &'a self,
        tbs: TbsCertList<'a>,
        appendix: &'a [AppendedEntry],
    ) -> TbsCertList<'a> {
        let mut tbs = tbs
            .with_freshest_crl(&self.freshest_crl)
            .with_ca_issuers(&self.ca_issuers)
            .with_appendix(appendix);
        if let Some(base) = self.base {
            tbs = tbs.with_base(base).unwrap();
        }
        if let Some(point) = &self.point {
            tbs = tbs.with_issuing_distribution_point(point);
        }
        if let Some(since) = self.expired_since {
            tbs = tbs.with_expired_certificates_since(since);
        }
        tbs
    }

    pub fn appendix(&self) -> Vec<AppendedEntry> {
        let appended = |entry: &Listed| {
            let Listed { revocation_date, reason, invalidity_date, .. } = *entry;
            let serial = SerialRef::from_octets(&entry.serial).unwrap();
            if reason == Some(ReasonCode::RemoveFromCrl) {
                return AppendedEntry::removed(serial.to_serial().unwrap(), revocation_date);
            }
            AppendedEntry::legacy(serial, revocation_date, reason, invalidity_date)
        };
        self.appendix.iter().map(appended).collect()
    }
}

/// So many URIs or some more, of all lengths around the boundaries of DER.
fn uris(random: &mut Random, least: usize) -> Vec<String> {
    const LEGAL: &[u8] = b"abcxyzABCXYZ0123456789-._~:/@!$&'()*+,;=";
    let uri = |random: &mut Random| {
        let length = [1, 10, 90, 120, 250][random.below(5)] + random.below(16);
        let path: String =
            (0..length).map(|_| char::from(LEGAL[random.below(LEGAL.len())])).collect();
        format!("http://crl.example/{path}")
    };
    (0..least + random.below(3)).map(|_| uri(random)).collect()
}

fn appendix(random: &mut Random, is_delta: bool, this_update: Timestamp) -> Vec<Listed> {
    // What an imported CRL may have said, in the range that all judges read.
    const REASONS: [u8; 8] = [1, 2, 3, 4, 5, 6, 9, 10];
    let mut entries = BTreeMap::new();
    let epoch = Timestamp::from_unix(0).unwrap().min(this_update);
    let count = if random.below(3) == 0 { random.below(9) } else { 0 };
    for _ in 0..count {
        let is_removed = is_delta && random.below(2) == 0;
        let serial = if is_removed { removed_serial(random) } else { odd_serial(random) };
        let reason = match random.below(9) {
            _ if is_removed => Some(ReasonCode::RemoveFromCrl),
            8 => None,
            reason => Some(ReasonCode::from_code(REASONS[reason])),
        };
        let is_dated = !is_removed && random.below(3) == 0;
        let invalidity_date = is_dated.then(|| date(random, epoch, this_update));
        let revocation_date = date(random, epoch, this_update);
        entries.insert(serial.clone(), Listed { serial, revocation_date, reason, invalidity_date });
    }
    entries.into_values().collect()
}

/// Other than those of the sorted entries, which are odd numbers.
fn removed_serial(random: &mut Random) -> Vec<u8> {
    let octets = (random.next() & !1 | 2).to_be_bytes();
    Serial::from_unsigned(&octets).unwrap().as_octets().to_vec()
}

/// One that no [`Serial`] can be: zero, negative, or too long.
fn odd_serial(random: &mut Random) -> Vec<u8> {
    let length = 1 + random.below(40);
    let mut octets: Vec<u8> = (0..length).map(|_| random.next() as u8 | 1).collect();
    match length {
        1 if random.below(2) == 0 => octets[0] = 0,
        // Neither all bits of the first octet are set nor none, so that it is minimal.
        ..=20 => octets[0] = octets[0] & 0xbf | 0x80,
        _ => octets[0] &= 0x7f,
    }
    octets
}
