//! The thread that sends the requests of a sink.

use std::{future::Future, io, pin::Pin, sync::mpsc as answers, thread};
use tokio::{runtime, sync::mpsc};

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A runtime on a thread of its own. It ends when this is dropped, and all that it does with it.
pub(super) struct Worker(mpsc::UnboundedSender<Job>);

impl Worker {
    pub(super) fn start() -> io::Result<Self> {
        let (jobs, queue) = mpsc::unbounded_channel();
        let (answer, started) = answers::sync_channel(1);
        let work = move || match runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => {
                // Who wanted it may have died.
                let _ = answer.send(Ok(()));
                runtime.block_on(serve(queue));
            }
            Err(error) => drop(answer.send(Err(error))),
        };
        thread::Builder::new().name("annul-bucket".into()).spawn(work)?;
        started.recv().map_err(io::Error::other)??;
        Ok(Self(jobs))
    }

    /// Has the thread do something, beside what others had it do, and waits for the answer. `None`
    /// where there will be none. Waiting for a channel is allowed on a worker of an async runtime.
    pub(super) fn run<T: Send + 'static>(
        &self,
        job: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (answer, done) = answers::sync_channel(1);
        let job = async move { drop(answer.send(job.await)) };
        self.0.send(Box::pin(job)).ok()?;
        done.recv().ok()
    }
}

async fn serve(mut queue: mpsc::UnboundedReceiver<Job>) {
    while let Some(job) = queue.recv().await {
        // A task of its own: what panics in it ends it alone.
        tokio::spawn(job);
    }
}
