//! What stands behind the routes: the record, the desk, the APIs before it, and who publishes.

use crate::{
    Failure,
    config::{Class, Config},
    jws::Front,
    key::Key,
    reports::Directories,
    trouble::{Trouble, Troubled},
};
use annul::{
    AddIssuer, Audit, AuditWriter, Authority, CaCertificate, Certificate, CertificateId, Clock,
    ConfirmationToken, CrlPlace, Desk, DirectorySink, Handling, IssuerId, Labels, Principal,
    Publisher, Publishing, Quorum, Rate, RedbStore, Registration, RevocationRequest, Rhythm,
    Runner, Schedule, Scope, SigningKey, Sink, Store, SystemClock, Throttle, Turn,
    api::{
        AcmeApi, AlibabaApi, ApiResponse, AwsApi, CaArn, Credential, Credentials, Service,
        StaticCredentials,
    },
};
use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

pub type Record = Arc<dyn Store>;

pub struct Office {
    pub authority: Arc<Authority<Record>>,
    pub aws: AwsApi<Record>,
    pub alibaba: AlibabaApi<Record>,
    pub acme: AcmeApi<Record>,
    pub jws: Front,
    pub service: Arc<Service<Record>>,
    /// The tokens that contacts have to give back.
    pub outbox: Arc<Mutex<Vec<(CertificateId, String)>>>,
    /// By what they are called in the configuration.
    pub issuers: BTreeMap<String, IssuerId>,
    pub arns: Vec<(CaArn, IssuerId)>,
    pub certificates: Vec<CertificateId>,
    pub trouble: Option<Trouble>,
    pub counts: Counts,
    sink: Arc<DirectorySink>,
    runner: Mutex<Option<Runner>>,
    /// Whether something may be due that the runner does not know of.
    stirred: AtomicBool,
}

/// What `/metrics` tells.
#[derive(Default)]
pub struct Counts {
    pub requests: AtomicU64,
    pub refused: AtomicU64,
    pub crls: Arc<AtomicU64>,
    pub failures: Arc<AtomicU64>,
}

impl Office {
    pub fn open(config: &Config, address: SocketAddr) -> Result<Self, Failure> {
        let trouble = config.troubles.then(Trouble::default);
        let store: Record = match &trouble {
            Some(trouble) => Arc::new(Troubled::new(open_store(config)?, trouble.clone())),
            None => open_store(config)?,
        };
        let authority = Arc::new(Authority::new(Arc::clone(&store)));
        let mut desk = Desk::new(Arc::clone(&authority));
        for class in &config.classes {
            desk = desk.with_class(&class.name, handling(class)?);
        }
        if config.quota {
            desk = desk.with_quota();
        }
        for account in &config.accounts {
            desk.set_purchases(&account.name, account.purchases)?;
        }
        let desk = Arc::new(desk);

        fs::create_dir_all(&config.crls)?;
        let sink = Arc::new(DirectorySink::new("http", &config.crls));
        let mut publisher = Publisher::new(Arc::clone(&authority));
        let mut issuers = BTreeMap::new();
        for issuer in &config.issuers {
            let certificate = Certificate::from_pem(fs::read(&issuer.certificate)?)?;
            let add = AddIssuer::new(CaCertificate::new(certificate)?);
            let id = authority.add_issuer(&add)?.issuer;
            let key = SigningKey::from_pem(fs::read(&issuer.key)?)?;
            let publishing = Publishing::new(id, schedule()?, key).to(Arc::clone(&sink));
            publisher = publisher.with(publishing);
            issuers.insert(issuer.name.clone(), id);
        }
        let certificates = register(config, &authority, &desk)?;

        let throttle = match config.calls_per_second.and_then(NonZeroU32::new) {
            Some(calls) => Throttle::new(Rate { calls, period: Duration::from_secs(1) }),
            None => Throttle::default(),
        };
        let mut writer = [0; 16];
        getrandom::fill(&mut writer).map_err(|error| error.to_string())?;
        let audit = Arc::new(Audit::new(Arc::clone(&store), AuditWriter(writer)));
        let outbox = Arc::new(Mutex::new(Vec::new()));
        let sending = Arc::clone(&outbox);
        // Whoever runs this for earnest sends a mail here.
        let send = move |certificate, _: &RevocationRequest, token: &ConfirmationToken| {
            let mut outbox = sending.lock().unwrap_or_else(PoisonError::into_inner);
            outbox.push((certificate, token.to_string()));
        };
        let service = Service::new(Arc::clone(&desk))
            .with_throttle(throttle)
            .with_audit(audit)
            .with_confirmations(send);
        let service = Arc::new(service);
        let credentials: Arc<dyn Credentials> = Arc::new(credentials(config));
        let region = if config.region.is_empty() { "us-east-1" } else { &config.region };
        let acme = AcmeApi::new(Arc::clone(&service));
        let mut alibaba = AlibabaApi::new(Arc::clone(&service), Arc::clone(&credentials));
        let mut aws = AwsApi::new(Arc::clone(&service), region, credentials);
        if let Some(path) = &config.reports {
            aws = aws.with_reports(Arc::new(Directories::new(path)));
        }
        let (mut arns, mut identifiers) = (Vec::new(), Vec::new());
        for shown in &config.authorities {
            let issuer = *issuers
                .get(&shown.issuer)
                .ok_or_else(|| format!("no issuer is called {}", shown.issuer))?;
            let arn = match &shown.arn {
                Some(arn) => arn.parse()?,
                None => CaArn::of(region, &shown.account, issuer)?,
            };
            aws = aws.with_authority(arn.clone(), issuer);
            let identifier = shown.identifier.clone().unwrap_or_else(|| issuer.to_string());
            if !identifiers.contains(&identifier) {
                alibaba = alibaba.with_authority(&identifier, issuer, &shown.account);
                identifiers.push(identifier);
            }
            arns.push((arn, issuer));
        }

        let jws = Front::new(format!("{}/acme", config.url(address)?));
        for account in &config.acme_accounts {
            let key = Key::of_private_pem(&fs::read_to_string(&account.key)?);
            let no_key = || format!("{} is no key of P-256 or RSA", account.key.display());
            jws.admit(key.ok_or_else(no_key)?, &account.account);
        }
        let counts = Counts::default();
        let (crls, failures) = (Arc::clone(&counts.crls), Arc::clone(&counts.failures));
        let runner = Runner::start(publisher, move |turn| match turn {
            Turn::Tried(attempt) => match &attempt.result {
                Ok(_) => drop(crls.fetch_add(1, Ordering::Relaxed)),
                Err(error) => {
                    failures.fetch_add(1, Ordering::Relaxed);
                    eprintln!("a CRL was not published, and will be tried again: {error}");
                }
            },
            Turn::Failed(error) => eprintln!("the record cannot be read: {error}"),
            _ => {}
        })?;
        let runner = Mutex::new(Some(runner));
        let stirred = AtomicBool::new(true);
        Ok(Self {
            authority,
            aws,
            alibaba,
            acme,
            jws,
            service,
            outbox,
            issuers,
            arns,
            certificates,
            trouble,
            counts,
            sink,
            runner,
            stirred,
        })
    }

