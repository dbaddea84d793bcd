//! One entry: what RFC 5280 §5.1.2.6 and §5.3 say of it.

use super::{
    Case,
    findings::{Findings, Rule, Severity},
    written::WrittenEntry,
};
use crate::{
    asn1::{ENUMERATED, Element, GENERALIZED_TIME, Malformed, SEQUENCE},
    crl::extension::{Extension, Oid},
    reason::{Reason, ReasonCode},
    serial::{SerialError, SerialRef},
    time::Timestamp,
};

/// One entry, with what can be read of it.
pub(super) struct Entry<'a> {
    pub(super) serial: SerialRef<'a>,
    pub(super) revocation_date: Option<Timestamp>,
    pub(super) reason: Option<ReasonCode>,
    pub(super) invalidity_date: Option<Timestamp>,
    pub(super) extensions: Vec<Extension<'a>>,
}

impl<'a> Entry<'a> {
    /// Whether it has a critical extension that RFC 5280 does not know.
    pub(super) fn unknown_critical(&self) -> Option<Oid<'a>> {
        let extension = self.extensions.iter().find(|e| e.critical && !is_known(e.oid));
        extension.map(|extension| extension.oid)
    }
}

fn is_known(oid: Oid<'_>) -> bool {
    matches!(oid, Oid::REASON_CODE | Oid::INVALIDITY_DATE | Oid::CERTIFICATE_ISSUER)
}

pub(super) fn lint<'a>(
    case: Case<'_>,
    written: WrittenEntry<'a>,
    found: &mut Findings,
) -> Entry<'a> {
    let mut about = About { serial: written.serial, found };
    serial(&mut about);
    date(case, &written, &mut about);
    if written.has_empty_list {
        about.error(Rule("E9", "RFC 5280 §5.1.2.6"), || {
            "crlEntryExtensions is there and empty: it must be absent".to_owned()
        });
    }
    list(&written, &mut about);
    let mut entry = Entry {
        serial: written.serial,
        revocation_date: written.revocation_date.says.ok(),
        reason: None,
        invalidity_date: None,
        extensions: written.extensions.all,
    };
    for extension in entry.extensions.clone() {
        if let Err(malformed) = understand(case, &extension, &mut entry, &mut about) {
            about.malformed(&malformed);
        }
    }
    if let Some(code) = entry.reason {
        reason(case, code, &mut about);
    }
    if let Some(oid) = entry.unknown_critical() {
        about.add(Severity::Warning, Rule("E10", "RFC 5280 §5.3"), || {
            format!("whoever does not know the critical extension {oid} drops the CRL")
        });
    }
    entry
}

/// Where findings about one entry go.
struct About<'a> {
    serial: SerialRef<'a>,
    found: &'a mut Findings,
}

impl About<'_> {
    fn error(&mut self, rule: Rule, what: impl FnOnce() -> String) {
        self.add(Severity::Error, rule, what);
    }

    fn add(&mut self, severity: Severity, rule: Rule, what: impl FnOnce() -> String) {
        self.found.entry(severity, rule, self.serial, what);
    }

    fn malformed(&mut self, malformed: &Malformed) {
        self.error(super::rule_of(malformed), || malformed.to_string());
    }
}

fn serial(about: &mut About<'_>) {
    let Err(error) = about.serial.to_serial() else { return };
    // RFC 5280 §4.1.2.2: such certificates exist, and a CRL must list them as they are. But
    // whoever reads DER cannot read an integer that is not minimal.
    let padded = matches!(about.serial.as_octets(), [0xff, 0x80..=0xff, ..]);
    if padded || error == SerialError::NotMinimal {
        about.error(Rule("E26", "X.690 §8.3.2"), || {
            "the serial number has a needless leading octet".to_owned()
        });
    } else {
        let rule = Rule("E26", "RFC 5280 §4.1.2.2");
        about.add(Severity::Warning, rule, || error.to_string());
    }
}

