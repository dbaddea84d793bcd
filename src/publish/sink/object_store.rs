//! A bucket of an object store.

mod bucket;
mod fault;
mod worker;

use self::{bucket::Bucket, worker::Worker};
use super::{Current, Outgoing, Revision, Sink, SinkError};
use crate::scope::CrlPlace;
use object_store::{ObjectStore, path::Path};
use std::{
    fmt,
    future::Future,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use url::Url;

/// A bucket on S3, Google Cloud Storage, Azure, or whatever else the crate `object_store` speaks
/// to. Each CRL is an object with its [name](CrlPlace::file_name) below a prefix, with the content
/// type `application/pkix-crl` (RFC 5280 §4.2.1.13).
///
/// # Who is faster
///
/// A CRL is put on the condition that what is there has not changed, and that condition is the
/// store's. So of two publishers one is told [`SinkError::Overtaken`], whatever each of them
/// believes. Not every store has such conditions, and some that speak S3 do not heed them.
/// [`Sink::check`] finds out, and until it did, [`Sink::compares`] says no. Without conditions what
/// is there is compared just before it is replaced, which is enough for one publisher.
///
/// # What rights it takes
///
/// To put and to read objects; on S3 `s3:PutObject` and `s3:GetObject`. With `s3:ListBucket` too S3
/// says of an object that is not there that it is not; without, that it may not be read, and
/// [`Sink::current`] has to answer [`SinkError::WriteOnly`]. The first CRL can be put all the same; any
/// can, without conditions, where it [trusts the record](Outgoing::trusts_record).
///
/// [`Sink::check`] puts an object `.annul-probe` below the prefix, tries to replace it on a
/// condition that does not hold, reads it and deletes it. It may stay there where deleting is
/// forbidden.
///
/// # Caches
///
/// Each CRL says `Cache-Control: public, max-age=…`: an hour, or what
/// [`max_age`](ObjectStoreSink::max_age) sets, and never past five minutes before its nextUpdate.
/// A store sends with each answer what was true when the CRL was put. Someone who asks late keeps
/// it as long as someone who asked at once, so have the next CRL follow at least that long before
/// nextUpdate.
///
/// # Waiting
///
/// Requests are sent by a thread that is the sink's own, so calls are allowed on a worker of an
/// async runtime, but they block it. Give the sink a store that nothing else uses: its connections
/// end with that thread. The store tries again what fails for a moment, as it was set up to.
///
/// ```
/// use annul::{ObjectStoreSink, Sink};
///
/// // A real one: "s3://bucket/prefix", with a feature such as `object-store-aws`, and
/// let settings = std::env::vars().filter(|(name, _)| name.starts_with("AWS_"));
///
/// let sink = ObjectStoreSink::from_url("bucket", "memory:///crl", settings)?;
/// sink.check()?;
/// assert!(sink.compares());
/// # Ok::<(), annul::SinkError>(())
/// ```
pub struct ObjectStoreSink {
    bucket: Arc<Bucket>,
    prefix: Path,
    max_age: Duration,
    patience: Duration,
    worker: Worker,
    compares: AtomicBool,
}

/// How long before nextUpdate a cache has to ask again, for the clocks that differ.
const MARGIN: Duration = Duration::from_secs(5 * 60);

impl ObjectStoreSink {
    /// A sink of this name in this store, below a prefix such as `crl/root`, which may be empty.
    ///
    /// # Errors
    /// [`SinkError::Misconfigured`] where the prefix cannot be one, and [`SinkError::Unavailable`]
    /// where there can be no thread.
    pub fn new(
        name: impl Into<String>,
        store: Arc<dyn ObjectStore>,
        prefix: &str,
    ) -> Result<Self, SinkError> {
        let name = name.into();
        let prefix = Path::parse(prefix)
            .map_err(|error| fault::misconfigured(&name, "the prefix cannot be used", error))?;
        let worker = Worker::start().map_err(|error| fault::unavailable(&name, error))?;
        Ok(Self {
            bucket: Arc::new(Bucket { name, store }),
            prefix,
            max_age: Duration::from_secs(60 * 60),
            patience: Duration::from_secs(60),
            worker,
            compares: AtomicBool::new(false),
        })
    }

    /// A sink of this name in the store and below the prefix that a URL names, such as
    /// `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.
    ///
    /// The settings are those of the crate `object_store`, such as `aws_region`; it passes over
    /// names that it does not know, and the case does not matter. No environment variable is read
    /// that is not among them.
    ///
    /// # Errors
    /// [`SinkError::Misconfigured`] where the URL or a setting cannot be used, or the feature for
    /// such stores is off; [`SinkError::Unavailable`] where there can be no thread.
    pub fn from_url<K: AsRef<str>, V: Into<String>>(
        name: impl Into<String>,
        url: &str,
        settings: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, SinkError> {
        let name = name.into();
        let url = Url::parse(url)
            .map_err(|error| fault::misconfigured(&name, "its address is no URL", error))?;
        let (store, prefix) = object_store::parse_url_opts(&url, settings)
            .map_err(|error| fault::misconfigured(&name, "its address cannot be used", error))?;
        Self::new(name, Arc::from(store), prefix.as_ref())
    }

    /// How long caches may keep a CRL at most: an hour unless this is said.
    #[must_use]
    pub fn max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// How long a call waits at most, all attempts together: a minute unless this is said.
    #[must_use]
    pub fn answer_timeout(mut self, timeout: Duration) -> Self {
        self.patience = timeout;
        self
    }

    fn path(&self, name: &str) -> Path {
        self.prefix.clone().join(name)
    }

    fn cache_control(&self, outgoing: &Outgoing<'_>) -> String {
        let fresh = outgoing.next_update.saturating_since(outgoing.now).saturating_sub(MARGIN);
        format!("public, max-age={}", self.max_age.min(fresh).as_secs())
    }

    /// Has the thread do something with the bucket, and waits for it.
    fn run<T, F>(&self, job: impl FnOnce(Arc<Bucket>) -> F) -> Result<T, SinkError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, SinkError>> + Send + 'static,
    {
        let patience = self.patience;
        let job = job(Arc::clone(&self.bucket));
        let answer = self.worker.run(async move { tokio::time::timeout(patience, job).await });
        match answer {
            Some(Ok(answer)) => answer,
            Some(Err(_)) => {
                let error = io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no answer within {patience:?}"),
                );
                Err(fault::unavailable(self.name(), error))
            }
            None => Err(fault::unavailable(self.name(), io::Error::other("its thread ended"))),
        }
    }
}

impl fmt::Debug for ObjectStoreSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStoreSink")
            .field("name", &self.bucket.name)
            // What it is shown as to a reader holds no secret.
            .field("store", &format_args!("{}", self.bucket.store))
            .field("prefix", &self.prefix.as_ref())
            .finish_non_exhaustive()
    }
}

