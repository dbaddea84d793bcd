//! The fields before the list, each by itself, next to the issuer, and next to the clock.

use super::{
    Case,
    findings::{Findings, Rule},
    written::Time,
};
use crate::{
    asn1::{OBJECT_IDENTIFIER, Reader},
    crl::extension::Oid,
    issuer::Issuer,
    name,
    time::Timestamp,
};

pub(super) fn lint(case: Case<'_>, found: &mut Findings) {
    if case.crl.version.is_none_or(|version| version.content != [1]) {
        let what = "the version is not 2, which a CRL with extensions must say that it is";
        found.error(Rule("E2", "RFC 5280 §5.1.2.1"), what);
    }
    algorithm(case, found);
    name(case, found);
    dates(case, found);
    if let Some(issuer) = case.context.issuer {
        right_to_sign(case, issuer, found);
    }
    clock(case, found);
    if case.crl.revoked.is_some_and(|list| list.content.is_empty()) {
        let what = "revokedCertificates is there and empty: without entries it must be absent";
        found.error(Rule("E8", "RFC 5280 §5.1.2.6"), what);
    }
}

/// `pkcs-1`: the hash is the last arc.
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
/// The arcs of MD2, MD5, SHA-1, SHA-256, SHA-384, SHA-512 and SHA-224.
const RSA_HASHES: [u8; 7] = [2, 4, 5, 11, 12, 13, 14];
/// `id-RSASSA-PSS`.
const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
/// `ecdsa-with-SHA1`, then what `ecdsa-with-SHA2` begins with.
const ECDSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01];
const ECDSA_SHA2: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
/// `id-dsa-with-sha1`.
const DSA_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03];
/// What `id-Ed25519` and `id-Ed448` begin with.
const EDWARDS: &[u8] = &[0x2b, 0x65];

fn algorithm(case: Case<'_>, found: &mut Findings) {
    let read = || {
        let mut fields = case.crl.algorithm.reader();
        let oid = fields.expect(OBJECT_IDENTIFIER, "signature")?.content;
        Ok((oid, fields.rest()))
    };
    let (oid, parameters) = match read() {
        Ok(read) => read,
        Err(malformed) => return found.malformed(&malformed),
    };
    let rsa_hash =
        oid.strip_prefix(RSA).filter(|hash| matches!(hash, [h] if RSA_HASHES.contains(h)));
    let shown = Oid::from_content(oid);
    if rsa_hash.is_some() && parameters != [0x05, 0x00] {
        let what = format!("the parameters of the RSA signature algorithm {shown} are not NULL");
        found.error(Rule("E4", "RFC 4055 §5"), what);
    }
    let edwards = oid.starts_with(EDWARDS);
    if (edwards || oid.starts_with(ECDSA_SHA2)) && !parameters.is_empty() {
        let source = if edwards { "RFC 8410 §3" } else { "RFC 5758 §3.2" };
        let what = format!("the signature algorithm {shown} has parameters: it must have none");
        found.error(Rule("E4", source), what);
    }
    let broken = match (rsa_hash, oid) {
        (Some([2]), _) => Some("MD2"),
        (Some([4]), _) => Some("MD5"),
        (Some([5]), _) | (_, ECDSA_SHA1 | DSA_SHA1) => Some("SHA-1"),
        _ => None,
    };
    if let Some(hash) = broken {
        let what = format!("the signature algorithm {shown} hashes with {hash}, which is broken");
        return found.error(Rule("E4", "RFC 6194 §3"), what);
    }
    let ecdsa = oid.strip_prefix(ECDSA_SHA2);
    if case.profile.is_cabf() {
        let rule = Rule("E4", "BR 7.1.3.2");
        let permitted = matches!(rsa_hash, Some([11..=13])) || matches!(ecdsa, Some([2..=4]));
        if oid == RSA_PSS {
            let what = "RSASSA-PSS: whether its parameters are permitted is not looked at here";
            found.warning(rule, what);
        } else if !permitted {
            found.error(rule, format!("the signature algorithm {shown} is not permitted"));
        }
    } else if rsa_hash.is_none() && ecdsa.is_none() && !edwards {
        let what = format!("the signature algorithm {shown} is not known here");
        found.warning(Rule("E4", "RFC 5280 §5.1.1.2"), what);
    }
}