    /// Counts an answer, after which something may have been recorded.
    pub fn counted(&self, response: ApiResponse) -> ApiResponse {
        self.counts.requests.fetch_add(1, Ordering::Relaxed);
        if response.status >= 400 {
            self.counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        self.stir();
        response
    }

    /// Says that something may have been recorded.
    pub fn stir(&self) {
        self.stirred.store(true, Ordering::Relaxed);
    }

    /// Has the runner look, if something may have been recorded since it last did.
    pub fn wake(&self) {
        if self.stirred.swap(false, Ordering::Relaxed)
            && let Some(runner) = &*self.runner.lock().unwrap_or_else(PoisonError::into_inner)
        {
            runner.wake();
        }
    }

    pub fn now(&self) -> annul::Timestamp {
        SystemClock.now()
    }

    /// The CRL of an issuer that was released last, in DER.
    pub fn crl(&self, issuer: IssuerId) -> Result<Option<Vec<u8>>, Failure> {
        let place = CrlPlace::complete(issuer, Scope::Full);
        Ok(self.sink.current(&place)?.map(|current| current.der))
    }

    /// Ends the runner, once what it has in hand is done.
    pub fn close(&self) {
        if let Some(runner) = self.runner.lock().unwrap_or_else(PoisonError::into_inner).take() {
            runner.stop();
        }
    }
}

fn open_store(config: &Config) -> Result<Record, Failure> {
    #[cfg(feature = "postgres")]
    if config.store.to_string_lossy().starts_with("postgres") {
        let url = config.store.to_string_lossy();
        return Ok(Arc::new(annul::PostgresStore::connect(&url)?));
    }
    Ok(Arc::new(RedbStore::open_or_create(&config.store)?))
}

fn handling(class: &Class) -> Result<Handling, Failure> {
    const HOUR: u64 = 60 * 60;
    let mut handling = match (class.approvals, class.confirmed_within_hours) {
        (None, None) => Handling::at_once(),
        (None, Some(hours)) => Handling::confirmed(Duration::from_secs(hours * HOUR)),
        (Some(needed), hours) => {
            let quorum = Quorum::new(needed, class.approvers.clone())?;
            let within = Duration::from_secs(hours.unwrap_or(72) * HOUR);
            let approved = Handling::approved(quorum, within);
            if hours.is_some() { approved.and_confirmed() } else { approved }
        }
    };
    if class.shown {
        handling = handling.without_withholding();
    }
    Ok(handling)
}

/// A CRL a second after a revocation, so that clients that look see it.
fn schedule() -> Result<Schedule, Failure> {
    let complete = Rhythm {
        gather: Duration::from_secs(1),
        within: Duration::from_secs(60),
        ..Schedule::private().complete()
    };
    Ok(Schedule::new(complete, Duration::from_secs(5))?)
}

/// Records the certificates of the configuration, but for those that are recorded.
fn register(
    config: &Config,
    authority: &Authority<Record>,
    desk: &Desk<Record>,
) -> Result<Vec<CertificateId>, Failure> {
    let mut ids = Vec::new();
    for certificate in &config.certificates {
        let content = Certificate::from_pem(fs::read(&certificate.file)?)?;
        let labels = Labels {
            account: Some(certificate.account.clone()),
            class: Some(certificate.class.clone()),
            external_identifier: None,
        };
        let issuer = authority.issuer_of(&content)?;
        let serial = content.serial().to_serial()?;
        let id = CertificateId::Issued { issuer, serial };
        if authority.status(issuer, serial)?.record.is_none() {
            authority
                .register(&Registration::of_certificate(content.clone()).with_labels(labels))?;
            desk.deposit(&content)?;
        }
        ids.push(id);
    }
    Ok(ids)
}

fn credentials(config: &Config) -> StaticCredentials {
    config.credentials.iter().fold(StaticCredentials::new(), |credentials, it| {
        let principal = Principal::new(&it.account, &it.name);
        credentials.with(&it.access_key_id, Credential::new(&it.secret, principal))
    })
}