fn date(case: Case<'_>, written: &WrittenEntry<'_>, about: &mut About<'_>) {
    let date = match &written.revocation_date.says {
        Ok(date) => *date,
        Err(malformed) => return about.malformed(malformed),
    };
    if written.revocation_date.needlessly_general().is_some() {
        about.error(Rule("E6", "RFC 5280 §5.1.2.6"), || {
            format!("revocationDate {date} is a GeneralizedTime: before 2050, a UTCTime")
        });
    }
    if let Some(this_update) = case.crl.this_update().filter(|this_update| date > *this_update) {
        about.error(Rule("E28", "RFC 5280 §5.1.2.6"), || {
            format!("revocationDate {date} is after thisUpdate {this_update}")
        });
    }
}

fn list(written: &WrittenEntry<'_>, about: &mut About<'_>) {
    let list = &written.extensions;
    if let Some(malformed) = &list.malformed {
        about.error(Rule("E10", "RFC 5280 §5.3"), || malformed.to_string());
    }
    if list.says_false {
        about.error(Rule("E10", "X.690 §11.5"), || {
            "an extension says that it is not critical: in DER that is left out".to_owned()
        });
    }
    if let Some(oid) = list.repeated() {
        let rule = Rule("E10", "RFC 5280 §5.3");
        about.error(rule, || format!("the extension {oid} is there twice"));
    }
}

fn understand<'a>(
    case: Case<'_>,
    extension: &Extension<'a>,
    entry: &mut Entry<'a>,
    about: &mut About<'_>,
) -> Result<(), Malformed> {
    let critical = extension.critical;
    match extension.oid {
        Oid::REASON_CODE => {
            if critical {
                let what = || "the reason is critical: it must not be".to_owned();
                about.error(Rule("E29", "RFC 5280 §5.3.1"), what);
            }
            let code = extension.single(ENUMERATED, "reasonCode")?;
            let Element { content: &[octet @ ..0x80], .. } = code else {
                return Err(code.malformed("reasonCode", "not one octet, or negative"));
            };
            entry.reason = Some(ReasonCode::from_code(octet));
        }
        Oid::INVALIDITY_DATE => {
            if critical {
                let what = || "the invalidityDate is critical: it must not be".to_owned();
                about.error(Rule("E34", "RFC 5280 §5.3.2"), what);
            }
            let name = "invalidityDate";
            let date = extension.single(GENERALIZED_TIME, name)?;
            entry.invalidity_date = Some(Timestamp::from_element(&date, name)?);
        }
        Oid::CERTIFICATE_ISSUER => {
            let rule = Rule("E35", "RFC 5280 §5.3.3");
            if !critical {
                let what = || "the certificateIssuer is not critical: it must be".to_owned();
                about.error(rule, what);
            }
            if !case.crl.is_indirect() {
                let what = || "a certificateIssuer in a CRL that is not indirect".to_owned();
                about.error(rule, what);
            }
            extension.single(SEQUENCE, "certificateIssuer")?;
        }
        _ => {}
    }
    Ok(())
}

fn reason(case: Case<'_>, code: ReasonCode, about: &mut About<'_>) {
    let rule = Rule("E29", "RFC 5280 §5.3.1");
    // Of these, the Baseline Requirements have rules of their own.
    let is_private = !case.profile.is_cabf();
    match code {
        ReasonCode::Reason(Reason::Unspecified) if is_private => {
            let what = || "the reason unspecified should be left out".to_owned();
            about.add(Severity::Warning, rule, what);
        }
        ReasonCode::Reason(Reason::CaCompromise)
            if is_private && case.is_ca(about.serial) == Some(false) =>
        {
            let what = || "cACompromise, and the certificate is not one of a CA".to_owned();
            about.add(Severity::Warning, Rule("E31", "X.509 §9.5.3.1"), what);
        }
        ReasonCode::CertificateHold if is_private => {
            let what = || "certificateHold: this revocation may be taken back".to_owned();
            about.add(Severity::Notice, Rule("E44", "RFC 5280 §5.3.1"), what);
        }
        ReasonCode::RemoveFromCrl if !case.crl.is_delta() => {
            about.error(rule, || "removeFromCRL in a CRL that is not a delta CRL".to_owned());
        }
        ReasonCode::Unassigned(code) => about.error(rule, || format!("{code} is no reason")),
        _ => {}
    }
}
