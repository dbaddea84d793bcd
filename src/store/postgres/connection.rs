//! A connection, on a thread of its own.
//!
//! The thread waits inside the runtime that drives the connection, so that it notices at once when
//! the server hangs up. Whoever calls only waits for a channel, which is allowed on a worker of an
//! async runtime too.

use super::{fault::Fault, sql};
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    future::{Future, poll_fn},
    pin::Pin,
    sync::{Arc, mpsc as answers},
    task::Poll,
    thread,
    time::Duration,
};
use tokio::{runtime, sync::mpsc, task::JoinHandle, time};
use tokio_postgres::{Client, Config, Error, Statement};

#[cfg(feature = "postgres-tls")]
pub(super) use super::tls::Connector as Tls;
#[cfg(not(feature = "postgres-tls"))]
pub(super) use tokio_postgres::NoTls as Tls;

/// Where to connect, and how.
pub(super) struct Target {
    pub(super) config: Config,
    /// The statements that begin a session.
    pub(super) settings: String,
    /// How long to wait for one answer.
    pub(super) patience: Duration,
    /// What makes a connection secret.
    pub(super) tls: Tls,
}

/// A connection as its own thread sees it.
pub(super) struct Session {
    client: Client,
    statements: RefCell<HashMap<&'static str, Statement>>,
    patience: Duration,
    is_spoilt: Cell<bool>,
}

type Job = Box<dyn for<'a> FnOnce(&'a Session) -> Pin<Box<dyn Future<Output = ()> + 'a>> + Send>;

/// A connection as everybody else sees it.
pub(super) struct Connection(mpsc::UnboundedSender<Job>);

impl Connection {
    /// Connects.
    pub(super) fn open(target: &Arc<Target>) -> Result<Self, Fault> {
        let (jobs, queue) = mpsc::unbounded_channel();
        let (answer, opened) = answers::sync_channel(1);
        let target = Arc::clone(target);
        let work = move || live(&target, &answer, queue);
        thread::Builder::new().name("annul-postgres".into()).spawn(work).map_err(Fault::Thread)?;
        opened.recv().map_err(|_| Fault::Gone)??;
        Ok(Self(jobs))
    }

    /// Whether nothing is known to be wrong with it.
    pub(super) fn is_open(&self) -> bool {
        !self.0.is_closed()
    }

    /// Has the thread do something, and waits for the answer.
    pub(super) fn run<T: Send + 'static>(
        &self,
        job: impl AsyncFnOnce(&Session) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (answer, done) = answers::sync_channel(1);
        self.start(async move |session| {
            // Who asked may have died.
            let _ = answer.send(job(session).await);
        })?;
        done.recv().map_err(|_| Fault::Gone)?
    }

    /// Has the thread do something after what it does now.
    pub(super) fn start(
        &self,
        job: impl AsyncFnOnce(&Session) + Send + 'static,
    ) -> Result<(), Fault> {
        self.0.send(Box::new(|session| Box::pin(job(session)))).map_err(|_| Fault::Gone)
    }
}

/// What the thread of a connection does.
fn live(
    target: &Target,
    opened: &answers::SyncSender<Result<(), Fault>>,
    mut jobs: mpsc::UnboundedReceiver<Job>,
) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    // Who wanted the connection may have died.
    let tell = |answer| drop(opened.send(answer));
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return tell(Err(Fault::Thread(error))),
    };
    runtime.block_on(async {
        let (session, mut driver) = match time::timeout(target.patience, connect(target)).await {
            Ok(Ok(connected)) => connected,
            Ok(Err(fault)) => return tell(Err(fault)),
            Err(_) => return tell(Err(Fault::Silent(target.patience))),
        };
        tell(Ok(()));
        let mut next = async || {
            poll_fn(|context| match Pin::new(&mut driver).poll(context) {
                Poll::Ready(_) => Poll::Ready(None),
                Poll::Pending => jobs.poll_recv(context),
            })
            .await
        };
        while !session.is_spoilt.get()
            && let Some(job) = next().await
        {
            job(&session).await;
        }
        // Nobody waits for what is left in the queue longer than this.
        drop(jobs);
        let is_spoilt = session.is_spoilt.get();
        drop(session);
        // A task that has ended was asked already, and may not be asked twice.
        if !is_spoilt && !driver.is_finished() {
            let _ = time::timeout(FAREWELL, driver).await;
        }
    });
}

/// How long to wait for the last message to leave.
const FAREWELL: Duration = Duration::from_secs(1);

async fn connect(target: &Target) -> Result<(Session, JoinHandle<()>), Fault> {
    let (client, connection) = target.config.connect(Tls::clone(&target.tls)).await?;
    let driver = tokio::spawn(async { drop(connection.await) });
    client.batch_execute(&target.settings).await?;
    // An engine that does not know these settings needs none of them.
    let _ = client.batch_execute(sql::PLANNING).await;
    let (statements, is_spoilt) = (RefCell::default(), Cell::new(false));
    Ok((Session { client, statements, patience: target.patience, is_spoilt }, driver))
}

impl Session {
    /// What asks questions. Pass what it answers to [`Session::answer`].
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// A statement that is prepared when it is used first.
    pub(super) async fn statement(&self, text: &'static str) -> Result<Statement, Fault> {
        let known = self.statements.borrow().get(text).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.answer(self.client.prepare(text)).await?;
        self.statements.borrow_mut().insert(text, statement.clone());
        Ok(statement)
    }

    /// Waits for an answer, but not for ever. Where the connection fails it is given up: nobody
    /// knows what the server still does on it.
    pub(super) async fn answer<T, E: Into<Fault>>(
        &self,
        asked: impl Future<Output = Result<T, E>>,
    ) -> Result<T, Fault> {
        let answer = match time::timeout(self.patience, asked).await {
            Ok(answer) => answer.map_err(Into::into),
            Err(_) => Err(Fault::Silent(self.patience)),
        };
        if answer.as_ref().is_err_and(Fault::spoils_the_connection) {
            self.give_up();
        }
        answer
    }

    /// Has the connection closed after this job.
    pub(super) fn give_up(&self) {
        self.is_spoilt.set(true);
    }
}

/// A question to the server that is not sent yet.
pub(super) type Question<'a> = Pin<Box<dyn Future<Output = Result<(), Error>> + 'a>>;

/// Sends several questions at once, in this order, and waits for all answers; answers the first
/// error. After an error within a transaction the server refuses what follows.
pub(super) async fn together<const N: usize>(mut asked: [Question<'_>; N]) -> Result<(), Error> {
    let mut answers = [const { None }; N];
    poll_fn(|context| {
        for (asked, answer) in asked.iter_mut().zip(&mut answers) {
            if answer.is_none()
                && let Poll::Ready(ready) = asked.as_mut().poll(context)
            {
                *answer = Some(ready);
            }
        }
        if answers.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    answers.into_iter().flatten().collect()
}
