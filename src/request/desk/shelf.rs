//! The certificates themselves: kept, withheld, deleted; and those that were uploaded.

use super::{ATTEMPTS, Desk, DeskError, file, must_be, must_be_of};
use crate::{
    authority::{CertificateStatus, Error, Status},
    certificate::Certificate,
    codec::{Damaged, Reader, Writer},
    lifecycle::Refusal,
    request::{identifier::CertificateId, life::RequestStage, pair},
    store::{Assert, Batch, Put, Record, Retire, Space, Store, StoreError, Table, Version, key},
    time::Timestamp,
};

/// A certificate that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Upload {
    pub(super) account: String,
    pub(super) at: Timestamp,
    pub(super) der: Vec<u8>,
}

impl Upload {
    const FORMAT: u8 = 1;

    fn to_octets(&self) -> Vec<u8> {
        let mut out = Writer::new(Self::FORMAT);
        out.text(&self.account);
        out.timestamp(self.at);
        out.octet_string(&self.der);
        out.finish()
    }

    pub(super) fn from_octets(record: &[u8]) -> Result<Self, Damaged> {
        let mut fields = Reader::new(record, Self::FORMAT)?;
        let (account, at) = (fields.text()?, fields.timestamp()?);
        let der = fields.octet_string()?.to_vec();
        fields.finish()?;
        Ok(Self { account, at, der })
    }
}

/// What the keys of the uploads of an account start with.
pub(super) fn uploads(account: &str) -> Vec<u8> {
    pair("desk: uploads of an account", account.as_bytes()).to_vec()
}

fn upload_key(account: &str, fingerprint: &[u8; 32]) -> Vec<u8> {
    [uploads(account), fingerprint.to_vec()].concat()
}

