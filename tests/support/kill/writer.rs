//! Who works until it is killed, and tells of each answer after it has it.

use super::cas::{CAS, authority_of, middle};
use crate::support::{
    random::Random,
    toy::{Ca, serial},
};
use annul::{
    Authority, CertificateList, CrlRequest, Error, Refusal, Revoke, RevokeCa, Stage, Store, Target,
};
use std::{fmt, io, str::FromStr, time::Duration};

/// What was answered, of the CA with this number.
#[derive(Clone, Copy, Debug)]
pub enum Told {
    /// A certificate is revoked: its number, and the position.
    Revoked(usize, u64, u64),
    /// The CA fell.
    Fell(usize),
    /// A CRL with this number became visible.
    Crl(usize, u64),
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Revoked(ca, number, position) => write!(f, "revoked {ca} {number} {position}"),
            Self::Fell(ca) => write!(f, "fell {ca}"),
            Self::Crl(ca, number) => write!(f, "crl {ca} {number}"),
        }
    }
}

impl FromStr for Told {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut words = line.split_whitespace();
        let word = words.next();
        let numbers: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        match (word, &*numbers) {
            (Some("revoked"), &[ca, number, at]) => Ok(Self::Revoked(ca as usize, number, at)),
            (Some("fell"), &[ca]) => Ok(Self::Fell(ca as usize)),
            (Some("crl"), &[ca, number]) => Ok(Self::Crl(ca as usize, number)),
            _ => Err(()),
        }
    }
}

/// A CRL in memory that is shown to somebody when it becomes visible.
pub struct Shown<F>(Vec<u8>, F);

impl<F: FnMut(&[u8])> Stage for Shown<F> {
    fn begin(&mut self) -> io::Result<()> {
        self.0.clear();
        Ok(())
    }

    fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.0.extend_from_slice(octets);
        Ok(())
    }

    fn overwrite(&mut self, first: &[u8]) -> io::Result<()> {
        self.0[..first.len()].copy_from_slice(first);
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
        (self.1)(&self.0);
        Ok(())
    }

    fn abort(&mut self) {}
}

/// Makes the CRL of a CA and shows it before the call returns.
pub fn crl<S: Store>(
    authority: &Authority<S>,
    ca: &Ca,
    show: impl FnMut(&[u8]),
) -> Result<(), Error> {
    let request = CrlRequest::new(Duration::from_secs(86_400));
    authority.crl(ca.id(), &request, ca, &mut Shown(Vec::new(), show)).map(drop)
}

/// The number of a CRL.
pub fn number_of(crl: &[u8]) -> u64 {
    let number = CertificateList::from_der(crl).unwrap().number().unwrap();
    number.as_octets().iter().fold(0, |number, octet| number << 8 | u64::from(*octet))
}

/// Works on a store until that fails.
pub fn write(store: Box<dyn Store>, life: u64) -> Error {
    let authority = authority_of(store, life);
    let mut random = Random(life);
    let mut number = (life + 1) << 32;
    loop {
        number += 1;
        match one_command(&authority, random.below(CAS), random.below(24), number) {
            Ok(()) | Err(Error::Refused(Refusal::AlreadyFallen { .. })) => {}
            Err(error) => return error,
        }
    }
}

/// Lets a CA fall, makes its CRL, or revokes the certificate with this number.
fn one_command(
    authority: &Authority<Box<dyn Store>>,
    ca: usize,
    luck: usize,
    number: u64,
) -> Result<(), Error> {
    let issuer = middle(ca).id();
    match luck {
        0 | 1 => {
            authority.revoke_ca(&RevokeCa::new(issuer))?;
            println!("{}", Told::Fell(ca));
        }
        2..8 => {
            crl(authority, &middle(ca), |crl| println!("{}", Told::Crl(ca, number_of(crl))))?;
        }
        _ => {
            let target = Target::Serial { issuer, serial: serial(number) };
            let revoked = authority.revoke(&Revoke::new(target))?;
            println!("{}", Told::Revoked(ca, number, revoked.position.0));
        }
    }
    Ok(())
}
