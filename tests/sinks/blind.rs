//! A bucket that may be written and not read, as where S3 grants `s3:PutObject` alone.

use crate::{
    put,
    support::crl::{crl, outgoing, place},
};
use annul::{ObjectStoreSink, Outgoing, Sink, SinkError};
use futures_util::stream::BoxStream;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    memory::InMemory, path::Path,
};
use std::{fmt, sync::Arc};

/// A store that answers nobody who reads.
#[derive(Debug)]
struct Unreadable(Arc<InMemory>);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unreadable")
    }
}

#[async_trait::async_trait]
impl ObjectStore for Unreadable {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        self.0.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, _: GetOptions) -> Result<GetResult> {
        Err(Error::PermissionDenied { path: location.to_string(), source: "AccessDenied".into() })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

#[test]
fn what_cannot_be_read_is_replaced_only_where_the_record_is_trusted() {
    let store = Arc::new(InMemory::new());
    let sink =
        ObjectStoreSink::new("bucket", Arc::new(Unreadable(Arc::clone(&store))), "").unwrap();
    assert!(matches!(sink.check(), Err(SinkError::WriteOnly)));
    assert!(matches!(sink.current(&place()), Err(SinkError::WriteOnly)));
    let shown = || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let path = Path::from(place().file_name());
        runtime.block_on(async { store.get(&path).await.unwrap().bytes().await.unwrap().to_vec() })
    };
    let ders = [1, 2, 3].map(|number| crl(number, 100));
    sink.put(&outgoing(place(), 1, &ders[0]), None).unwrap();
    // Nothing says that what is there is older.
    let second = outgoing(place(), 2, &ders[1]);
    assert!(matches!(sink.put(&second, None), Err(SinkError::WriteOnly)));
    assert_eq!(shown(), ders[0]);
    for (number, der) in (2..).zip(&ders[1..]) {
        let trusting = Outgoing { trusts_record: true, ..outgoing(place(), number, der) };
        sink.put(&trusting, None).unwrap();
        assert_eq!(&shown(), der);
    }

    // Where it can be read, trust changes nothing: an older one never takes its place.
    let readable = ObjectStoreSink::new("bucket", store.clone(), "").unwrap();
    let older = Outgoing { trusts_record: true, ..second };
    assert!(matches!(readable.put(&older, None), Err(SinkError::Overtaken { .. })));
    put(&readable, 4).unwrap();
}