impl Sink for ObjectStoreSink {
    fn name(&self) -> &str {
        &self.bucket.name
    }

    fn check(&self) -> Result<(), SinkError> {
        let path = self.path(".annul-probe");
        let compares = self.run(|bucket| async move { bucket.probe(&path).await })?;
        self.compares.store(compares, Ordering::Relaxed);
        Ok(())
    }

    fn current(&self, place: &CrlPlace) -> Result<Option<Current>, SinkError> {
        let path = self.path(&place.file_name());
        let found = self.run(|bucket| async move { bucket.find(&path).await })?;
        Ok(found.map(|found| found.current))
    }

    fn put(&self, outgoing: &Outgoing<'_>, replaces: Option<&Revision>) -> Result<(), SinkError> {
        let path = self.path(&outgoing.place.file_name());
        let headers = bucket::headers(self.cache_control(outgoing));
        let (der, outgoing) = (outgoing.der.to_vec(), Outgoing { der: &[], ..*outgoing });
        let replaces = replaces.cloned();
        self.run(|bucket| async move {
            let outgoing = Outgoing { der: &der, ..outgoing };
            bucket.show(&path, &outgoing, replaces.as_ref(), headers).await
        })
    }

    fn compares(&self) -> bool {
        self.compares.load(Ordering::Relaxed)
    }
}
