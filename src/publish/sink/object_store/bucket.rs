//! What is asked of a bucket.

use super::{
    super::{Current, Outgoing, Revision, SinkError},
    fault::{self, Deed},
};
use object_store::{
    Attribute, Attributes, Error, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload, UpdateVersion, path::Path,
};
use std::sync::Arc;

/// A bucket, and what its sink is called.
pub(super) struct Bucket {
    pub(super) name: String,
    pub(super) store: Arc<dyn ObjectStore>,
}

/// What is there.
pub(super) struct Found {
    pub(super) current: Current,
    /// What the store calls it.
    version: UpdateVersion,
}

/// RFC 5280 §4.2.1.13: by the media type a relying party knows that it was sent DER.
pub(super) fn headers(cache_control: String) -> Attributes {
    Attributes::from_iter([
        (Attribute::ContentType, "application/pkix-crl".to_owned()),
        (Attribute::CacheControl, cache_control),
    ])
}

impl Bucket {
    /// What is there.
    pub(super) async fn find(&self, path: &Path) -> Result<Option<Found>, SinkError> {
        let read = async {
            let answer = self.store.get(path).await?;
            let meta = answer.meta.clone();
            Ok((answer.bytes().await?, meta))
        };
        match read.await {
            Ok((octets, meta)) => {
                let der = Vec::from(octets);
                let revision = revision(&meta).unwrap_or_else(|| Revision::of(&der));
                let version = UpdateVersion { e_tag: meta.e_tag, version: meta.version };
                Ok(Some(Found { current: Current::new(der, revision), version }))
            }
            Err(error @ Error::NotFound { .. }) if !fault::lacks_bucket(&error) => Ok(None),
            Err(error) => Err(fault::fault(&self.name, Deed::Read, error)),
        }
    }

    /// Shows a CRL where it may be shown.
    pub(super) async fn show(
        &self,
        path: &Path,
        outgoing: &Outgoing<'_>,
        replaces: Option<&Revision>,
        headers: Attributes,
    ) -> Result<(), SinkError> {
        let payload = PutPayload::from(outgoing.der.to_vec());
        let put = |mode: PutMode, headers: &Attributes| {
            let options = PutOptions { mode, attributes: headers.clone(), ..PutOptions::default() };
            self.store.put_opts(path, payload.clone(), options)
        };
        let overwrite = async || match put(PutMode::Overwrite, &headers).await {
            // A file system keeps no headers.
            Err(Error::NotImplemented { .. }) => put(PutMode::Overwrite, &Attributes::new()).await,
            answer => answer,
        };
        let fault = |error| fault::fault(&self.name, Deed::Write, error);
        if outgoing.trusts_record && matches!(self.find(path).await, Err(SinkError::WriteOnly)) {
            return overwrite().await.map(drop).map_err(fault);
        }
        // That nothing is there is a condition that needs no look, and no right to look.
        let found = match replaces {
            Some(_) => self.find(path).await?,
            None => None,
        };
        if !outgoing.is_due(found.as_ref().map(|found| &found.current), replaces)? {
            return Ok(());
        }
        let mode = found.map_or(PutMode::Create, |found| PutMode::Update(found.version));
        let failed = match put(mode, &headers).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let has_conditions = match &failed {
            Error::AlreadyExists { .. } | Error::Precondition { .. } => true,
            Error::NotImplemented { .. } => false,
            _ => return Err(fault(failed)),
        };
        let found = self.find(path).await?.map(|found| found.current);
        // The store may have carried out an attempt whose answer was lost: then it is there.
        if !outgoing.is_due(found.as_ref(), replaces)? {
            return Ok(());
        }
        if has_conditions {
            let found = found.and_then(|found| found.number());
            return Err(SinkError::Overtaken { found });
        }
        overwrite().await.map(drop).map_err(fault)
    }

    /// Tries out whether objects may be written and read, and says whether the store heeds
    /// conditions.
    pub(super) async fn probe(&self, path: &Path) -> Result<bool, SinkError> {
        let put = |mode: PutMode| {
            let octets = PutPayload::from_static(b"annul was here\n");
            self.store.put_opts(path, octets, PutOptions::from(mode))
        };
        put(PutMode::Overwrite)
            .await
            .map_err(|error| fault::fault(&self.name, Deed::Write, error))?;
        // The version of nothing that ever was. Google takes numbers only.
        let never =
            UpdateVersion { e_tag: Some("\"annul-never\"".into()), version: Some("1".into()) };
        let compares = match put(PutMode::Update(never)).await {
            // Who else probes there may have deleted it.
            Err(Error::Precondition { .. } | Error::NotFound { .. }) => true,
            Ok(_) | Err(Error::NotImplemented { .. }) => false,
            Err(error) => return Err(fault::fault(&self.name, Deed::Write, error)),
        };
        let found = self.find(path).await;
        // Deleting is no right that publishing takes.
        let _ = self.store.delete(path).await;
        found.map(|_| compares)
    }
}

/// What names this version of an object; `None` where the store has no name for it.
fn revision(meta: &ObjectMeta) -> Option<Revision> {
    let names = [&meta.e_tag, &meta.version];
    let names: Vec<&str> = names.into_iter().flatten().map(String::as_str).collect();
    (!names.is_empty()).then(|| Revision::new(names.join(" ")))
}
