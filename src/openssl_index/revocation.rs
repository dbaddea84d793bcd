//! The third field of a line: when a certificate was revoked, and why.

use super::{OpenSslIndexProblem, shown};
use crate::{
    reason::{Reason, ReasonCode},
    time::Timestamp,
};

/// A revocation as the database of `openssl ca` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenSslRevocation {
    /// When.
    pub date: Timestamp,
    /// Why, if it says so.
    pub reason: Option<ReasonCode>,
    /// Since when the key is compromised, if it says so. The command puts it on CRLs as the
    /// invalidityDate.
    pub invalidity_date: Option<Timestamp>,
}

impl OpenSslRevocation {
    pub(super) fn read(field: &[u8]) -> Result<Self, OpenSslIndexProblem> {
        let mut parts = field.splitn(3, |octet| *octet == b',');
        let date = parts.next().unwrap_or_default();
        let date = Timestamp::from_digits_of_time(date)
            .ok_or_else(|| OpenSslIndexProblem::RevocationDate { text: shown(date) })?;
        let Some(name) = parts.next() else {
            return Ok(Self { date, reason: None, invalidity_date: None });
        };
        let (reason, extra) =
            named(name).ok_or_else(|| OpenSslIndexProblem::Reason { text: shown(name) })?;
        let invalidity_date = extra.read(parts.next())?;
        Ok(Self { date, reason: Some(reason), invalidity_date })
    }
}

/// What comes after a reason.
#[derive(Clone, Copy)]
enum Extra {
    Nothing,
    /// The object identifier of what RFC 3280 called a hold instruction.
    Instruction,
    /// Since when the key is compromised.
    Date,
}

/// The command takes names in any case, and writes its own: `CACompromise` for one.
fn named(name: &[u8]) -> Option<(ReasonCode, Extra)> {
    let is = |other: &str| name.eq_ignore_ascii_case(other.as_bytes());
    let recordable = Reason::ALL.into_iter().find(|reason| is(reason.name()));
    let others = [
        ("certificateHold", ReasonCode::CertificateHold, Extra::Nothing),
        ("holdInstruction", ReasonCode::CertificateHold, Extra::Instruction),
        ("removeFromCRL", ReasonCode::RemoveFromCrl, Extra::Nothing),
        ("keyTime", ReasonCode::Reason(Reason::KeyCompromise), Extra::Date),
        ("CAkeyTime", ReasonCode::Reason(Reason::CaCompromise), Extra::Date),
    ];
    let other = || others.into_iter().find(|(other, ..)| is(other));
    match recordable {
        Some(reason) => Some((ReasonCode::Reason(reason), Extra::Nothing)),
        None => other().map(|(_, code, extra)| (code, extra)),
    }
}

impl Extra {
    fn read(self, text: Option<&[u8]>) -> Result<Option<Timestamp>, OpenSslIndexProblem> {
        let needs = |expected| {
            let text = shown(text.unwrap_or_default());
            Err(OpenSslIndexProblem::Extra { text, expected })
        };
        match (self, text) {
            (Self::Nothing, None) => Ok(None),
            (Self::Nothing, Some(_)) => needs("nothing more"),
            (Self::Instruction, Some([_, ..])) => Ok(None),
            (Self::Instruction, _) => needs("the object identifier of an instruction"),
            (Self::Date, text) => match text.and_then(Timestamp::from_digits_of_time) {
                None => needs("a date such as 20260601120000Z"),
                date => Ok(date),
            },
        }
    }
}