impl<S: Store> Desk<S> {
    /// Keeps the DER of a certificate that is registered, so that it can be viewed and downloaded.
    ///
    /// # Errors
    /// [`Refusal::ForeignCertificate`]; [`Refusal::UnknownCertificate`] where it is not registered,
    /// or only its serial number is; [`DeskError::Deleted`].
    pub fn deposit(&self, certificate: &Certificate) -> Result<CertificateId, DeskError> {
        let issuer = self.authority.issuer_of(certificate)?;
        let serial = certificate.serial().to_serial().map_err(Error::from)?;
        let key = key::certificate(issuer, serial);
        for _ in 0..ATTEMPTS {
            let snapshot = self.authority.store().snapshot()?;
            let version = |table| -> Result<Version, StoreError> {
                let record = snapshot.get(Space::Table(table), &key)?;
                Ok(record.map_or(Version::ABSENT, |record| record.version))
            };
            // Whoever takes the record away takes the DER with it, so the one holds on to the other.
            let (registered, expected) =
                (version(Table::Certificates)?, version(Table::CertificateDer)?);
            if let Some(at) = file::read_file(&*snapshot, &key)?.1.deleted_at {
                return Err(DeskError::Deleted { at });
            }
            let requests = version(Table::Requests)?;
            drop(snapshot);
            let record = self.authority.status(issuer, serial)?.record;
            if record.and_then(|record| record.identity) != Some(certificate.identity()) {
                return Err(Error::from(Refusal::UnknownCertificate { issuer, serial }).into());
            }
            let assert = |table, expected| Assert { table, key: key.clone(), expected };
            let (table, value) = (Table::CertificateDer, certificate.der().to_vec());
            let batch = Batch {
                asserts: vec![
                    assert(Table::Certificates, registered),
                    assert(Table::Requests, requests),
                ],
                puts: vec![Put { table, key: key.clone(), expected, value }],
                ..Batch::default()
            };
            match self.authority.store().apply(&batch) {
                Ok(()) => return Ok(CertificateId::Issued { issuer, serial }),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(DeskError::Contended { attempts: ATTEMPTS })
    }

    /// The DER of a certificate, to be viewed or downloaded.
    ///
    /// # Errors
    /// [`DeskError::Withheld`] from when its revocation was requested, or recorded without a request,
    /// unless its class is handled [otherwise](crate::Handling::without_withholding);
    /// [`DeskError::Deleted`], [`DeskError::AnothersCertificate`], [`DeskError::NotKept`].
    pub fn certificate(
        &self,
        certificate: CertificateId,
        account: &str,
    ) -> Result<Vec<u8>, DeskError> {
        let (issuer, serial) = match certificate {
            CertificateId::Issued { issuer, serial } => (issuer, serial),
            CertificateId::Uploaded(fingerprint) => {
                return Ok(self.upload_of(account, &fingerprint)?.0.der);
            }
        };
        let status = self.authority.status(issuer, serial)?;
        must_be_of(status.record.as_ref(), account)?;
        let file = self.file(issuer, serial)?;
        if let Some(at) = file.deleted_at {
            return Err(DeskError::Deleted { at });
        }
        if let Some(since) = self.withheld_since(&file, &status) {
            return Err(DeskError::Withheld { since });
        }
        let snapshot = self.authority.store().snapshot()?;
        let der = snapshot
            .get(Space::Table(Table::CertificateDer), &key::certificate(issuer, serial))?
            .ok_or(DeskError::NotKept)?;
        Ok(der.value)
    }

    /// Since when a certificate is withheld, if it is.
    fn withheld_since(&self, file: &file::File, status: &Status) -> Option<Timestamp> {
        let now = self.authority.now();
        let has_expired = |stage: &RequestStage| matches!(stage, RequestStage::Waiting { until } if *until <= now);
        let request = file.request.as_ref().filter(|it| it.is_alive() && !has_expired(&it.stage));
        match (request, &status.own) {
            (Some(request), _) => request.withholds.then_some(request.submitted_at),
            (None, CertificateStatus::Revoked(history)) => {
                let withholds = self.handling_of(status.record.as_ref()).withholds;
                withholds.then_some(history.original().recorded_at)
            }
            (None, _) => None,
        }
    }

    /// Deletes a certificate that is revoked or expired from what is listed and shown; again where it
    /// was. Its record stays, and so does its entry on the CRL.
    ///
    /// # Errors
    /// [`DeskError::DeleteForbidden`] where it is neither, [`DeskError::AnothersCertificate`],
    /// [`Refusal::UnknownCertificate`]; of an upload, [`DeskError::NotKept`].
    pub fn delete(&self, certificate: CertificateId, account: &str) -> Result<(), DeskError> {
        let (issuer, serial) = match certificate {
            CertificateId::Issued { issuer, serial } => (issuer, serial),
            CertificateId::Uploaded(fingerprint) => {
                return self.delete_upload(account, &fingerprint);
            }
        };
        self.change((issuer, serial), |file, now| {
            let status = self.authority.status(issuer, serial)?;
            must_be_of(status.record.as_ref(), account)?;
            match status.own {
                CertificateStatus::Revoked(_) | CertificateStatus::Expired { .. } => {}
                CertificateStatus::NotIssued => {
                    let unknown = Refusal::UnknownCertificate { issuer, serial };
                    return Err(Error::from(unknown).into());
                }
                _ => return Err(DeskError::DeleteForbidden),
            }
            file.deleted_at.get_or_insert(now);
            Ok(())
        })
    }

    /// Takes in a certificate of somebody else's CA, to be listed and managed here. It can be viewed
    /// and deleted, and never revoked.
    ///
    /// # Errors
    /// [`DeskError::NotForeign`] where a known issuer signed it; where the store fails.
    pub fn upload(
        &self,
        account: &str,
        certificate: &Certificate,
    ) -> Result<CertificateId, DeskError> {
        match self.authority.issuer_of(certificate) {
            Ok(_) => return Err(DeskError::NotForeign),
            Err(error) if error.refusal().is_some() => {}
            Err(error) => return Err(error.into()),
        }
        let (fingerprint, der) = (certificate.fingerprint(), certificate.der().to_vec());
        let upload = Upload { account: account.to_owned(), at: self.authority.now(), der };
        let put = Put {
            table: Table::Uploads,
            key: upload_key(account, &fingerprint),
            expected: Version::ABSENT,
            value: upload.to_octets(),
        };
        match self.authority.store().apply(&Batch { puts: vec![put], ..Batch::default() }) {
            // It is there.
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(CertificateId::Uploaded(fingerprint)),
            Err(error) => Err(error.into()),
        }
    }

    fn upload_of(
        &self,
        account: &str,
        fingerprint: &[u8; 32],
    ) -> Result<(Upload, Version), DeskError> {
        let key = upload_key(account, fingerprint);
        let record = self.authority.store().snapshot()?.get(Space::Table(Table::Uploads), &key)?;
        let Record { version, value } = record.ok_or(DeskError::NotKept)?;
        let upload = Upload::from_octets(&value);
        let upload = upload.map_err(|problem| file::corrupt("upload", &problem))?;
        must_be(&upload.account, account)?;
        Ok((upload, version))
    }

    fn delete_upload(&self, account: &str, fingerprint: &[u8; 32]) -> Result<(), DeskError> {
        let (_, expected) = self.upload_of(account, fingerprint)?;
        let key = upload_key(account, fingerprint);
        let retire = Retire { table: Table::Uploads, key, expected };
        let batch = Batch { retires: vec![retire], ..Batch::default() };
        match self.authority.store().apply(&batch) {
            // Somebody else has deleted it.
            Ok(()) | Err(StoreError::Conflict { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
