//! A root, a CA below it, what they issued, and the CRLs that were released into a directory.

use crate::{
    ca::{Ca, Template, distribution_points, leaf},
    openssl::directory::Directory,
    relying::{
        self, OpenSslVerify,
        Verdict::{self, Good, Revoked, Unknown},
    },
    toy::{ToyClock, day},
};
use annul::{
    AddIssuer, Authority, CaCertificate, Certificate, CertificateList, CheckOutcome, Clock,
    CrlPlace, DirectorySink, Distribution, DistributionError, Error, Issue, LocalVerifier,
    MemoryStore, Partition, Policy, PublishError, Registration, Released, ReserveSerial,
    RevocationCheck, RevocationDetails, Revoke, Scope, Target,
};
use std::{cell::Cell, fs, time::Duration};
use webpki::RevocationCheckDepth;

pub const BASE: &str = "http://crl.example";

/// The longest entry: RFC 5280 §5.1.2.6 with 20 octets of serial number, a GeneralizedTime, a
/// reason and an invalidityDate.
const LONGEST_ENTRY: u64 = 81;

pub struct World {
    pub authority: Authority<MemoryStore>,
    pub root: Ca,
    /// It issues to end entities.
    pub below: Ca,
    /// Its certificate, which says that its CRL is one of CAs.
    pub below_certificate: Certificate,
    clock: ToyClock,
    root_certificate: Certificate,
    directory: Directory,
    openssl: Option<OpenSslVerify>,
    issued: Cell<u64>,
}

/// An end entity, and the partition that it was bound to.
pub struct Issued {
    pub certificate: Certificate,
    pub partition: Partition,
}

/// What a path comes to with delta CRLs, and without.
pub type Verdicts = (Verdict, Verdict);

/// Which certificates of a path are asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    First,
    All,
}

impl World {
    /// In the middle of 2026. The root has CRLs of all certificates and of those of CAs.
    pub fn new() -> Self {
        let (root, below) = (Ca::new("root"), Ca::new("below"));
        let clock = ToyClock::at(day(180));
        let mut policy = Policy::default();
        policy.slots_at_once = 1;
        let authority =
            Authority::new(MemoryStore::new()).with_clock(clock.clone()).with_policy(policy);
        // The root too must be on a CRL for those who ask about all of a path.
        let place = CrlPlace::complete(root.id(), Scope::CaCertificates);
        let uri = format!("{BASE}/{}", place.file_name());
        let certify = |ca: &Ca, serial| {
            let template = ca.template(serial);
            let extensions = [template.extensions, vec![distribution_points(&uri)]].concat();
            let not_after = day(20 * 365);
            root.sign(&Template { extensions, not_after, ..template })
        };
        let (root_certificate, below_certificate) = (certify(&root, "01"), certify(&below, "02"));
        let openssl = OpenSslVerify::new(root_certificate.der());
        let (directory, issued) = (Directory::new(), Cell::new(0));
        let world = Self {
            authority,
            root,
            below,
            below_certificate,
            clock,
            root_certificate,
            directory,
            openssl,
            issued,
        };
        world.add(&world.root_certificate);
        let of_cas = Distribution::new(BASE).with_ca_certificates();
        world.authority.set_distribution(world.root.id(), &of_cas).unwrap();
        let uris = world.authority.distribution_points(world.root.id(), Scope::CaCertificates);
        assert_eq!(uris.unwrap(), [uri]);
        world.add(&world.below_certificate);
        world
    }

    /// The root certifies another CA.
    pub fn certify(&self, ca: &Ca, serial: &str) -> Certificate {
        let certificate = self.root.sign(&ca.template(serial));
        self.add(&certificate);
        certificate
    }

    fn add(&self, certificate: &Certificate) {
        let certificate = CaCertificate::new(certificate.clone()).unwrap();
        self.authority.add_issuer(&AddIssuer::new(certificate)).unwrap();
    }

    /// Says how the CRLs of the CA below are distributed.
    pub fn distribute(&self, distribution: &Distribution) {
        self.authority.set_distribution(self.below.id(), distribution).unwrap();
    }

    /// As these settings, with partitions that hold so many certificates.
    pub fn divided(&self, distribution: &Distribution, capacity: u64) -> Distribution {
        let sized = |size| distribution.clone().with_partition_size(size);
        let refused = self.authority.set_distribution(self.below.id(), &sized(0));
        let Err(Error::Distribution(DistributionError::PartitionSize { least, .. })) = refused
        else {
            panic!("nothing fits into nothing")
        };
        sized(least + (capacity - 1) * LONGEST_ENTRY)
    }

