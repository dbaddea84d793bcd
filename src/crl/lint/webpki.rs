//! What rustls-webpki does not read, though RFC 5280 allows it. Where it cannot read a CRL it
//! accepts no connection, or none that needs one.

use super::{
    Case,
    entry::Entry,
    findings::{Findings, Rule, Severity},
    names::PointName,
    scope,
};
use crate::{crl::extension::Oid, time::Timestamp};

const RULE: Rule = Rule("E18", "rustls-webpki");
/// The most octets of a CRL that it reads, and how many the signature may take of them.
const LONGEST: u64 = u32::MAX as u64;
const SIGNATURE: u64 = 2048;
/// The extensions that it takes when they are critical, or has another word for.
const KNOWN: [Oid<'_>; 4] = [
    Oid::AUTHORITY_KEY_IDENTIFIER,
    Oid::CRL_NUMBER,
    Oid::ISSUING_DISTRIBUTION_POINT,
    Oid::DELTA_CRL_INDICATOR,
];

pub(super) fn lint(case: Case<'_>, found: &mut Findings) {
    length(case.crl.length, found);
    if case.crl.is_delta() {
        found.error(RULE, "a delta CRL");
    }
    for extension in
        case.crl.extensions.all.iter().filter(|e| e.critical && !KNOWN.contains(&e.oid))
    {
        found.error(RULE, format!("the critical extension {} is not known", extension.oid));
    }
    let dates = [("thisUpdate", case.crl.this_update()), ("nextUpdate", case.crl.next_update())];
    for (name, date) in dates {
        if let Some(date) = date.filter(|date| *date < Timestamp::UNIX_EPOCH) {
            found.error(RULE, format!("{name} {date} is before 1970"));
        }
    }
    let Some(point) = &case.crl.point else { return };
    if point.indirect_crl {
        found.error(RULE, "an indirect CRL");
    }
    if point.only_some_reasons.is_some() {
        found.error(RULE, "a CRL about some reasons only");
    }
    if let Ok(None | Some(PointName::Relative)) = scope::name_of(point) {
        found.error(RULE, "an issuing distribution point without a full name");
    }
}

fn length(octets: u64, found: &mut Findings) {
    if octets > LONGEST - SIGNATURE {
        found.error(RULE, format!("{octets} octets, and a signature: it reads 4 GiB at most"));
    }
}

pub(super) fn entry(entry: &Entry<'_>, found: &mut Findings) {
    let dates =
        [("revocationDate", entry.revocation_date), ("invalidityDate", entry.invalidity_date)];
    for (name, date) in dates {
        if let Some(date) = date.filter(|date| *date < Timestamp::UNIX_EPOCH) {
            let what = || format!("{name} {date} is before 1970");
            found.entry(Severity::Error, RULE, entry.serial, what);
        }
    }
    if let Some(oid) = entry.unknown_critical() {
        let what = || format!("the critical extension {oid} is not known");
        found.entry(Severity::Error, RULE, entry.serial, what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn e18_a_crl_has_less_than_4_gib() {
        for (octets, count) in [(1 << 20, 0), (LONGEST - SIGNATURE, 0), (LONGEST, 1), (1 << 40, 1)]
        {
            let mut found = Findings::default();
            length(octets, &mut found);
            assert_eq!(found.finish().len(), count, "{octets}");
        }
    }
}