fn name(case: Case<'_>, found: &mut Findings) {
    let rule = Rule("E5", "RFC 5280 §5.1.2.3");
    match name::read(&mut Reader::new(case.crl.issuer), "issuer") {
        Ok(name) if name.content.is_empty() => found.error(rule, "the issuer is an empty name"),
        Ok(_) => {}
        Err(malformed) => found.malformed(&malformed),
    }
    if case.context.issuer.is_some_and(|issuer| issuer.name() != case.crl.issuer) {
        let what = "the issuer is not, octet for octet, the subject of the CA certificate";
        found.error(rule, what);
    }
}

fn dates(case: Case<'_>, found: &mut Findings) {
    time(&case.crl.this_update, "thisUpdate", Rule("E6", "RFC 5280 §5.1.2.4"), found);
    let rule = Rule("E7", "RFC 5280 §5.1.2.5");
    match &case.crl.next_update {
        None => found.error(rule, "there is no nextUpdate"),
        Some(written) => {
            time(written, "nextUpdate", Rule("E6", "RFC 5280 §5.1.2.5"), found);
        }
    }
    if let (Some(this_update), Some(next_update)) = (case.crl.this_update(), case.crl.next_update())
        && next_update <= this_update
    {
        let what = format!("nextUpdate {next_update} is not after thisUpdate {this_update}");
        found.error(rule, what);
    }
}

fn time(written: &Time<'_>, name: &str, rule: Rule, found: &mut Findings) {
    if let Err(malformed) = &written.says {
        found.malformed(malformed);
    }
    if let Some(says) = written.needlessly_general() {
        let what = format!("{name} {says} is a GeneralizedTime: before 2050, a UTCTime");
        found.error(rule, what);
    }
}

fn right_to_sign(case: Case<'_>, issuer: &Issuer, found: &mut Findings) {
    // Whenever it may be: has it a certificate that lets it sign CRLs at all?
    if !issuer.may_sign_crls(Timestamp::MIN) {
        let what = "the keyUsage of every certificate of the issuer lacks cRLSign";
        return found.error(Rule("E11", "RFC 5280 §4.2.1.3"), what);
    }
    if case.context.last {
        // It outlives its issuer.
        return;
    }
    let rule = Rule("E42", "practice");
    let Some(this_update) = case.crl.this_update() else { return };
    match (issuer.crl_signing_not_after(this_update), case.crl.next_update()) {
        (None, _) => {
            let what = format!("the issuer may no longer sign CRLs at thisUpdate {this_update}");
            found.error(rule, what);
        }
        (Some(until), Some(next_update)) if next_update > until => {
            let what =
                format!("nextUpdate {next_update}: the issuer may sign CRLs until {until} only");
            found.error(rule, what);
        }
        _ => {}
    }
}

fn clock(case: Case<'_>, found: &mut Findings) {
    let now = case.context.now;
    let Some(this_update) = case.crl.this_update() else { return };
    let rule = Rule("E41", "RFC 5280 §5.1.2.4");
    if this_update > now {
        found.error(rule, format!("thisUpdate {this_update} is in the future: it is {now}"));
    }
    let Some(at_most) = case.context.backdating else { return };
    let age = now.saturating_since(this_update);
    if age > at_most {
        let (age, at_most) = (age.as_secs(), at_most.as_secs());
        let what = format!("thisUpdate {this_update} is {age} s ago: at most {at_most} s may be");
        found.error(rule, what);
    }
    if let Some(next_update) = case.crl.next_update().filter(|next_update| *next_update <= now) {
        let what = format!("nextUpdate {next_update} is over before it is issued: it is {now}");
        found.error(Rule("E7", "RFC 5280 §5.1.2.5"), what);
    }
}