    /// The CA below issues a certificate with the URI that it must carry: that of its partition, or
    /// else the first one of this scope.
    pub fn issue(&self, scope: Scope) -> Issued {
        self.issued.set(self.issued.get() + 1);
        // With its top bit set, as half of all random ones have it.
        let serial = format!("c3{:030x}", self.issued.get());
        let issuer = self.below.id();
        let reserve = ReserveSerial::new(issuer, serial.parse().unwrap());
        let reserved = self.authority.reserve(&reserve).unwrap();
        let uri = reserved.distribution_point.unwrap_or_else(|| {
            self.authority.distribution_points(issuer, scope).unwrap().swap_remove(0)
        });
        let mut template = leaf(&serial);
        template.extensions.push(distribution_points(&uri));
        let certificate = self.below.sign(&template);
        let registration = Registration::of_certificate(certificate.clone());
        let registered = self.authority.register(&registration).unwrap();
        assert_eq!(registered.partition, reserved.partition);
        Issued { certificate, partition: registered.partition }
    }

    pub fn revoke(&self, certificate: &Certificate) {
        self.revoke_with(certificate, RevocationDetails::default());
    }

    pub fn revoke_with(&self, certificate: &Certificate, details: RevocationDetails) {
        let target = Target::from(certificate.clone());
        self.authority.revoke(&Revoke::new(target).with_details(details)).unwrap();
    }

    /// Releases a CRL an hour later.
    pub fn release(&self, ca: &Ca, issue: &Issue) -> Released {
        self.try_release(ca, issue).unwrap()
    }

    pub fn try_release(&self, ca: &Ca, issue: &Issue) -> Result<Released, PublishError> {
        let later = self.clock.now().saturating_add(Duration::from_secs(60 * 60));
        self.clock.set(later);
        let sink = DirectorySink::new("web", self.directory.path("."));
        self.authority.issue(ca.id(), issue, &ca.key, &[&sink])
    }

    /// What the directory shows.
    pub fn shown(&self, place: &CrlPlace) -> Vec<u8> {
        fs::read(self.directory.path(place.file_name())).unwrap()
    }

    /// Releases a complete CRL of the CA below, and shows it.
    pub fn complete(&self, scope: Scope) -> Vec<u8> {
        self.release(&self.below, &crate::complete(scope));
        self.shown(&CrlPlace::complete(self.below.id(), scope))
    }

    /// Releases a delta CRL of the CA below, and shows it.
    pub fn delta(&self, scope: Scope) -> Vec<u8> {
        self.release(&self.below, &crate::delta(scope));
        self.shown(&CrlPlace::delta(self.below.id(), scope))
    }

    /// What all of them say of an end entity of the CA below.
    pub fn judge(&self, end_entity: &Certificate, crls: &[&Vec<u8>]) -> Verdicts {
        self.judge_path(&[end_entity, &self.below_certificate], crls, Asked::First)
    }

    /// What all of them say of a path, its end first.
    pub fn judge_path(&self, path: &[&Certificate], crls: &[&Vec<u8>], asked: Asked) -> Verdicts {
        let crls: Vec<&[u8]> = crls.iter().map(|der| der.as_slice()).collect();
        let is_delta = |der: &[u8]| CertificateList::from_der(der).unwrap().base_number().is_some();
        let without: Vec<&[u8]> = crls.iter().copied().filter(|der| !is_delta(der)).collect();
        let verdicts = [true, false].map(|with_deltas| self.ours(path, &crls, asked, with_deltas));
        let ders: Vec<Vec<u8>> = path.iter().map(|it| it.der().to_vec()).collect();
        let at = self.clock.now();
        if let Some(openssl) = &self.openssl {
            let options = if asked == Asked::All { "-crl_check_all" } else { "-crl_check" };
            let with_deltas = format!("{options} -use_deltas");
            let found =
                [&*with_deltas, options].map(|options| openssl.judge(&ders, &crls, options, at));
            assert_eq!(found, verdicts, "by openssl, and by this crate");
        }
        // It has no delta CRLs, and no CAs at the end of a path.
        if !path[0].is_ca() && !without.is_empty() {
            let depth = match asked {
                Asked::First => RevocationCheckDepth::EndEntity,
                Asked::All => RevocationCheckDepth::Chain,
            };
            let root = self.root_certificate.der();
            let found = relying::webpki(root, &ders, &without, depth, at);
            assert_eq!(found, verdicts[1], "by rustls-webpki, and by this crate");
        }
        verdicts.into()
    }

    fn ours(
        &self,
        path: &[&Certificate],
        crls: &[&[u8]],
        asked: Asked,
        with_deltas: bool,
    ) -> Verdict {
        let crls: Vec<_> = crls.iter().map(|der| CertificateList::from_der(der).unwrap()).collect();
        let issuers = path[1..].iter().copied().chain([&self.root_certificate]);
        let asked = if asked == Asked::All { path.len() } else { 1 };
        let verdicts = path.iter().zip(issuers).take(asked).map(|(certificate, issuer)| {
            let check = RevocationCheck::new(issuer);
            let check = if with_deltas { check } else { check.without_deltas() };
            match check.check(certificate, &crls, self.clock.now(), &LocalVerifier) {
                CheckOutcome::Good => Good,
                CheckOutcome::Revoked(_) => Revoked,
                CheckOutcome::Undetermined(_) => Unknown,
            }
        });
        verdicts.fold(Good, |all, one| match (all, one) {
            (Revoked, _) | (_, Revoked) => Revoked,
            (Unknown, _) | (_, Unknown) => Unknown,
            _ => Good,
        })
    }
}
